"""Names of a synthetic catalogue: Chinese words, and the overlapping category trees and property names of shops."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

__all__ = ["CATEGORY_NAMES", "PROPERTY_NAMES", "SHOPS", "Names", "make_names", "vocabulary"]

SHOPS = ("north", "south", "east")
CATEGORY_NAMES = 6_232
PROPERTY_NAMES = 5_679
_CLASSES = 14
_SUB_CLASSES = 500
_VOCABULARY = 50_000
_COMMON_PROPERTIES = (
    *("颜色", "材质", "尺寸", "品牌", "产地", "型号", "容量", "重量"),
    *("风格", "图案", "功率", "适用季节", "款式", "包装", "货号", "净含量"),
)

Rows = npt.NDArray[np.int64]


def vocabulary() -> list[str]:
    """Return the 50,000 commonest Chinese words of two to four characters in jieba's dictionary, commonest first."""
    lines = (resources.files("jieba") / "dict.txt").read_text(encoding="utf-8").splitlines()
    counted = [(int(count), word) for word, count, *_ in (line.split(" ") for line in lines)]
    chinese = [(-count, w) for count, w in counted if 2 <= len(w) <= 4 and all("一" <= c <= "鿿" for c in w)]
    return [word for _, word in sorted(chinese)[:_VOCABULARY]]


@dataclass(frozen=True, slots=True)
class Names:
    """Leaves of the category trees, and properties; a concept has one name in each shop, often the same."""

    leaf_paths: list[list[str]]
    """[shops][leaves]: the path of each leaf, with parts separated by `` > ``."""
    carried: npt.NDArray[np.bool_]
    """[shops, leaves]: whether the shop has the leaf."""
    properties: list[list[str]]
    """[shops][properties]"""


def make_names(words: list[str], seed: int) -> Names:
    """Return the names of all shops: 6,232 category names and 5,679 property names."""
    random = np.random.default_rng([seed, 1])
    fresh = _fresh_names(words, random)
    levels, carried = _category_names(fresh, words, random)
    leaves = carried.shape[1]
    sub_class = _parents(random, leaves, _SUB_CLASSES)
    parent = _parents(random, _SUB_CLASSES, _CLASSES)
    paths = [
        [f"{first[parent[sub]]} > {second[sub]} > {third[leaf]}" for leaf, sub in enumerate(sub_class)]
        for first, second, third in zip(*levels, strict=True)
    ]
    return Names(paths, carried, _property_names(fresh, words, random))


def _fresh_names(words: list[str], random: np.random.Generator) -> Iterator[str]:
    """Yield distinct names of one or two words."""
    seen: set[str] = set()
    while True:
        pair = random.integers(200, 12_000, 2)
        name = words[pair[0]] + (words[pair[1]] if random.random() < 0.6 else "")
        if name not in seen:
            seen.add(name)
            yield name


def _category_names(
    fresh: Iterator[str], words: list[str], random: np.random.Generator
) -> tuple[list[list[list[str]]], npt.NDArray[np.bool_]]:
    """Return the names of classes, sub-classes and leaves in each shop, and a mask of the leaves that each shop has."""
    top = [[name] * len(SHOPS) for name in _take(fresh, _CLASSES)]
    middle = [_spellings(name, words, random) for name in _take(fresh, _SUB_CLASSES)]
    seen = {name for names in top + middle for name in names}
    leaves: list[list[str]] = []
    carried: list[npt.NDArray[np.bool_]] = []
    while len(seen) < CATEGORY_NAMES:
        has = random.random(len(SHOPS)) < 0.7
        if not has.any():
            continue
        name = next(fresh)
        spelled = _spellings(name, words, random)
        used = {text for text, there in zip(spelled, has, strict=True) if there}
        if len(seen | used) > CATEGORY_NAMES:
            spelled, used = [name] * len(SHOPS), {name}
        seen |= used
        leaves.append(spelled)
        carried.append(has)
    by_shop = [[list(names) for names in zip(*level, strict=True)] for level in (top, middle, leaves)]
    return by_shop, np.array(carried).T


def _property_names(fresh: Iterator[str], words: list[str], random: np.random.Generator) -> list[list[str]]:
    spelled = [_spellings(name, words, random) for name in _COMMON_PROPERTIES]
    seen = {name for names in spelled for name in names}
    while len(seen) < PROPERTY_NAMES:
        name = next(fresh)
        names = _spellings(name, words, random)
        if len(seen | set(names)) > PROPERTY_NAMES:
            names = [name] * len(SHOPS)
        if seen.isdisjoint(names):
            seen |= set(names)
            spelled.append(names)
    return [list(names) for names in zip(*spelled, strict=True)]


def _spellings(name: str, words: list[str], random: np.random.Generator) -> list[str]:
    """Return the name in each shop: usually the same; the later shops add a word or brackets in one name of five."""
    extra = words[int(random.integers(200, 4_000))]
    others = (f"{extra}{name}", f"{name}{extra}", f"{name}（{extra}）", f"【{name}】", f"{name}/{extra}")
    varied = [others[int(random.integers(len(others)))] if random.random() < 0.2 else name for _ in SHOPS[1:]]
    return [name, *varied]


def _take(names: Iterator[str], count: int) -> list[str]:
    return [next(names) for _ in range(count)]


def _parents(random: np.random.Generator, children: int, parents: int) -> Rows:
    """Return a parent for each child; every parent has at least one."""
    return np.concatenate([np.arange(parents), random.integers(0, parents, children - parents)])
