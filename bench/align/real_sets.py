"""Comparison of the alignment rules with untrained peers on real category trees with hand-made truth.

    python -m bench.align.real_sets SET … [--shipped] [--reviewed N] [--shapes] [--minilm FOLDER] [--valentine PYTHON]

Each SET is a folder in the format of ``bench.align.labelled_sets``. The learned rule judges a set with a model trained
on the other sets, or with the shipped one (``--shipped``). With reviews, the classes are split into two halves; a
person answers the most doubtful pairs of one half (or pairs drawn at random), and the other half is judged; both ways,
over several splits. The calibration error is that of pairs with a probability of .02 to .98: those that are unclear
after the reviews, which are fewer the more the reviews settle, and those that were unclear before.
Precision, recall and F1 count pairs of second-level categories of two shops; unsure pairs are left out.
Peers assign each category at most one partner, by the best sum over the class: names with a difflib ratio of at least
.5, TF-IDF of names and titles, and means of these. A peer marked with * has its threshold chosen in hindsight, the best
for the set.
``--shapes`` compares the rules without reviews and the peers on the sets in other shapes: skewed shops, four titles,
five levels, two languages; there the peers' thresholds are those that are best for the other sets.
``--minilm`` is the folder of a sentence transformer, whose cosines are added to the mean. ``--valentine`` names the
Python of an environment with valentine 1.0.
"""

import argparse
import json
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.feature_extraction.text import TfidfVectorizer

