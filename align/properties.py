"""Shared names for the property names of many shops."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from heapq import heapify, heappop, heappush
from itertools import combinations, repeat
from math import floor, log, sqrt
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from align.similarity import label_similarity
from align.term_matrices import bag, unit_rows
from align.values import normal_value
from core.chinese_script import to_simplified
from core.numbers import DecimalMark

__all__ = [
    "PropertyKey",
    "PropertyUse",
    "align_properties",
    "find_conflicts",
    "fold_property",
    "value_matrix",
    "value_parts",
]

PropertyKey = tuple[str, str]
"""Source, and name as published."""
Pair = tuple["_Group", "_Group", float]
"""Two groups, and the cosine of their values."""
Score = Callable[["_Group", "_Group", float], float | None]
_ALIKE_NAMES = 0.5
_SHARED_BY_ALIKE = 0.15
_SHARED_BY_UNLIKE = 0.7
_MIN_SHARED_VALUES = 3
"""Minimum shared values for dissimilar names to be joined; many properties share 是 and 否."""
_NEARLY_SAME_NAMES = 0.75
"""Name similarity from which two names of one source with equal values are one property."""
_EQUAL = 1e-6
"""Difference of two cosines below which values do not say which of two properties of a source is meant."""
_MOSTLY = 0.5
_AGREEING = 0.65
"""Minimum mean cosine of two properties' values in one product for them to be one property, stated twice."""
_STEP = log(1.02)
"""Step of the scale on which numbers with a unit are compared."""
_TINY = 1e-9
_ROWS_AT_ONCE = 256
_BRACKETS = re.compile(r"[((\[【].*?[))\]】]")
_NOTES = re.compile(r"\([^()]*\)|（[^（）]*）")
_PER = re.compile(
    r"\s*(?:/|\b(?:pro|per|je|por|par))\s*(?:(?P<hours>1[.,]?000\s*(?:h\b|stunden|hours))|(?:jahr|year|annum|año|an)\b)",
    re.IGNORECASE,
)
"""The period of a consumption in a value or name, as on energy labels; its slash does not separate values."""
_YEARLY = re.compile("\\bjahres|\\bannual|每年|年耗", re.IGNORECASE)
_PARTS = re.compile(r"[,，](?!\d)|[/;；、|\n]")
_SPACES = re.compile(r"[\s:：·_*-]+")
_LONGEST_CORE = 2
_FILLERS = frozenset("用合应属的")
"""Characters that can differ without changing the meaning, as in 适用人群 and 适合人群."""


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
    terms: Mapping[str, float] | None = None
    """Term that values are compared by -> products; None: derived from ``values``."""
    decimal: DecimalMark | None = "."
    """Mark that the source puts before decimals; None: unknown."""

    @property
    def key(self) -> PropertyKey:
        """Source and name."""
        return self.source, self.name


@lru_cache(1 << 16)
def fold_property(name: str) -> str:
    """Return a name without case, width, spaces, traditional characters and text in brackets."""
    return _folded(_BRACKETS.sub("", normalize("NFKC", name))) or _folded(name)


@lru_cache(1 << 16)
def _folded(name: str) -> str:
    """Return a name without case, width, spaces and traditional characters."""
    return _SPACES.sub("", to_simplified(normalize("NFKC", name).casefold()).replace("其它", "其他"))


def align_properties(uses: Iterable[PropertyUse], conflicts: csr_array | None = None) -> dict[PropertyKey, str]:
    """Return property -> shared name.

    Names that differ only in case, width, script and spaces are one. Other groups of names are joined step by step,
    best first, and scored again as they grow: first those that differ in brackets, by the cosine of their values, then
    those with similar names (S_label of at least .5) and a cosine of at least .15. For any names of two sources, a
    cosine of .7 and three shared values suffice, unless a source has a second property with the same values, as width
    and height may have. Groups that conflict on balance are never joined, not even through a third; nor are names that
    differ only in their core (适用发质, 适用肤质), nor numbers of different units. The shared name is the one with most
    products.

    Names of one source alone are not compared. Only pairs that share a value are: time grows with their number, not
    with the square of that of names.

    Args:
        uses: Each property of each source once.
        conflicts: Matrix of the uses, in their order, that is negative for pairs that mean different things, as
            ``find_conflicts`` returns it; None: nothing is known.
    """
    given = list(uses)
    order = sorted(range(len(given)), key=lambda place: given[place].key)
    ranked = [given[place] for place in order]
    known = csr_array((len(given), len(given))) if conflicts is None else conflicts
    groups = _Groups(ranked, csr_array(known[order][:, order]))
    spelled: dict[str, list[int]] = {}
    for place, use in enumerate(ranked):
        spelled.setdefault(_folded(use.name), []).append(place)
    for first, *others in spelled.values():
        for place in others:
            groups.join(first, place)
    if len({use.source for use in ranked}) > 1:
        groups.join_best(_same_names(groups.all), _score_same)
        groups.join_best(_decided(list(_alike(groups.all)), groups), _score)
    return {ranked[place].key: group.name for group in groups.all for place in group.places}


