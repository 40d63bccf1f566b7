"""Real category trees of two shops with hand-made truth, one folder per set.

A folder holds one JSON Lines feed per shop (``SOURCE.jsonl.gz``: id, title, category, specs, price), and
``truth.json``: ``first_level`` as in the settings, and pairs of second-level categories: ``same``, ``unsure``.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from align import Category
from align.catalogue import Facts

__all__ = ["LabelledSet", "mixed", "read_set", "shapes", "without_facts"]

DRAWS = 3
Ends = tuple[Category, Category]


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Categories of two or more shops, and the pairs of the second level that are the same."""

    name: str
    categories: frozenset[Category]
    titles: dict[Category, list[str]]
    facts: Facts
    first_level: dict[str, str]
    same: frozenset[Ends]
    """Each pair in order of source."""
    unsure: frozenset[Ends]

    @property
    def sizes(self) -> dict[Category, int]:
        """Category -> number of products; 1 if no title is known."""
        return {category: max(len(self.titles.get(category, ())), 1) for category in self.categories}

    def class_of(self, category: Category) -> str:
        """Return a category's class by the mapping in ``truth.json``."""
        top = category.path[0]
        return self.first_level.get(f"{category.source}:{top}", self.first_level.get(top, top))


def read_set(folder: Path) -> LabelledSet:
    """Read the set in a folder."""
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    categories: set[Category] = set()
    titles: dict[Category, list[str]] = {}
    specs: dict[Category, Counter[tuple[str, str]]] = {}
    prices: dict[Category, list[float]] = {}
    for source, row in _rows(folder):
        category = Category(source, tuple(row["category"]))
        categories.add(category)
        if row["title"]:
            titles.setdefault(category, []).append(row["title"])
        for line in row.get("specs") or ():
            specs.setdefault(category, Counter())[line["property"], line["value"]] += 1
        if row.get("price"):
            prices.setdefault(category, []).append(float(row["price"]))
    same, unsure = (frozenset(map(_pair, truth.get(key, ()))) for key in ("same", "unsure"))
    facts = Facts(specs, prices)
    return LabelledSet(folder.name, frozenset(categories), titles, facts, truth["first_level"], same, unsure)


def _rows(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield path.name.removesuffix(".jsonl.gz"), json.loads(line)


def _pair(ends: list[list[Any]]) -> Ends:
    a, b = sorted(Category(source, tuple(path)) for source, path in ends)
    return a, b


def without_facts(labelled: LabelledSet) -> Iterator[LabelledSet]:
    """Yield the set with fewer facts: without names below the second level, and with one title per category."""
    if any(len(category.path) > 2 for category in labelled.categories):
        flat: dict[Category, list[str]] = {}
        for category, found in labelled.titles.items():
            flat.setdefault(Category(category.source, category.path[:2]), []).extend(found)
        short = frozenset(Category(category.source, category.path[:2]) for category in labelled.categories)
        yield replace(labelled, name=f"{labelled.name}, two levels", categories=short, titles=flat, facts=Facts())
    if labelled.titles:
        few = {category: found[:1] for category, found in labelled.titles.items()}
        yield replace(labelled, name=f"{labelled.name}, one title", titles=few)


def shapes(labelled: LabelledSet) -> Iterator[tuple[str, LabelledSet]]:
    """Yield the name of a shape and the set in it, some shapes in several random draws."""
    sources = sorted({category.source for category in labelled.categories})
    for draw in range(DRAWS if labelled.titles else 0):
        random = np.random.default_rng(draw)
        mixed = {c: [found[at] for at in random.permutation(len(found))] for c, found in labelled.titles.items()}
        for small in sources:
            thin = {c: f[: max(len(f) // 20, 1)] if c.source == small else f for c, f in mixed.items()}
            yield "one title in 20 of one shop", replace(labelled, titles=thin, facts=Facts())
        four = {category: found[:4] for category, found in mixed.items()}
        yield "four titles", replace(labelled, titles=four, facts=Facts())
    if labelled.titles:
        yield "no titles", replace(labelled, titles={}, facts=Facts())
    for place, small in enumerate(sources):
        second = sorted({category.path[:2] for category in labelled.categories if category.source == small})
        for start in range(5):
            kept = set(second[start::5])
            fewer = frozenset(c for c in labelled.categories if c.source != small or c.path[:2] in kept)
            same = frozenset(pair for pair in labelled.same if pair[place].path[:2] in kept)
            yield "one sub-class in 5 of one shop", replace(labelled, categories=fewer, same=same)
    deep = {c: Category(c.source, _deeper(c.path)) for c in labelled.categories}
    titles = {deep[category]: found for category, found in labelled.titles.items()}
    categories = frozenset(deep.values())
    yield "five levels", replace(labelled, categories=categories, titles=titles, facts=Facts())


def _deeper(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return a path of two or more levels extended to five; a path of one level is unchanged."""
    return path if len(path) < 2 else (*path, f"{path[-1]} A", f"{path[-1]} A 1", f"{path[-1]} A 1 b")[:5]


def mixed(sets: Sequence[LabelledSet]) -> LabelledSet:
    """Merge the first shops of all sets into one and the second into another: several languages in each."""

    def moved(category: Category, one: LabelledSet) -> Category:
        first = min(c.source for c in one.categories)
        return Category("one" if category.source == first else "two", category.path)

    def pairs(name: str) -> frozenset[Ends]:
        return frozenset((moved(a, one), moved(b, one)) for one in sets for a, b in getattr(one, name))

    mapping = {f"{moved(c, one).source}:{c.path[0]}": one.class_of(c) for one in sets for c in one.categories}
    return LabelledSet(
        "mixed languages",
        frozenset(moved(c, one) for one in sets for c in one.categories),
        {moved(c, one): found for one in sets for c, found in one.titles.items()},
        Facts(),
        mapping,
        pairs("same"),
        pairs("unsure"),
    )
