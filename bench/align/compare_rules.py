"""Comparison of both alignment rules on synthetic shops whose alignment is known.

    python -m bench.align.compare_rules [--shops NAME] [--seed N] [--reviewed N] [--drawn doubtful|random]

The classes are split into two halves. For each half, a person reviews pairs of the other half only: the most doubtful
of a first run without reviews (or pairs drawn at random). Then everything is aligned by the learned rule, and the half
is judged: the pairs of categories of two shops that became one label are compared with those that hold the same
products. The published rule is judged on the same pairs. The calibration error is that of all candidate pairs of the
judged halves, over ten bins of equal width.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from align import Category
from align.catalogue import Facts
from align.hierarchy import Hierarchy, build_hierarchy
from align.label_tables import make_label_pairs
from align.review import Decision, resolve_decisions
from align.settings import AlignSettings
from bench.align.department_stores import KnownShops, make_department_stores, scores
from bench.align.specialist_shops import make_specialist_shops

MAKERS = {"department": make_department_stores, "specialist": make_specialist_shops}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DRAWS = 999
Ends = tuple[Category, Category]
Labels = Sequence[bool] | NDArray[np.float64]


@dataclass
class _Judged:
    """Pairs in the halves judged so far."""

    true: set[Ends] = field(default_factory=set)
    published: set[Ends] = field(default_factory=set)
    learned: set[Ends] = field(default_factory=set)
    candidates: list[tuple[Ends, float, bool]] = field(default_factory=list)
    """Pair, probability, and whether its categories are the same."""
    relations: Counter[tuple[str, str]] = field(default_factory=Counter)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shops", choices=sorted(MAKERS), default="department")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reviewed", type=int, default=100)
    parser.add_argument("--drawn", choices=("doubtful", "random"), default="doubtful")
    given = parser.parse_args()
    shops = MAKERS[given.shops](given.seed)
    print(
        f"sub-classes {dict(shops.sizes)}, {len(shops.offers):,} products, {len(set(shops.classes.values()))} classes"
    )
    random = np.random.default_rng(given.seed + 1)
    published = _align(shops, AlignSettings(first_level=dict(shops.first_level)))
    same_names = [one.pair.s_content for one in published.judged if one.pair.a.name == one.pair.b.name]
    print(f"S_content of equal names: {np.mean(same_names):.2f} on the mean")
    began = time.perf_counter()
    learned = AlignSettings(first_level=dict(shops.first_level), rule="learned")
    first = _align(shops, learned)
    print(f"learned rule, one run: {time.perf_counter() - began:.1f} s")
    names = [str(name) for name in random.permutation(sorted(set(shops.classes.values())))]
    judged = _Judged()
    for taught, asked in ((names[::2], names[1::2]), (names[1::2], names[::2])):
        reviewed = _review(shops, first, taught, given.reviewed, random if given.drawn == "random" else None)
        _judge_pairs(shops, judged, asked, published, _align(shops, learned, reviewed))
    _print(judged)


def facts_of(shops: KnownShops) -> Facts:
    """Return the specifications and prices of each category."""
    specs: dict[Category, Counter[tuple[str, str]]] = {}
    prices: dict[Category, list[float]] = {}
    for offer in shops.offers:
        specs.setdefault(offer.category, Counter()).update(offer.specs.items())
        prices.setdefault(offer.category, []).append(offer.price)
    return Facts(specs, prices)


def _align(shops: KnownShops, settings: AlignSettings, reviewed: Sequence[Decision] = ()) -> Hierarchy:
    titles = shops.titles
    sizes = {category: len(found) for category, found in titles.items()}
    return build_hierarchy(titles, titles, sizes, settings, resolve_decisions(reviewed), facts_of(shops))


def _review(
    shops: KnownShops, first: Hierarchy, taught: Iterable[str], count: int, random: np.random.Generator | None
) -> list[Decision]:
    """Return a perfect reviewer's decisions on pairs of some classes."""
    rows = sorted(make_label_pairs(first).to_pylist(), key=lambda row: -row["doubt"])
    pairs = [
        (Category(row["source_a"], tuple(row["category_a"])), Category(row["source_b"], tuple(row["category_b"])))
        for row in rows
    ]
    known = [pair for pair in pairs if {shops.class_of(end) for end in pair} <= set(taught)]
    chosen = known[:count] if random is None else [known[i] for i in random.choice(len(known), count, replace=False)]
    decisions = [
        Decision("accept" if shops.relation(a, b) == "same" else "reject", a, b, "bench", NOW) for a, b in chosen
    ]
    print(f"reviewed {len(chosen)} pairs, {sum(one.kind == 'accept' for one in decisions)} accepted")
    return decisions


