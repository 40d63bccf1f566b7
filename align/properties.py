"""Property names of many shops under shared names."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from align.groups import Groups
from align.names import to_simplified
from align.node_features import bag, unit_rows
from align.similarity import label_similarity
from align.values import normal_value
from m5data.components import connect

__all__ = ["PropertyKey", "PropertyUse", "align_properties", "find_conflicts", "fold_property", "value_parts"]

PropertyKey = tuple[str, str]
"""Source, and name as published."""
_ALIKE_NAMES = 0.5
_SHARED_BY_ALIKE = 0.3
_SHARED_BY_UNLIKE = 0.8
_MIN_SHARED_VALUES = 3
"""Shared values without which different names are never joined; many properties have 是 and 否."""
_MOSTLY = 0.5
_AGREEING = 0.5
"""Mean cosine of the values of two properties in one product from which they may be one, said twice."""
_DIGITS = 3
"""Significant digits of numbers with a unit that are compared: 27" and 68.6 cm are the same."""
_ROWS_AT_ONCE = 256
_BRACKETS = re.compile(r"[((\[【].*?[))\]】]")
_NOTES = re.compile(r"\([^()]*\)|（[^（）]*）")
_PER_1000_HOURS = re.compile(r"\s*/\s*1[.,]?000\s*h\b", re.IGNORECASE)
"""As energy labels state consumption; the slash parts no values."""
_PARTS = re.compile(r"[,，](?!\d)|[/;；、|\n]")
_SPACES = re.compile(r"[\s:：·_*-]+")
_LONGEST_CORE = 2
_FILLERS = frozenset("用合应属的")
"""Characters that differ in 适用人群 and 适合人群 without another meaning."""


@dataclass(frozen=True, slots=True)
class PropertyUse:
    """The values of one property name in one source."""

    source: str
    name: str
    """Name as published."""
    values: Mapping[str, int]
    """Value as published -> number of products; the commonest values suffice."""
    products: int = 0
    """Number of products with the property; 0: the sum over its values."""

    @property
    def key(self) -> PropertyKey:
        """Source and name."""
        return self.source, self.name


@lru_cache(1 << 16)
def fold_property(name: str) -> str:
    """Return a name without case, width, spaces, traditional characters and what stands in brackets."""
    folded = to_simplified(normalize("NFKC", name).casefold()).replace("其它", "其他")
    return _SPACES.sub("", _BRACKETS.sub("", folded)) or folded


def align_properties(
    uses: Iterable[PropertyUse], conflicting: Collection[tuple[PropertyKey, PropertyKey]] | csr_array = ()
) -> dict[PropertyKey, str]:
    """Return property -> shared name.

    Names that differ only in case, width, spaces or brackets are one. Others are joined, best first, if the
    names are similar (S_label of at least .5) and the cosine of their values is at least .3, or, for any
    names, if the cosine is at least .8 and three values are shared. Names that conflict are never joined, not even
    through a third; nor names of which only the heart differs (适用发质, 适用肤质), nor
    numbers of different units. The shared name is the one with most products.

    Only pairs that share a value are compared: time grows with those, not with the square of the names.

    Args:
        uses: Each property of each source once.
        conflicting: Pairs of properties that mean two things, in either order; or a matrix of the uses, in their
            order, that is not 0 for such pairs, as ``find_conflicts`` returns it.
    """
    given = list(uses)
    order = sorted(range(len(given)), key=lambda place: given[place].key)
    ranked = [given[place] for place in order]
    together = _matrix(given, conflicting)[order][:, order]
    joins = sorted({*_equal_names(ranked), *_alike(ranked)})
    groups = Groups(range(len(ranked)))
    for one, other in _apart(len(ranked), joins, csr_array(together)):
        groups.keep_apart(one, other)
    for _, one, other in joins:
        if not groups.forbidden(one, other):
            groups.join(one, other)
    products = {place: use.products or sum(use.values.values()) for place, use in enumerate(ranked)}
    named = {id(group): _name(group, ranked, products) for group in groups.of.values()}
    return {ranked[place].key: named[id(group)] for place, group in groups.of.items()}


