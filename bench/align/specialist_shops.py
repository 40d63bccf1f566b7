"""Three synthetic specialist shops, made in another way than the department stores.

Kinds of products are composed, not listed, from a use and a thing in one of five aisles, as 轿车 + 坐垫. Each shop
builds its own names: the thing or a synonym, with the use before it or after it in brackets, or alone on a shelf for
all uses. Titles are one sentence of the thing, its parts, its use and its grade, with brand and code at the end; aisles
share grades but no other words. A shelf holds one use of a thing, or all its uses (then it is the broader one). Shelves
have at least ten titles, with a median of thirty; a third of the products has no specification.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from align import Category
from bench.align.department_stores import KnownShops, Offer

__all__ = ["make_specialist_shops"]

_FILE = Path(__file__).with_name("specialist_goods.txt")
_GRADES = ("标准型", "升级型", "加强型", "经济型")
_MAKERS = "岳衡捷朗固川沃峰锐翔"
SHOPS = ("x", "y", "z")


def make_specialist_shops(seed: int = 0) -> KnownShops:
    """Return three shops with about 140 sub-classes each."""
    random = np.random.default_rng(seed)
    offers: list[Offer] = []
    parts: dict[Category, frozenset[str]] = {}
    classes: dict[str, str] = {}
    first: dict[str, str] = {}
    for block in _FILE.read_text("utf-8").removeprefix("# ").split("\n# "):
        (aisle, *uses), *listed = (line.split() for line in block.splitlines())
        things = [_thing(line) for line in listed]
        classes |= {f"{aisle}/{use}{thing[0]}": aisle for use, thing in product(uses, things)}
        for shop, source in enumerate(SHOPS):
            above = (aisle, f"{aisle}商城", f"全部{aisle}")[shop]
            first[f"{source}:{above}"] = aisle
            for category, kinds in _shelves(random, source, above, uses, things):
                parts[category] = frozenset(f"{aisle}/{use}{thing[0]}" for use, thing in kinds)
                offers += _offers(random, category, kinds, shop)
    return KnownShops(offers, parts, first, classes)


Thing = tuple[str, str, tuple[str, ...]]
"""Name, other name, words in titles."""


def _thing(line: Sequence[str]) -> Thing:
    """Parse ``name:other name:word`` and further words."""
    name, other, first = line[0].split(":")
    return name, other, (first, *line[1:])


def _shelves(
    random: np.random.Generator, source: str, above: str, uses: Sequence[str], things: Sequence[Thing]
) -> Iterator[tuple[Category, list[tuple[str, Thing]]]]:
    """Yield the shelves of an aisle: by use and thing, or by thing alone."""
    for thing in things:
        name = thing[0] if random.random() < 0.55 else thing[1]
        if random.random() < 0.25:
            yield Category(source, (above, name)), [(use, thing) for use in uses]
            continue
        for use in uses:
            if random.random() < 0.06:
                continue
            form = ("{0}{1}", "{1}({0})", "{0}用{1}")[int(random.integers(3))]
            yield Category(source, (above, form.format(use, name))), [(use, thing)]


def _offers(
    random: np.random.Generator, category: Category, kinds: Sequence[tuple[str, Thing]], shop: int
) -> Iterator[Offer]:
    weights = random.dirichlet([2.0] * 3)
    for _ in range(int(np.clip(random.lognormal(np.log(30), 0.6), 10, 150))):
        use, (name, other, words) = kinds[int(random.integers(len(kinds)))]
        said = (name, other)[int(random.random() < (0.3, 0.5, 0.6)[shop])]
        grade = str(random.choice(_GRADES))
        chosen = [str(word) for word in random.choice(words, 2, replace=False, p=weights)]
        maker = "".join(random.choice(list(_MAKERS), 2))
        title = f"{chosen[0]}{said}{chosen[1]}适合{use}{grade} {maker} No.{random.integers(100, 999)}"
        specs = {("款式", "版本", "类型")[shop]: grade, "适用": use} if random.random() > 1 / 3 else {}
        yield Offer(category, title, specs, round(float(random.lognormal(4 + len(name) / 3, 0.4)), 2))
