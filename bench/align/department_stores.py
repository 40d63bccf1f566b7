"""Three synthetic department stores with the same products on shelves that are named and divided differently.

They are made in this order, with all random numbers from one seeded generator:

- A shop leaves out one kind of product in twenty-five.
- Names: the first shop uses the commonest name for five kinds in six, the others for two in five; otherwise another of
  the kind's names, or one with a meaningless addition (系列, 专区, 商品).
- Merged: in each aisle of a shop, one pair of neighbours in twelve becomes one shelf, named after both.
- Split: one kind in twenty-five of a shop is on two shelves, each with one half of its products.
- Moved: one kind in twenty of a shop is in another aisle.
- One shelf in five has a third level, named after the nouns of its products.
- Titles: brand, one or two nouns of the kind, two to four words shared by the whole aisle and a value, in the shop's
  order. Each shelf prefers some of these words, so strongly that titles of shelves with equal names in two shops are
  on average as similar as in the paper, .75. The number of titles per shelf is long-tailed, with a median of 40.
- Specifications: the aisle's properties, under the shop's own names and in its own notation, with values by the
  preferences of the kind. Prices: log-normal around the kind's median.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from pathlib import Path
from typing import Literal

import numpy as np

from align import Category

__all__ = ["KnownShops", "Offer", "make_department_stores", "scores"]

Relation = Literal["same", "broader", "narrower", "other"]


@dataclass(frozen=True, slots=True)
class Offer:
    """A product of a synthetic shop."""

    category: Category
    title: str
    specs: Mapping[str, str]
    price: float


@dataclass(frozen=True, slots=True)
class KnownShops:
    """Shops with their true alignment."""

    offers: Sequence[Offer]
    parts: Mapping[Category, frozenset[str]]
    """Second-level category -> the smallest kinds of products in it."""
    first_level: Mapping[str, str]
    """``source:Name`` -> class, as a person would map it."""
    classes: Mapping[str, str]
    """Smallest kind -> its true class."""

    def relation(self, a: Category, b: Category) -> Relation:
        """Return the relation of the products in ``a`` to those in ``b``."""
        one, other = self.parts[a], self.parts[b]
        if one == other:
            return "same"
        return "broader" if one > other else "narrower" if one < other else "other"

    def class_of(self, category: Category) -> str:
        """Return the true class of a category's products, whatever aisle they are in."""
        return self.classes[min(self.parts[category])]

    def pairs(self, pairs_among: Iterable[str]) -> Iterator[tuple[Category, Category]]:
        """Yield all pairs of categories of two shops, both of whose products are of these classes."""
        wanted = set(pairs_among)
        there = [category for category in sorted(self.parts) if self.class_of(category) in wanted]
        yield from ((a, b) for a, b in combinations(there, 2) if a.source != b.source)

    @property
    def titles(self) -> dict[Category, list[str]]:
        """Deepest category of products -> their titles."""
        found: dict[Category, list[str]] = {}
        for offer in self.offers:
            found.setdefault(offer.category, []).append(offer.title)
        return found

    @property
    def sizes(self) -> Counter[str]:
        """Source -> number of sub-classes."""
        return Counter(category.source for category in self.parts)


def scores(found: Iterable[object], true: Iterable[object]) -> tuple[float, float, float]:
    """Return precision, recall and F1 of a set of pairs; 0 if nothing is found or true."""
    found, true = set(found), set(true)
    right = len(found & true)
    precision, recall = right / max(len(found), 1), right / max(len(true), 1)
    return precision, recall, 2 * right / max(len(found) + len(true), 1)


_FILE = Path(__file__).with_name("products.txt")


@dataclass(frozen=True, slots=True)
class Good:
    """A kind of product."""

    names: tuple[str, ...]
    """Names in shops, the commonest first."""
    nouns: tuple[str, ...]
    """Nouns in titles."""
    price: float
    """Median, yuan."""


@dataclass(frozen=True, slots=True)
class Aisle:
    """A class of products."""

    names: tuple[str, ...]
    """One name per shop."""
    features: tuple[str, ...]
    """Words in titles of all its products."""
    properties: dict[str, tuple[str, ...]]
    """Property -> values."""
    products: tuple[Good, ...]