def find_conflicts(
    uses: Sequence[PropertyUse], products: NDArray[np.int64], places: NDArray[np.int64], values: Sequence[str]
) -> csr_array:
    """Return a matrix of the uses that is not 0 for pairs that stand in one product with different values.

    A shop may say one thing twice (``Diagonale (cm)``, ``Diagonale (Zoll)``): such properties have values that
    agree where they stand together. Only the values that a use holds are compared.

    Args:
        uses: Each property of each source once.
        products: Number of the product of each specification line.
        places: Use of each line.
        values: Value of each line as published.
    """
    keys = _numbered_keys(uses, places, values)
    counts = np.array([len(found) for found in keys], dtype=np.int64)
    known = counts > 0
    together = _pairs(products, places, len(uses), np.ones(len(places)))
    compared = _pairs(products[known], places[known], len(uses), np.ones(int(known.sum())))
    flat = np.array([key for found in keys for key in found], dtype=np.int64)
    cells = np.repeat(products, counts) * (int(flat.max(initial=0)) + 1) + flat
    agreeing = _pairs(
        cells, np.repeat(places, counts), len(uses), np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts)
    )
    surplus = csr_array(agreeing - _AGREEING * compared)
    surplus.data = (surplus.data >= -1e-9).astype(np.float64)
    together.data = np.ones(len(together.data))
    apart = csr_array(together - surplus)
    apart.eliminate_zeros()
    return apart


def _numbered_keys(
    uses: Sequence[PropertyUse], places: NDArray[np.int64], values: Sequence[str]
) -> list[Sequence[int]]:
    """Return the numbers of what each line is compared by, none for values that its use does not hold."""
    numbers: dict[str, int] = {}
    known = [
        {value: [numbers.setdefault(key, len(numbers)) for key in _value_keys(value, use.name)] for value in use.values}
        for use in uses
    ]
    return [known[place].get(value, ()) for place, value in zip(places.tolist(), values, strict=True)]


def _pairs(rows: NDArray[np.int64], places: NDArray[np.int64], count: int, weights: NDArray[np.float64]) -> csr_array:
    """Return how much uses have in common: the product of their columns, [uses, uses]."""
    numbered = np.unique(rows, return_inverse=True)[1]
    cells = csr_array((weights, (numbered, places)), shape=(int(numbered.max(initial=-1)) + 1, count))
    return csr_array(cells.T @ cells)


def _matrix(
    uses: Sequence[PropertyUse], conflicting: Collection[tuple[PropertyKey, PropertyKey]] | csr_array
) -> csr_array:
    if isinstance(conflicting, csr_array):
        return conflicting
    place = {use.key: number for number, use in enumerate(uses)}
    ends = np.array([(place[a], place[b]) for a, b in conflicting], dtype=np.int64).reshape(-1, 2)
    ones = np.ones(2 * len(ends), dtype=np.int8)
    rows, columns = np.concatenate([ends, ends[:, ::-1]]).T
    return csr_array((ones, (rows, columns)), shape=(len(uses), len(uses)))


def _equal_names(uses: Sequence[PropertyUse]) -> Iterator[tuple[float, int, int]]:
    """Yield the pairs of equal folded names, each with its neighbour and with the first."""
    found: dict[str, list[int]] = {}
    for place, use in enumerate(uses):
        found.setdefault(fold_property(use.name), []).append(place)
    for places in found.values():
        for before, place in pairwise(places):
            yield -2.0, before, place
            yield -2.0, places[0], place


def _alike(uses: Sequence[PropertyUse]) -> Iterator[tuple[float, int, int]]:
    """Yield the pairs that may be joined by their values, with a sort key, best first."""
    bags = [_bag(use) for use in uses]
    units = [_unit_of(one) for one in bags]
    counts = bag(bags)
    rows, presence = unit_rows(counts), csr_array((counts > 0).astype(np.float32))
    for start in range(0, len(uses), _ROWS_AT_ONCE):
        some = slice(start, min(start + _ROWS_AT_ONCE, len(uses)))
        cosines = (rows[some] @ rows.T).tocoo()
        near = (cosines.data >= _SHARED_BY_ALIKE) & (cosines.coords[0] + start < cosines.coords[1])
        left, right = cosines.coords[0][near] + start, cosines.coords[1][near]
        shared = _row_products(presence, left, right)
        for one, other, cosine, number in zip(
            left.tolist(), right.tolist(), cosines.data[near].tolist(), shared, strict=True
        ):
            if None not in (units[one], units[other]) and units[one] != units[other]:
                continue
            score = _score(fold_property(uses[one].name), fold_property(uses[other].name), cosine, number)
            if score is not None:
                yield -score, one, other