def find_conflicts(
    uses: Sequence[PropertyUse],
    products: NDArray[np.int64],
    places: NDArray[np.int64],
    values: NDArray[np.int64],
    terms: csr_array | None = None,
) -> csr_array:
    """Return a matrix of the uses that is negative for pairs that occur in one product with different values.

    A shop may state one thing twice (``Diagonale (cm)``, ``Diagonale (Zoll)``): the values of such properties
    agree where they occur together. The entry of a pair is the sum of the cosines of their values, less .65 for
    each product with both. Values that a use does not contain agree with none.

    Args:
        uses: Each property of each source once.
        products: Number of the product of each specification line.
        places: Use of each line.
        values: Index of each line's value among the values of its use; -1: the use does not contain it.
        terms: Terms of all values, as ``value_matrix`` returns them; None: derived from the uses.
    """
    vectors = unit_rows(value_matrix(uses)[0] if terms is None else terms)
    first = np.cumsum([0, *(len(use.values) for use in uses)])
    held = values >= 0
    found = vectors[first[places[held]] + values[held]].tocoo()
    lines, flat = (place.astype(np.int64) for place in found.coords)
    cells = products[held][lines] * max(vectors.shape[1], 1) + flat
    agreeing = _pairs(cells, places[held][lines], len(uses), found.data)
    entries = csr_array(agreeing - _AGREEING * _pairs(products, places, len(uses), np.ones(len(places))))
    entries.setdiag(0)
    entries.eliminate_zeros()
    return entries


def _pairs(rows: NDArray[np.int64], places: NDArray[np.int64], count: int, weights: NDArray[np.float64]) -> csr_array:
    """Return how much uses have in common: the product of their columns, [uses, uses]."""
    numbered = np.unique(rows, return_inverse=True)[1]
    cells = csr_array((weights, (numbered, places)), shape=(int(numbered.max(initial=-1)) + 1, count))
    return csr_array(cells.T @ cells)


@dataclass(eq=False)
class _Group:
    """Uses under one name."""

    places: list[int]
    sources: frozenset[str]
    spellings: Counter[str]
    """Name as published -> products."""
    values: dict[str, float]
    """Term that values are compared by -> products."""

    @classmethod
    def of(cls, place: int, use: PropertyUse) -> "_Group":
        """Return a group of one use."""
        values = _value_terms(use) if use.terms is None else dict(use.terms)
        spellings = Counter({use.name: use.products or sum(use.values.values())})
        return cls([place], frozenset((use.source,)), spellings, values)

    def __add__(self, other: "_Group") -> "_Group":
        values = dict(self.values)
        for key, products in other.values.items():
            values[key] = values.get(key, 0.0) + products
        places = sorted(self.places + other.places)
        return _Group(places, self.sources | other.sources, self.spellings + other.spellings, values)

    @property
    def name(self) -> str:
        """The name with most products; ties go to the alphabetically smaller one."""
        return min(self.spellings, key=lambda name: (-self.spellings[name], name))

    @cached_property
    def names(self) -> set[str]:
        """Folded names."""
        return {fold_property(name) for name in self.spellings}

    @cached_property
    def unit(self) -> str | None:
        """The unit of most values, None if most have none."""
        units: dict[str, float] = {}
        for value, products in self.values.items():
            unit = value.rpartition(" ")[2]
            units[unit] = units.get(unit, 0.0) + products
        common = max(units, key=units.__getitem__, default="")
        return common if common and units[common] > _MOSTLY * sum(units.values()) else None

    @cached_property
    def length(self) -> float:
        """Length of the vector of the values."""
        return sqrt(sum(n * n for n in self.values.values()))

    def cosine(self, other: "_Group") -> float:
        """Return the cosine of the values."""
        product = sum(n * other.values[key] for key, n in self.values.items() if key in other.values)
        return product / (self.length * other.length) if product else 0.0

    def shared(self, other: "_Group") -> float:
        """Return the number of shared values; a number with a unit has two terms, which count half each."""
        return sum(1.0 if key[-1] == " " else 0.5 for key in self.values.keys() & other.values.keys())