def read_goods() -> list[Aisle]:
    """Read the aisles: each a heading (names | features | properties) and its kinds (names | nouns | price)."""
    lines = _FILE.read_text("utf-8").splitlines()
    numbers = list(_numbered(lines))
    return [_aisle([line for _, line in block]) for _, block in groupby(numbers, key=lambda one: one[0])]


def _numbered(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield each line with the number of headings up to it."""
    number = 0
    for line in lines:
        number += line.startswith("#")
        yield number, line


def _aisle(lines: Sequence[str]) -> Aisle:
    names, features, properties = (part.strip() for part in lines[0].removeprefix("#").split("|"))
    pairs = (one.split(":") for one in properties.split())
    return Aisle(
        tuple(names.split("/")),
        tuple(features.split()),
        {name: tuple(values.split(",")) for name, values in pairs},
        tuple(_good(line) for line in lines[1:]),
    )


def _good(line: str) -> Good:
    names, nouns, price = (part.strip() for part in line.split("|"))
    return Good(tuple(names.split("/")), tuple(nouns.split()), float(price))


SHOPS = ("a", "b", "c")
_ADDITIONS = ("系列", "专区", "商品")
_JOINERS = ("/", "与", "、")
_HALVES = (("进口", "国产"), ("家用", "商用"), ("高端", "平价"))
_PROPERTY_NAMES = ("{}", "{}分类", "商品{}")
_COMMON = ("正品", "包邮", "2024新款", "热卖", "促销", "旗舰店", "官方", "厂家直销")
_SYLLABLES = "诺雅恒凯思博美佳欧迪森宝科利泰丰华源康乐"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of product with its brands and preferred values, the same in every shop."""

    key: str
    good: Good
    aisle: int
    brands: Sequence[str]
    likes: dict[str, np.ndarray]
    """Property -> probabilities of its values, one row per half."""


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A second-level category of one shop."""

    category: Category
    kinds: tuple[tuple[_Kind, str], ...]
    """Kind and half: "" (both), "0" or "1"."""
    word: str = ""
    """Word that marks the half in titles."""


def make_department_stores(seed: int = 0) -> KnownShops:
    """Return three shops with more than 300 sub-classes each."""
    random = np.random.default_rng(seed)
    aisles = read_goods()
    kinds = list(_kinds(random, aisles))
    shelves = [shelf for shop in range(len(SHOPS)) for shelf in _shelves(random, aisles, kinds, shop)]
    offers = [offer for shelf in shelves for offer in _offers(random, aisles, shelf)]
    parts: dict[Category, frozenset[str]] = {}
    for shelf in shelves:
        own = {kind.key + half for kind, only in shelf.kinds for half in (only or "01")}
        parts[shelf.category] = parts.get(shelf.category, frozenset()) | own
    first = {f"{shop}:{aisle.names[number]}": aisle.names[0] for aisle in aisles for number, shop in enumerate(SHOPS)}
    classes = {kind.key + half: aisles[kind.aisle].names[0] for kind in kinds for half in "01"}
    return KnownShops(offers, parts, first, classes)


def _kinds(random: np.random.Generator, aisles: Sequence[Aisle]) -> Iterator[_Kind]:
    for number, aisle in enumerate(aisles):
        brands = ["".join(random.choice(list(_SYLLABLES), 2)) for _ in range(14)]
        for good in aisle.products:
            likes = {name: random.dirichlet([0.6] * len(v), 2) for name, v in aisle.properties.items()}
            own = [str(brand) for brand in random.choice(brands, 5, replace=False)]
            yield _Kind(f"{number}.{good.names[0]}.", good, number, own, likes)


def _shelves(
    random: np.random.Generator, aisles: Sequence[Aisle], kinds: Sequence[_Kind], shop: int
) -> Iterator[_Shelf]:
    for number, aisle in enumerate(aisles):
        there = [kind for kind in kinds if kind.aisle == number and random.random() > 1 / 25]
        place = 0
        while place < len(there):
            kind, name = there[place], _name(random, there[place].good, shop)
            moved = (
                (number + int(random.integers(1, len(aisles)))) % len(aisles) if random.random() < 1 / 20 else number
            )
            above = aisles[moved].names[shop] if moved != number else aisle.names[shop]
            draw = random.random()
            place += 1
            if draw < 1 / 12 and place < len(there):
                name += str(random.choice(_JOINERS)) + _name(random, there[place].good, shop)
                yield _Shelf(Category(SHOPS[shop], (above, name)), ((kind, ""), (there[place], "")))
                place += 1
            elif draw < 1 / 12 + 1 / 25:
                for half, word in enumerate(random.permutation(_HALVES[random.integers(len(_HALVES))])):
                    yield _Shelf(Category(SHOPS[shop], (above, f"{word}{name}")), ((kind, str(half)),), str(word))
            else:
                yield _Shelf(Category(SHOPS[shop], (above, name)), ((kind, ""),))


def _name(random: np.random.Generator, good: Good, shop: int) -> str:
    draw = random.random()
    if draw < (5 / 6 if shop == 0 else 2 / 5):
        return good.names[0]
    if draw > 0.93:
        return good.names[0] + str(random.choice(_ADDITIONS))
    return str(random.choice(good.names[1:]))


def _offers(random: np.random.Generator, aisles: Sequence[Aisle], shelf: _Shelf) -> Iterator[Offer]:
    shop = SHOPS.index(shelf.category.source)
    deep = random.random() < 1 / 5
    count = int(np.clip(random.lognormal(np.log(40), 0.8), 4, 400))
    prefer = [random.dirichlet([1.5] * len(kind.good.nouns)) + 0.02 for kind, _ in shelf.kinds]
    style = random.dirichlet([0.9] * len(aisles[0].features)) + 0.005
    for _ in range(count):
        place = int(random.integers(len(shelf.kinds)))
        kind, only = shelf.kinds[place]
        half = int(only or random.integers(2))
        nouns = _pick(random, kind.good.nouns, prefer[place], int(random.integers(1, 3)))
        path = (*shelf.category.path, nouns[0]) if deep else shelf.category.path
        specs = _specs(random, aisles[kind.aisle], kind, half, shop)
        title = _title(random, aisles[kind.aisle], kind, nouns, shelf.word, style, shop)
        price = kind.good.price * (1 + 0.4 * half) * (1, 0.9, 1.1)[shop] * random.lognormal(0, 0.35)
        yield Offer(Category(SHOPS[shop], path), title, specs, round(float(price), 2))


def _pick(random: np.random.Generator, words: Sequence[str], prefer: np.ndarray, count: int) -> list[str]:
    """Draw different words by preference."""
    weights = prefer[: len(words)] / prefer[: len(words)].sum()
    return [str(word) for word in random.choice(words, min(count, len(words)), replace=False, p=weights)]


def _title(
    random: np.random.Generator, aisle: Aisle, kind: _Kind, nouns: list[str], word: str, style: np.ndarray, shop: int
) -> str:
    values = aisle.properties[str(random.choice(list(aisle.properties)))]
    rest = _pick(random, aisle.features, style, int(random.integers(2, 5)))
    rest += [*_pick(random, values, style[::-1], 1), *_pick(random, _COMMON, style, 1)]
    random.shuffle(rest)
    brand = str(random.choice(kind.brands))
    orders = (
        [brand, word, *nouns, *rest],
        [brand, *rest[:2], word, *nouns, *rest[2:]],
        [word, *rest[:1], brand, *nouns, *rest[1:]],
    )
    return ("", " ", "")[shop].join(part for part in orders[shop] if part)


def _specs(random: np.random.Generator, aisle: Aisle, kind: _Kind, half: int, shop: int) -> dict[str, str]:
    found = {}
    for place, (name, values) in enumerate(aisle.properties.items()):
        if random.random() < 0.75:
            value = str(random.choice(values, p=kind.likes[name][half]))
            shown = _PROPERTY_NAMES[(place + shop) % 3 if shop else 0].format(name)
            found[shown] = value.replace("kg", "千克").replace("ml", "毫升") if shop == 1 else value
    return found