def _row_products(rows: csr_array, left: NDArray[np.int64], right: NDArray[np.int64]) -> list[float]:
    if not len(left):
        return []
    return [float(product) for product in rows[left].multiply(rows[right]).sum(axis=1).ravel()]


def _score(one: str, other: str, cosine: float, shared: float) -> float | None:
    """Return how well two different names match, or None if they are two properties."""
    if one == other:
        return None
    alike = label_similarity(one, other)
    if (alike >= _ALIKE_NAMES and cosine >= _SHARED_BY_ALIKE) or (
        cosine >= _SHARED_BY_UNLIKE and shared >= _MIN_SHARED_VALUES
    ):
        return None if _differ_at_heart(one, other) else (alike + cosine) / 2
    return None


def _differ_at_heart(one: str, other: str) -> bool:
    """Return whether names differ only by one or two characters between equal ones, as 适用发质 and 适用肤质."""
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    hearts = one[start : len(one) - end], other[start : len(other) - end]
    if not start or not end or not all(0 < len(heart) <= _LONGEST_CORE for heart in hearts):
        return False
    return all(heart[0] > "\u33ff" and not {*heart} <= _FILLERS for heart in hearts)


def _bag(use: PropertyUse) -> Counter[str]:
    """Return the values in normal form, numbers with their unit; a list of values counts as its parts."""
    found: Counter[str] = Counter()
    for value, products in use.values.items():
        for key in _value_keys(value, use.name):
            found[key] += products
    return found


@lru_cache(1 << 17)
def _value_keys(value: str, name: str) -> tuple[str, ...]:
    """Return what the parts of a value are compared by: their text, or number and unit."""
    normal = (normal_value(part, name) for part in value_parts(value))
    return tuple(
        dict.fromkeys(
            f"{one.text.casefold()} "
            if one.number is None or one.unit is None
            else f"{one.number:.{_DIGITS}g} {one.unit}"
            for one in normal
        )
    )


def value_parts(value: str) -> list[str]:
    """Return the values that a list holds (``27"/68,6 cm``, ``红色、蓝色``), without what stands in brackets."""
    plain = _PER_1000_HOURS.sub("", _NOTES.sub("", value))
    return [part for part in _PARTS.split(plain) if part and not part.isspace()]


def _unit_of(values: Mapping[str, int]) -> str | None:
    """Return the unit of most values, None if most have none."""
    units: Counter[str] = Counter()
    for value, products in values.items():
        units[value.rpartition(" ")[2]] += products
    unit, products = units.most_common(1)[0] if units else ("", 0)
    return unit if unit and products > _MOSTLY * sum(values.values()) else None


def _apart(count: int, joins: Iterable[tuple[float, int, int]], together: csr_array) -> Iterator[tuple[int, int]]:
    """Yield the pairs of one product among names that joins could bring together."""
    component = connect((one, other) for _, one, other in joins)
    group = np.full(count, -1, dtype=np.int64)
    group[list(component)] = list(component.values())
    listed = together.tocoo()
    one, other = listed.coords
    near = (group[one] == group[other]) & (group[one] >= 0) & (one < other) & (listed.data != 0)
    yield from zip(one[near].tolist(), other[near].tolist(), strict=True)


def _name(group: Iterable[int], uses: Sequence[PropertyUse], products: Mapping[int, int]) -> str:
    """Return the name with most products; ties go to the alphabetically smaller name."""
    counts: Counter[str] = Counter()
    for place in group:
        counts[uses[place].name] += products[place]
    return min(counts, key=lambda name: (-counts[name], name))