class _Groups:
    """Groups of uses, at first one per use, joined unless they conflict."""

    def __init__(self, uses: Sequence[PropertyUse], agreement: csr_array) -> None:
        self._of = [_Group.of(place, use) for place, use in enumerate(uses)]
        self._agreement = agreement
        self._rows: dict[int, dict[int, float]] = {}

    @property
    def all(self) -> list[_Group]:
        """The groups, in the order of their first uses."""
        return list(dict.fromkeys(self._of))

    def join(self, one: int, other: int) -> None:
        """Join the groups of two uses."""
        joined = self._of[one] + self._of[other]
        for place in joined.places:
            self._of[place] = joined

    def conflict(self, some: _Group, others: _Group) -> bool:
        """Return whether the values of two groups differ in the products that have both."""
        return self._balance(some, others) < -_TINY

    def are_two(self, some: _Group, others: _Group) -> bool:
        """Return whether a source has both and does not state them twice: another name is another property."""
        return not some.sources.isdisjoint(others.sources) and self._balance(some, others) < _TINY

    def _balance(self, some: _Group, others: _Group) -> float:
        """Return by how much the values of two groups agree in the products that have both."""
        small, large = sorted((some.places, others.places), key=len)
        rows = (self._row(place) for place in small)
        return sum(row[place] for row in rows for place in large if place in row)

    def _row(self, place: int) -> dict[int, float]:
        """Return other use -> agreement of a use with it, for uses that occur in one product with it."""
        if place not in self._rows:
            row = slice(*self._agreement.indptr[place : place + 2])
            found = self._agreement.indices[row].tolist(), self._agreement.data[row].tolist()
            self._rows[place] = dict(zip(*found, strict=True))
        return self._rows[place]

    def join_best(self, pairs: Iterable[Pair], score: Score) -> None:
        """Join pairs of groups, given with the cosine of their values, best first; rescore groups that have grown."""
        queue = [
            (-value, a.places[0], b.places[0], len(a.places), len(b.places))
            for a, b, cosine in pairs
            if (value := score(a, b, cosine)) is not None
        ]
        heapify(queue)
        while queue:
            _, one, other, *sizes = heappop(queue)
            a, b = self._of[one], self._of[other]
            if a is b or self.conflict(a, b):
                continue
            if [len(a.places), len(b.places)] == sizes:
                self.join(one, other)
            elif (value := score(a, b, a.cosine(b))) is not None:
                heappush(queue, (-value, one, other, len(a.places), len(b.places)))


def _same_names(groups: Sequence[_Group]) -> Iterator[Pair]:
    """Yield the pairs of groups with one folded name."""
    by_name: dict[str, list[_Group]] = {}
    for group in groups:
        for name in group.names:
            by_name.setdefault(name, []).append(group)
    for same in by_name.values():
        yield from ((a, b, a.cosine(b)) for a, b in combinations(same, 2))


def _alike(groups: Sequence[_Group]) -> Iterator[Pair]:
    """Yield the pairs of groups with similar values, block by block."""
    rows = unit_rows(bag(group.values for group in groups))
    for start in range(0, len(groups), _ROWS_AT_ONCE):
        cosines = (rows[start : start + _ROWS_AT_ONCE] @ rows.T).tocoo()
        near = (cosines.data >= _SHARED_BY_ALIKE) & (cosines.coords[0] + start < cosines.coords[1])
        ends = (places[near].tolist() for places in cosines.coords)
        for one, other, cosine in zip(*ends, cosines.data[near].tolist(), strict=True):
            yield groups[one + start], groups[other], cosine


def _score_same(_a: _Group, _b: _Group, cosine: float) -> float:
    return cosine


def _score(a: _Group, b: _Group, cosine: float) -> float | None:
    """Return how well two groups match, or None if they are different properties."""
    if cosine < _SHARED_BY_ALIKE or (None not in (a.unit, b.unit) and a.unit != b.unit):
        return None
    many = cosine >= _SHARED_BY_UNLIKE and a.shared(b) >= _MIN_SHARED_VALUES
    if not many and all(map(set.isdisjoint, map(set, a.names), repeat({*"".join(b.names)}))):
        return None
    names = [(one, other) for one in a.names for other in b.names]
    if any(one == other or _differ_in_core(one, other) for one, other in names):
        return None
    alike = _likeness(a, b)
    return (alike + cosine) / 2 if many or alike >= _ALIKE_NAMES else None