def _judge_pairs(
    shops: KnownShops, judged: _Judged, asked: Sequence[str], published: Hierarchy, learned: Hierarchy
) -> None:
    for a, b in shops.pairs(asked):
        if shops.relation(a, b) == "same":
            judged.true.add((a, b))
    judged.published |= _joined(shops, published, asked)
    judged.learned |= _joined(shops, learned, asked)
    for one in learned.judged:
        a, b = one.pair.a.own[0], one.pair.b.own[0]
        if {shops.class_of(a), shops.class_of(b)} <= set(asked) and one.pair.probability is not None:
            judged.candidates.append(((a, b), one.pair.probability, shops.relation(a, b) == "same"))
            judged.relations[shops.relation(a, b), one.pair.relation] += 1


def _joined(shops: KnownShops, hierarchy: Hierarchy, asked: Iterable[str]) -> set[Ends]:
    """Return the pairs of categories of two shops that are one second-level label."""
    label_of = {
        category: (top.name, child.nodes[0].key)
        for top in hierarchy.classes
        for child in top.children
        for node in child.nodes
        for category in node.own
    }
    return {(a, b) for a, b in shops.pairs(asked) if label_of[a] == label_of[b]}


def describe_calibration(pairs: Sequence[Ends], chances: Sequence[float], same: Labels) -> str:
    """Return the calibration error over ten bins, that of perfect probabilities, and the error without chance.

    Answers that fit perfect probabilities are drawn, with one number per pair, however often it is judged. Their mean
    squared deviation from the probabilities of a bin is subtracted from the squared error of that bin.
    """
    numbers: dict[Ends, int] = {}
    places = np.array([numbers.setdefault(pair, len(numbers)) for pair in pairs])
    draws = np.random.default_rng(0).random((DRAWS, len(numbers)))
    drawn = (draws[:, places] < np.array(chances)).astype(np.float64)
    gaps, strayed = _gaps(chances, same), np.array([_gaps(chances, one) for one in drawn])
    middle, high = np.quantile(np.abs(strayed).sum(axis=1), (0.5, 0.95))
    without = np.sqrt(np.maximum(gaps**2 - (strayed**2).mean(axis=0), 0)).sum()
    error = np.abs(gaps).sum()
    return (
        f"calibration error {error:.3f}, by chance {middle:.3f} (95 % below {high:.3f}), without chance {without:.3f}"
    )


def _gaps(chances: Sequence[float], same: Labels) -> NDArray[np.float64]:
    """Return the signed contribution of each of ten bins of equal width to the calibration error."""
    sure, right = np.array(chances), np.array(same, dtype=np.float64)
    return np.bincount(np.minimum((sure * 10).astype(int), 9), weights=sure - right, minlength=10) / len(sure)


def _print(judged: _Judged) -> None:
    for name, found in (("published", judged.published), ("learned", judged.learned)):
        precision, recall, f1 = scores(found, judged.true)
        print(f"{name:>9}: precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f} of {len(judged.true)} pairs")
    middle = [row for row in judged.candidates if 0.02 < row[1] < 0.98]
    for name, rows in (("candidates", judged.candidates), ("of them between .02 and .98", middle)):
        print(f"{len(rows):,} {name}: {describe_calibration(*zip(*rows, strict=True))}")
    _print_relations(judged.relations)


def _print_relations(relations: Mapping[tuple[str, str], int]) -> None:
    kinds = ("same", "broader", "narrower", "other")
    print("relation in truth (rows) and found (columns): " + ", ".join(kinds))
    for true in kinds:
        print(f"{true:>9}: " + " ".join(f"{relations[true, found]:6d}" for found in kinds))


if __name__ == "__main__":
    main()
