"""Mapping categories onto published trees, beside mappings that other people made.

    python -m bench.align.onto_trees --tree TREE --mapping FILE --products FILE … [--every N] [--write MODEL]

MAPPING is a text of Shopify's product-taxonomy, dist/en/integrations/google/shopify_…_to_google_….txt, and TREE is
the Google taxonomy that it names, as published. Its categories are mapped with all their names, and again without the
two outermost ones, which no other shop shares. PRODUCTS are the JSON lines of the product classification task of MWPD
2020: products of 1,100 shops with the shop's own category, title, and GS1 GPC labels of three levels; a category has
the label of three quarters of its products.

Groups are left out: verticals of a mapping, shops of products. The model is trained on the other groups, and judged
without reviews and after the most uncertain 100 categories of the judged groups were answered from the truth; reviewed
categories are not judged. Peers choose among the same candidates. With --write the model is trained on all groups.
"""

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zlib import crc32

import numpy as np
from scipy.optimize import minimize

from align.catalogue import NO_FACTS
from align.category import Category, fault, with_ancestors
from align.learned_rule import PairModel
from align.onto import TargetNode, TargetTree, read_tree
from align.onto.candidates import find_candidates
from align.onto.node_texts import Ends, make_ends
from align.onto.target_tree import build_tree, split_path
from align.onto.tree_features import TREE_FEATURES, Lessons, pair_features
from align.onto.tree_rule import Judged, answers_of, judge, make_pairs, settle, with_structure
from align.pair_features import CandidatePairs, Places
from align.term_matrices import Floats

__all__ = ["LabelledTree", "measure", "train"]

_FOLDS = 4
_REVIEWS = 100
_LESSONS = 300
"""Random reviews that an example of the training has, so that the weight of reviews is learned too."""
_STRENGTH = 0.003
"""Penalty on squared weights."""
_ROUNDS = 4
_BY_HAND = {"properties": (0.05, 0.2, 0.3), "values": (0.05, 0.2, 0.3), "meaning": (0.3, 0.2, 0.5)}
"""Centre, scale and weight of the features that the sets lack; reviews change the weights."""
_AGREED = 0.75
_LEVELS = ("lvl1", "lvl2", "lvl3")
_DEPENDENT = {"taught": (0.1, 0.2), "inherits": (0.3, 0.4), "under": (0.5, 0.4), "holds": (0.5, 0.4)}
"""Centre and scale of the features that depend on reviews and on other categories."""
_MAPPED = re.compile(r"→ (.+)\n⇒ (.+)")
_PEERS = {
    "difflib, names": "name",
    "TF-IDF, paths": "path",
    "equal names from the top": "prefix",
    "TF-IDF, titles": "titles",
}