def _likeness(a: _Group, b: _Group) -> float:
    """Return the similarity of the nearest names."""
    return max(label_similarity(one, other) for one in a.names for other in b.names)


def _decided(pairs: Sequence[Pair], groups: _Groups) -> Iterator[Pair]:
    """Yield the pairs but those that values alone would join although the same values stand for other properties too.

    Such are two names of one source with equal values (unless nearly the same), and pairs with a rival: another
    property of the same source whose values are as near. A rival of one side counts if some product has both it and
    the chosen one with different values; if both sides have one, the values say nothing.
    """
    near: dict[_Group, list[tuple[_Group, float]]] = {}
    for a, b, cosine in pairs:
        if cosine >= _SHARED_BY_UNLIKE:
            near.setdefault(a, []).append((b, cosine))
            near.setdefault(b, []).append((a, cosine))

    def rivals(one: _Group, chosen: _Group, cosine: float) -> list[_Group]:
        found = (other for other, value in near[one] if value >= cosine - _EQUAL and other is not chosen)
        return [other for other in found if groups.are_two(other, chosen)]

    for a, b, cosine in pairs:
        alike = _likeness(a, b) if cosine >= _SHARED_BY_UNLIKE else 1.0
        if cosine >= 1 - _EQUAL and alike < _NEARLY_SAME_NAMES and groups.are_two(a, b):
            continue
        if alike < _ALIKE_NAMES:
            of_a, of_b = rivals(a, b, cosine), rivals(b, a, cosine)
            conflicting = any(groups.conflict(other, b) for other in of_a) or any(groups.conflict(o, a) for o in of_b)
            if conflicting or (of_a and of_b):
                continue
        yield a, b, cosine


def _differ_in_core(one: str, other: str) -> bool:
    """Return whether names differ only by one or two characters between equal ones, like 适用发质 and 适用肤质."""
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


def value_matrix(uses: Iterable[PropertyUse]) -> tuple[csr_array, list[str]]:
    """Return the weighted terms of each value of each use, [values, terms], and the terms, sorted.

    Sorting makes sums over terms the same, to the last digit, whichever other uses are included.
    """
    columns: dict[str, int] = {}
    matrix = bag((dict(_value_keys(value, use)) for use in uses for value in use.values), columns)
    terms = sorted(columns)
    place = np.empty(len(terms), dtype=matrix.indices.dtype)
    place[[columns[term] for term in terms]] = np.arange(len(terms))
    return csr_array((matrix.data, place[matrix.indices], matrix.indptr), shape=matrix.shape), terms


def _value_terms(use: PropertyUse) -> dict[str, float]:
    """Return term that the values of a use are compared by -> products."""
    found: dict[str, float] = {}
    for value, products in use.values.items():
        for key, weight in _value_keys(value, use):
            found[key] = found.get(key, 0.0) + products * weight
    return found


def _value_keys(value: str, use: PropertyUse) -> tuple[tuple[str, float], ...]:
    """Return the terms that the parts of a value are compared by, with weights: text, or steps of number and unit.

    A number is divided between two steps of a logarithmic scale, with more on the nearer one: 68.5 cm is nearly 27".
    """
    found: dict[str, float] = {}
    span = _span(value, use.name)
    for part in value_parts(value):
        one = normal_value(part, use.name, use.decimal)
        if one.number is None or one.unit is None:
            found[f"{one.text.casefold()} "] = 1.0
        elif not one.number:
            found[f"0 {one.unit}{span}"] = 1.0
        else:
            place = log(abs(one.number)) / _STEP
            step = floor(place)
            sign = "-" if one.number < 0 else ""
            for at, weight in ((step, step + 1 - place), (step + 1, place - step)):
                key = f"{sign}{at} {one.unit}{span}"
                found[key] = max(found.get(key, 0.0), weight)
    return tuple(found.items())


def _span(value: str, name: str) -> str:
    """Return the period that a value is stated for, as a suffix of its unit."""
    found = _PER.search(f"{value} {name}")
    if found is None:
        return "/year" if _YEARLY.search(name) else ""
    return "/1000h" if found["hours"] else "/year"


def value_parts(value: str) -> list[str]:
    """Return the values in a list (``27"/68,6 cm``, ``红色、蓝色``), without text in brackets."""
    plain = _PER.sub("", _NOTES.sub("", value))
    return [part for part in _PARTS.split(plain) if part and not part.isspace()]