from align import Category, label_similarity
from align.catalogue import encode_names
from align.category import with_ancestors
from align.hierarchy import Hierarchy, build_hierarchy
from align.label_tables import make_label_pairs
from align.learned_rule import PairModel, default_model
from align.review import Decision, resolve_decisions
from align.settings import AlignSettings
from align.term_matrices import Floats
from bench.align.compare_rules import describe_calibration
from bench.align.department_stores import scores
from bench.align.labelled_sets import Ends, LabelledSet, mixed, read_set, shapes
from bench.align.train_model import train_model
from scale.encoders.sentences import encode_texts

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DEALS = 5
VALENTINE_S = 280
THRESHOLDS = tuple(np.arange(0.05, 0.9, 0.05).tolist())
_VALENTINE = """
import json, re, sys, time, nltk, pandas, valentine
from valentine import algorithms
from valentine.algorithms.coma.similarity import tfidf
from valentine.algorithms.cupid import linguistic_matching as cupid
nltk.word_tokenize = lambda text: re.findall(r"\\w+|[^\\w\\s]", text)
tfidf._english_stopwords = cupid._english_stopwords = lambda: frozenset("a an and for in of on or the to with".split())
cupid._wordnet_lemma_names = frozenset
matcher = getattr(algorithms, sys.argv[2])(**json.loads(sys.argv[3]))
found = []
for sides in json.load(open(sys.argv[1])):
    a, b = (pandas.DataFrame({name: pandas.Series(rows, dtype=str) for name, rows in side.items()}) for side in sides)
    pairs = valentine.valentine_match([a, b], matcher).items()
    found += [[pair.source_column, pair.target_column, float(score)] for pair, score in pairs]
print(json.dumps([found, time.process_time()]))
"""
MATCHERS: tuple[tuple[str, dict[str, object]], ...] = (
    ("Coma", {}),
    ("Coma", {"use_instances": True}),
    ("Cupid", {}),
    ("SimilarityFlooding", {}),
    ("JaccardDistanceMatcher", {}),
    ("DistributionBased", {}),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--shipped", action="store_true")
    parser.add_argument("--reviewed", type=int, default=100)
    parser.add_argument("--shapes", action="store_true")
    parser.add_argument("--minilm", metavar="FOLDER", type=Path)
    parser.add_argument("--valentine", metavar="PYTHON")
    given = parser.parse_args()
    sets = [read_set(folder) for folder in given.sets]
    if given.shapes:
        _compare_shapes(sets)
        return
    for labelled in sets:
        others = [one for one in sets if one is not labelled]
        model = default_model() if given.shipped or not others else train_model(others)
        print(f"\n{labelled.name}: {len(labelled.categories)} categories, {len(labelled.same)} pairs are the same")
        _compare_rules(labelled, model, given.reviewed)
        if given.minilm:
            meanings = encode_names(str(given.minilm), with_ancestors(labelled.categories))
            named = replace(labelled, facts=replace(labelled.facts, meanings=meanings))
            learned = AlignSettings(first_level=labelled.first_level, rule="learned")
            _print("learned rule with its vectors of names, no reviews", _joined(_align(named, learned, model)), named)
        sides = _sides(labelled)
        _print("difflib >= .5, one to one", _pick(labelled, sides, _similarities(labelled)["difflib"], 0.5), labelled)
        for name, similarity in _similarities(labelled, given.minilm).items():
            picked = [_pick(labelled, sides, similarity, at_least) for at_least in THRESHOLDS]
            _print(f"{name} *", max(picked, key=lambda pairs: _f1(pairs, labelled)), labelled)
        if given.valentine:
            for name, found in _valentine(labelled, given.valentine):
                _print(name, found, labelled)


def _print(name: str, found: set[Ends], labelled: LabelledSet) -> None:
    precision, recall, f1 = scores(found - labelled.unsure, labelled.same)
    print(f"  {name:44} precision {precision:.3f}  recall {recall:.3f}  F1 {f1:.3f}")


def _compare_rules(labelled: LabelledSet, model: PairModel, count: int) -> None:
    published = AlignSettings(first_level=labelled.first_level)
    learned = AlignSettings(first_level=labelled.first_level, rule="learned")
    _print("published rule", _joined(_align(labelled, published)), labelled)
    first = _align(labelled, learned, model)
    _print("learned rule, no reviews", _joined(first), labelled)
    _print_calibration(labelled, [first])
    for drawn in (False, True):
        found, true, after = [], [], []
        for deal in range(DEALS):
            random = np.random.default_rng(deal) if drawn else None
            for taught in _halves(labelled, deal):
                reviewed = [_answer(labelled, pair) for pair in _asked(labelled, first, taught, count, random)]
                judged = _align(labelled, learned, model, reviewed)
                after.append((judged, taught))
                joined = _joined(judged) - labelled.unsure
                found += [(deal, pair) for pair in joined if not _within(labelled, pair, taught)]
                true += [(deal, pair) for pair in labelled.same if not _within(labelled, pair, taught)]
        precision, recall, f1 = scores(found, true)
        name = f"learned rule, {count} {'drawn at random' if drawn else 'reviewed'}, other half"
        print(f"  {name:44} precision {precision:.3f}  recall {recall:.3f}  F1 {f1:.3f}")
        _print_calibration(labelled, [one for one, _ in after], [half for _, half in after], _unclear(first))
    reviewed = [_answer(labelled, pair) for pair in _asked(labelled, first, None, count)]
    _print(f"learned rule, {count} reviewed, all pairs", _joined(_align(labelled, learned, model, reviewed)), labelled)


def _align(
    labelled: LabelledSet, settings: AlignSettings, model: PairModel | None = None, reviewed: Sequence[Decision] = ()
) -> Hierarchy:
    decided = resolve_decisions(reviewed)
    return build_hierarchy(
        labelled.categories, labelled.titles, labelled.sizes, settings, decided, labelled.facts, model
    )


def _joined(hierarchy: Hierarchy) -> set[Ends]:
    """Return the pairs of second-level categories of two shops that are one label."""
    found: set[Ends] = set()
    for top in hierarchy.classes:
        for child in top.children:
            own = sorted(category for node in child.nodes for category in node.own)
            found |= {(a, b) for a in own for b in own if a.source < b.source}
    return found


def _halves(labelled: LabelledSet, deal: int) -> Iterator[frozenset[str]]:
    """Yield the classes to review: one half of all, then the other."""
    names = sorted({labelled.class_of(category) for category in labelled.categories})
    dealt = [str(name) for name in np.random.default_rng(deal).permutation(names)]
    yield from (frozenset(dealt[start::2]) for start in (0, 1))


def _within(labelled: LabelledSet, pair: Ends, classes: frozenset[str]) -> bool:
    return labelled.class_of(pair[0]) in classes


def _asked(
    labelled: LabelledSet,
    first: Hierarchy,
    classes: frozenset[str] | None,
    count: int,
    random: np.random.Generator | None = None,
) -> list[Ends]:
    """Return the first pairs to review, or random ones, without those that the truth leaves unsure."""
    rows = sorted(make_label_pairs(first).to_pylist(), key=lambda row: -row["doubt"])
    pairs = [
        (Category(row["source_a"], tuple(row["category_a"])), Category(row["source_b"], tuple(row["category_b"])))
        for row in rows
        if len(row["category_a"]) == 2
    ]
    known = [pair for pair in pairs if pair not in labelled.unsure]
    known = [pair for pair in known if classes is None or _within(labelled, pair, classes)]
    return [known[place] for place in random.permutation(len(known))[:count]] if random else known[:count]


def _answer(labelled: LabelledSet, pair: Ends) -> Decision:
    return Decision("accept" if pair in labelled.same else "reject", *pair, "bench", NOW)


def _pairs_of(hierarchy: Hierarchy) -> Iterator[tuple[Ends, float]]:
    """Yield the candidate pairs with their probabilities."""
    for one in hierarchy.judged:
        if one.pair.probability is not None:
            yield (one.pair.a.own[0], one.pair.b.own[0]), one.pair.probability


def _unclear(hierarchy: Hierarchy) -> frozenset[Ends]:
    return frozenset(pair for pair, chance in _pairs_of(hierarchy) if 0.02 < chance < 0.98)


def _print_calibration(
    labelled: LabelledSet,
    judged: Sequence[Hierarchy],
    taught: Sequence[frozenset[str]] | None = None,
    unclear: frozenset[Ends] | None = None,
) -> None:
    """Print the calibration error of the pairs that are unclear now, then of those that were unclear before."""
    pools: dict[str, list[tuple[Ends, float]]] = {"unclear": []}
    if unclear:
        pools["unclear before"] = []
    for place, hierarchy in enumerate(judged):
        for pair, chance in _pairs_of(hierarchy):
            if pair in labelled.unsure or (taught is not None and _within(labelled, pair, taught[place])):
                continue
            if 0.02 < chance < 0.98:
                pools["unclear"].append((pair, chance))
            if unclear and pair in unclear:
                pools["unclear before"].append((pair, chance))
    for name, pool in pools.items():
        pairs, chances = (list(column) for column in zip(*pool, strict=True))
        same = np.array([pair in labelled.same for pair in pairs], dtype=np.float64)
        error = describe_calibration(pairs, chances, same)
        print(f"    {len(pool)} pairs {name}, {len(set(pairs))} of them different: {error}")


def _f1(found: set[Ends], labelled: LabelledSet) -> float:
    return scores(found - labelled.unsure, labelled.same)[2]


def _similarities(labelled: LabelledSet, minilm: Path | None = None) -> dict[str, Floats]:
    """Return name -> untrained similarities of the second-level categories of both shops, [one, other]."""
    sides = _sides(labelled)
    names = [[category.path[-1] for category in side] for side in sides]
    texts = [[_text(labelled, category) for category in side] for side in sides]
    difflib = np.array([[label_similarity(a, b) for b in names[1]] for a in names[0]])
    ngrams = _cosines(names, analyzer="char", ngram_range=(1, 3))
    words = _cosines(texts, analyzer="char_wb", ngram_range=(2, 3))
    found = {
        "difflib": difflib,
        "TF-IDF of names": ngrams,
        "mean of difflib, TF-IDF of names": (difflib + ngrams) / 2,
        "mean of difflib, TF-IDF of names and titles": (difflib + ngrams + words) / 3,
    }
    if minilm:
        one, other = (encode_texts(str(minilm), side) for side in names)
        meaning = np.asarray(one @ other.T)
        found["MiniLM of names"] = meaning
        found["mean of MiniLM, TF-IDF and difflib of names"] = (meaning + ngrams + difflib) / 3
        found["mean of MiniLM, TF-IDF, difflib and titles"] = (meaning + ngrams + difflib + words) / 4
    return found


def _compare_shapes(sets: Sequence[LabelledSet]) -> None:
    """Print the rules and the best peer for each shape of each set, and for all sets merged into two shops."""
    for labelled in sets:
        others = [one for one in sets if one is not labelled] or [labelled]
        model = train_model(others)
        by_name: dict[str, list[LabelledSet]] = {}
        for name, shape in shapes(labelled):
            by_name.setdefault(name, []).append(shape)
        for name, drawn in by_name.items():
            _compare_shape(f"{labelled.name}, {name}", drawn, model, others)
    _compare_shape("mixed languages", [mixed(sets)], default_model(), sets)


def _compare_shape(name: str, drawn: Sequence[LabelledSet], model: PairModel, others: Sequence[LabelledSet]) -> None:
    bounds = {peer: _best_threshold(peer, others) for peer in _similarities(others[0])}
    found: defaultdict[str, set[tuple[int, Ends]]] = defaultdict(set)
    for draw, shape in enumerate(drawn):
        for rule, pairs in _find_all(shape, model, bounds):
            found[rule] |= {(draw, pair) for pair in pairs - shape.unsure}
    true = {(draw, pair) for draw, shape in enumerate(drawn) for pair in shape.same}
    f1 = {rule: scores(pairs, true)[2] for rule, pairs in found.items()}
    best = max(f1.keys() - {"published", "learned"}, key=f1.__getitem__)
    print(f"{name}, {len(drawn)} drawn: F1 published {f1['published']:.3f}, learned {f1['learned']:.3f}, ", end="")
    print(f"best peer {f1[best]:.3f} ({best})", flush=True)


def _find_all(shape: LabelledSet, model: PairModel, bounds: Mapping[str, float]) -> Iterator[tuple[str, set[Ends]]]:
    """Yield the pairs that each rule and each peer finds."""
    settings = AlignSettings(first_level=shape.first_level)
    yield "published", _joined(_align(shape, settings))
    yield "learned", _joined(_align(shape, settings.model_copy(update={"rule": "learned"}), model))
    sides, similarities = _sides(shape), _similarities(shape)
    for name, one in similarities.items():
        yield name, _pick(shape, sides, one, bounds[name])
    yield "difflib >= .5", _pick(shape, sides, similarities["difflib"], 0.5)


def _best_threshold(name: str, sets: Sequence[LabelledSet]) -> float:
    """Return the best threshold of a similarity for some sets."""
    known = [(one, _sides(one), _similarities(one)[name]) for one in sets]
    best: float = max(
        THRESHOLDS, key=lambda least: sum(_f1(_pick(one, sides, all_, least), one) for one, sides, all_ in known)
    )
    return best


def _sides(labelled: LabelledSet) -> list[list[Category]]:
    second = [category for category in with_ancestors(labelled.categories) if len(category.path) == 2]
    return [[c for c in second if c.source == source] for source in sorted({c.source for c in second})[:2]]


def _text(labelled: LabelledSet, category: Category) -> str:
    below = [
        one for one in sorted(labelled.categories) if one.path[:2] == category.path and one.source == category.source
    ]
    return "\n".join(
        [
            *(title for one in below for title in labelled.titles.get(one, ())),
            *("/".join(one.path[1:]) for one in below),
        ]
    )


def _cosines(sides: Sequence[Sequence[str]], **how: object) -> Floats:
    vectors = TfidfVectorizer(**how).fit([text for side in sides for text in side])
    one, other = (vectors.transform(side) for side in sides)
    return np.asarray((one @ other.T).toarray())


def _pick(labelled: LabelledSet, sides: Sequence[Sequence[Category]], similarity: Floats, at_least: float) -> set[Ends]:
    """Return the assignment of greatest similarity within classes."""
    classes = [np.array([labelled.class_of(category) for category in side]) for side in sides]
    allowed = (classes[0][:, None] == classes[1][None, :]) & (similarity >= at_least)
    i, j = linear_sum_assignment(-np.where(allowed, similarity, 0))
    return {(sides[0][a], sides[1][b]) for a, b in zip(i, j, strict=True) if allowed[a, b]}


def _valentine(labelled: LabelledSet, python: str) -> Iterator[tuple[str, set[Ends]]]:
    """Yield the pairs of valentine's matchers, by class, categories as columns with 20 titles; best threshold."""
    sides = _sides(labelled)
    columns = [
        [(labelled.class_of(c), f"{n} {c.path[-1]}", _text(labelled, c).split("\n")[:20]) for n, c in enumerate(side)]
        for side in sides
    ]
    classes = sorted({name for name, *_ in columns[0]} & {name for name, *_ in columns[1]})
    tables = [[{name: rows for own, name, rows in side if own == one} for side in columns] for one in classes]
    for matcher, options in MATCHERS:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(tables, file)
            file.flush()
            command = [python, "-c", _VALENTINE, file.name, matcher, json.dumps(options)]
            name = f"valentine {matcher}{' with values' if options else ''}"
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=VALENTINE_S)
            except subprocess.TimeoutExpired:
                print(f"  {name}: not done after {VALENTINE_S} s", flush=True)
                continue
        if done.returncode:
            print(f"  {name}: {done.stderr.strip().splitlines()[-1]}", flush=True)
            continue
        pairs, seconds = json.loads(done.stdout)
        similarity = np.zeros([len(side) for side in sides])
        for a, b, score in pairs:
            similarity[int(a.split()[0]), int(b.split()[0])] = score
        found = [_pick(labelled, sides, similarity, at_least) for at_least in np.arange(0.01, 0.95, 0.03)]
        yield f"{name} * ({seconds:.0f} CPU s)", max(found, key=lambda one: _f1(one, labelled))


if __name__ == "__main__":
    main()