@dataclass(frozen=True, slots=True)
class LabelledTree:
    """Categories with the node that other people chose."""

    name: str
    tree: TargetTree
    truth: Mapping[Category, tuple[str, ...]]
    groups: Mapping[Category, str]
    """Category -> vertical or shop; whole groups are left out."""
    titles: Mapping[Category, Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Fold:
    """The categories of some groups."""

    labelled: LabelledTree
    ends: Ends
    node: Places
    """Index of the true node of each category; -1: unknown."""
    examples: tuple[tuple[CandidatePairs, Mapping[int, bool], Places], ...]
    """Candidate pairs, answers, and true nodes of the categories to learn from (-1: none); without and with reviews."""


def mapping_sets(tree: Path, mapping: Path, every: int) -> Iterator[LabelledTree]:
    """Yield the categories of a mapping with all names, then without the two outermost ones."""
    google = read_tree("google", tree)
    pairs = [(split_path(a), split_path(b)) for a, b in _MAPPED.findall(mapping.read_text(encoding="utf-8"))][::every]
    for cut in (0, 2):
        kept = {Category("shop", a[cut:]): (b, a[0]) for a, b in reversed(pairs) if len(a) > cut}
        truth = {category: node for category, (node, _) in kept.items()}
        groups = {category: vertical for category, (_, vertical) in kept.items()}
        yield LabelledTree(f"mapping, without {cut} outer levels", google, truth, groups, {})


def product_set(files: Sequence[Path]) -> LabelledTree:
    """Return the categories of shops whose products have labels."""
    lines = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    nodes: dict[tuple[str, ...], TargetNode] = {}
    found: defaultdict[Category, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
    for line in lines:
        labels = [line[level].partition("_") for level in _LEVELS]
        path = tuple(name.strip().replace(">", "/") for _, _, name in labels)
        for depth, (code, _, _) in enumerate(labels, 1):
            nodes[path[:depth]] = TargetNode(code, path[:depth])
        names = [" ".join(name.replace("\ufffd", " ").split()) for name in (line["CategoryText"] or "").split(">")]
        own = tuple(name for place, name in enumerate(names) if name and (not place or name != names[place - 1]))
        category = Category(urlsplit(line["URL"]).netloc, own)
        if fault(own) is None:
            found[category].append((line["Name"], path))
    truth = {category: node for category, some in found.items() if (node := _agreed([path for _, path in some]))}
    titles = {category: [name for name, _ in some] for category, some in found.items()}
    tree = build_tree("gpc", ((node.id, node) for node in nodes.values()))
    return LabelledTree("products of shops, GPC", tree, truth, {one: one.source for one in found}, titles)


def _agreed(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the deepest path of three quarters of the products; empty if there is none."""
    for depth in range(len(_LEVELS), 0, -1):
        path, count = Counter(path[:depth] for path in paths).most_common(1)[0]
        if count >= _AGREED * len(paths):
            return path
    return ()


def _folds(labelled: LabelledTree) -> list[_Fold]:
    groups = sorted(set(labelled.groups.values()), key=lambda group: crc32(group.encode()))
    number = {group: place % _FOLDS for place, group in enumerate(groups)}
    return [
        _fold(labelled, [one for one, group in labelled.groups.items() if number[group] == fold])
        for fold in range(_FOLDS)
    ]


def _fold(labelled: LabelledTree, categories: Sequence[Category]) -> _Fold:
    every = list(with_ancestors(categories))
    ends = make_ends(every, {one: labelled.titles.get(one, ()) for one in every}, NO_FACTS, labelled.tree)
    place = {node.path: number for number, node in enumerate(labelled.tree.nodes)}
    node = np.array([place[labelled.truth[one]] if one in labelled.truth else -1 for one in every], dtype=np.int64)
    known = np.flatnonzero(node >= 0)
    chosen = np.random.default_rng(0).choice(known, min(_LESSONS, len(known) // 2), replace=False).tolist()
    return _Fold(labelled, ends, node, (_example(ends, node, ()), _example(ends, node, chosen)))


def _example(ends: Ends, node: Places, reviewed: Sequence[int]) -> tuple[CandidatePairs, Mapping[int, bool], Places]:
    chosen = {row: int(node[row]) for row in reviewed}
    lessons = Lessons.of(ends, chosen) if chosen else None
    left, right = find_candidates(ends, [*chosen.items(), *(lessons.nearest(5) if lessons else ())])
    pairs = make_pairs(left, right, pair_features(ends, left, right, lessons))
    learned = node.copy()
    learned[list(chosen)] = -1
    return pairs, answers_of(pairs, chosen), learned


def train(folds: Sequence[_Fold]) -> PairModel:
    """Return the model that gives the true nodes of the folds the greatest probability; no weight is negative."""
    examples = [(fold.ends, *example) for fold in folds for example in fold.examples]
    names = list(TREE_FEATURES)
    features = np.concatenate([pairs.features for _, pairs, _, _ in examples])
    known = np.maximum((~np.isnan(features)).sum(axis=0), 1)
    centre = np.nansum(features, axis=0) / known
    scale = np.sqrt(np.nansum((features - centre) ** 2, axis=0) / known)
    centre[scale < 1e-6], scale[scale < 1e-6] = 0.5, 0.25
    for name, (middle, width) in _DEPENDENT.items():
        centre[names.index(name)], scale[names.index(name)] = middle, width
    model = PairModel(centre, scale, np.zeros(len(names)), 0.0)
    current = [pairs for _, pairs, _, _ in examples]
    for _ in range(_ROUNDS):
        model = _fit(model, [(pairs, node) for pairs, (*_, node) in zip(current, examples, strict=True)])
        judged = [
            settle(ends, pairs, answers, model, rounds=0)
            for pairs, (ends, _, answers, _) in zip(current, examples, strict=True)
        ]
        current = [with_structure(one[0], some.pairs, some.chances) for one, some in zip(examples, judged, strict=True)]
    fitted = _fit(model, [(pairs, node) for pairs, (*_, node) in zip(current, examples, strict=True)])
    for name, given in _BY_HAND.items():
        place = names.index(name)
        fitted.centre[place], fitted.scale[place], fitted.weights[place] = given
    return fitted


def _fit(model: PairModel, examples: Sequence[tuple[CandidatePairs, Places]]) -> PairModel:
    data = [_choices(model, pairs, node) for pairs, node in examples]
    total = sum(int(true.sum()) for _, _, true in data)

    def loss(weights: Floats) -> tuple[float, Floats]:
        value, slope = _STRENGTH * float(weights @ weights) / 2, _STRENGTH * weights
        for inputs, category, true in data:
            odds, count = inputs @ weights, int(category.max(initial=-1)) + 1
            largest = np.full(count, -np.inf)
            np.maximum.at(largest, category, odds)
            weight = np.exp(odds - largest[category])
            sums = np.bincount(category, weight, count)
            value += float(np.log(sums).sum() + largest.sum() - true @ odds) / total
            slope = slope + inputs.T @ (weight / sums[category] - true) / total
        return value, slope

    bounds = [(0.0, None)] * len(model.weights)
    found = minimize(loss, model.weights, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 60}).x
    return PairModel(model.centre, model.scale, found, 0.0)


def _choices(model: PairModel, pairs: CandidatePairs, node: Places) -> tuple[Floats, Places, Floats]:
    """Return the inputs, the category and the truth of each pair of the categories whose node is a candidate."""
    true = (pairs.right == node[pairs.left]).astype(np.float64)
    kept = np.bincount(pairs.left, true)[pairs.left] > 0
    category = np.unique(pairs.left[kept], return_inverse=True)[1]
    return model.inputs(pairs.features[kept]), category, true[kept]


def measure(folds: Sequence[_Fold], others: Sequence[_Fold]) -> dict[str, tuple[float, ...]]:
    """Return method -> exact node, parent right, hierarchical F1, mean probability and calibration error.

    Args:
        folds: Folds of one set, each left out in turn.
        others: Folds of other sets, on which every model is trained too.
    """
    found: defaultdict[str, list[tuple[TargetTree, Places, Places, Floats]]] = defaultdict(list)
    for number, fold in enumerate(folds):
        model = train([*(one for place, one in enumerate(folds) if place != number), *others])
        pairs = fold.examples[0][0]
        plain = settle(fold.ends, pairs, {}, model)
        asked = np.flatnonzero(fold.node >= 0)
        found["without reviews"].append(_judged(fold, plain, asked))
        for name, feature in _PEERS.items():
            column = np.nan_to_num(pairs.features[:, list(TREE_FEATURES).index(feature)])
            found[name].append(_judged(fold, Judged(pairs, column, model), asked))
        doubtful = asked[np.argsort(_best(plain, fold.ends.count)[1][asked], kind="stable")[:_REVIEWS]]
        taught = judge(fold.ends, {int(row): int(fold.node[row]) for row in doubtful}, model)
        found[f"after {_REVIEWS} reviews"].append(_judged(fold, taught, np.setdiff1d(asked, doubtful)))
    return {name: _figures(some) for name, some in found.items()}


def _best(judged: Judged, count: int) -> tuple[Places, Floats]:
    """Return the likeliest node of each category and its probability; -1 and 0 without candidates."""
    order = np.lexsort((-judged.chances, judged.pairs.left))
    category, first = np.unique(judged.pairs.left[order], return_index=True)
    node, chance = np.full(count, -1, dtype=np.int64), np.zeros(count)
    node[category], chance[category] = judged.pairs.right[order[first]], judged.chances[order[first]]
    return node, chance


def _judged(fold: _Fold, judged: Judged, asked: Places) -> tuple[TargetTree, Places, Places, Floats]:
    node, chance = _best(judged, fold.ends.count)
    return fold.labelled.tree, node[asked], fold.node[asked], chance[asked]


def _figures(some: Sequence[tuple[TargetTree, Places, Places, Floats]]) -> tuple[float, ...]:
    exact, parent, shared, found, wanted = [], [], 0, 0, 0
    for tree, nodes, truth, _ in some:
        for node, true in zip(nodes.tolist(), truth.tolist(), strict=True):
            a, b = tree.nodes[node].path if node >= 0 else (), tree.nodes[true].path
            same = next((d for d, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
            exact.append(node == true)
            parent.append(same >= len(b) - 1 and len(a) >= len(b) - 1)
            shared, found, wanted = shared + same, found + len(a), wanted + len(b)
    chance = np.concatenate([chances for *_, chances in some])
    right = np.array(exact, dtype=np.float64)
    tenth = np.minimum((chance * 10).astype(np.int64), 9)
    error = sum(
        abs(right[tenth == one].mean() - chance[tenth == one].mean()) * (tenth == one).mean() for one in set(tenth)
    )
    return (
        float(right.mean()),
        float(np.mean(parent)),
        2 * shared / (found + wanted),
        float(chance.mean()),
        float(error),
    )


def main() -> None:
    """Measure each set, and write the model if asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--mapping", type=Path, required=True)
    parser.add_argument("--products", type=Path, nargs="+", required=True)
    parser.add_argument("--every", type=int, default=1, help="Take every N-th category of the mapping.")
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    sets = [_folds(one) for one in (*mapping_sets(given.tree, given.mapping, given.every), product_set(given.products))]
    if given.write:
        write_model(train([fold for folds in sets for fold in folds]), given.write)
    for folds in sets:
        others = [fold for other in sets if other is not folds and _other_groups(other, folds) for fold in other]
        print(f"{folds[0].labelled.name}: {sum(int((fold.node >= 0).sum()) for fold in folds)} categories")
        for name, figures in measure(folds, others).items():
            exact, parent, hierarchical, chance, error = figures
            print(f"  {name:26s} exact {exact:.3f}  parent {parent:.3f}  hierarchical F1 {hierarchical:.3f}", end="")
            print(
                f"  mean probability {chance:.3f}, calibration error {error:.3f}" if "review" in name else "",
                flush=True,
            )


def _other_groups(other: Sequence[_Fold], folds: Sequence[_Fold]) -> bool:
    """Return whether two sets share no group: the forms of one mapping are never trained on for each other."""
    return other[0].labelled.tree is not folds[0].labelled.tree


def write_model(model: PairModel, path: Path) -> None:
    """Write the numbers of a model as JSON."""
    columns = zip(TREE_FEATURES, model.centre.tolist(), model.scale.tolist(), model.weights.tolist(), strict=True)
    features = {
        name: {"centre": round(centre, 4), "scale": round(scale, 4), "weight": round(weight, 4)}
        for name, centre, scale, weight in columns
    }
    path.write_text(json.dumps({"sharpness": 1.0, "features": features}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
