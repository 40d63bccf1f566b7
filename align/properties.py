"""Specifications of many shops under shared property names, values and units."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from math import sqrt
from types import MappingProxyType
from unicodedata import normalize

import duckdb
import pyarrow as pa

from align.groups import Groups
from align.similarity import label_similarity
from storage import Stage

__all__ = ["NormalValue", "PropertyUse", "align_properties", "normal_value", "write_spec_norms"]

_UNITS = (
    (
        "g",
        {
            "mg": "0.001",
            "毫克": "0.001",
            "g": "1",
            "克": "1",
            "kg": "1000",
            "千克": "1000",
            "公斤": "1000",
            "斤": "500",
        },
    ),
    ("ml", {"ml": "1", "毫升": "1", "cl": "10", "l": "1000", "升": "1000", "公升": "1000"}),
    (
        "mm",
        {"mm": "1", "毫米": "1", "cm": "10", "厘米": "10", "公分": "10", "m": "1000", "米": "1000", "km": "1000000"},
    ),
    ("W", {"w": "1", "瓦": "1", "kw": "1000", "千瓦": "1000"}),
    ("V", {"v": "1", "伏": "1", "kv": "1000"}),
    ("mAh", {"mah": "1", "毫安": "1", "毫安时": "1", "ah": "1000"}),
    ("Hz", {"hz": "1", "赫兹": "1", "khz": "1000", "mhz": "1000000", "ghz": "1000000000"}),
    ("MB", {"mb": "1", "gb": "1000", "tb": "1000000"}),
    ("月", {"个月": "1", "月": "1", "年": "12"}),
    ("天", {"天": "1", "日": "1"}),
    ("℃", {"°c": "1", "℃": "1", "摄氏度": "1"}),
    ("%", {"%": "1"}),
    ("", {"": "1"}),
)
_FACTORS = MappingProxyType(
    {written: (unit, Decimal(factor)) for unit, factors in _UNITS for written, factor in factors.items()}
)
_NUMBER = re.compile(r"([+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)\s*(\D{0,4})", re.ASCII)
_LONGEST_NUMBER = 40
"""Characters; longer values are text."""
PropertyKey = tuple[str, str]
"""Source, and name as published."""
_ALIKE_NAMES = 0.5
_SHARED_BY_ALIKE = 0.3
_SHARED_BY_UNLIKE = 0.8
_MIN_SHARED_VALUES = 3
"""Shared values without which different names are never joined; many properties have 是 and 否."""
_BRACKETS = re.compile(r"[((\[【].*?[))\]】]")
_LINES = ("product_id", "position", "property", "value")
_VALUES_EACH = 200
_TABLES_SEEN = 20_000
"""Combinations of properties in one product that are considered, the commonest first."""
_USES = f"""
SELECT source, property, value, count(*) AS products FROM specs JOIN products USING (product_id)
GROUP BY source, property, value
QUALIFY row_number() OVER (PARTITION BY source, property ORDER BY count(*) DESC, value) <= {_VALUES_EACH}
ORDER BY source, property, products DESC, value
"""  # noqa: S608 - constants
_TOGETHER = f"""
SELECT source, names FROM (
    SELECT source, product_id, list(DISTINCT property ORDER BY property) AS names
    FROM specs JOIN products USING (product_id) GROUP BY source, product_id
) GROUP BY source, names ORDER BY count(*) DESC, source, names LIMIT {_TABLES_SEEN}
"""  # noqa: S608 - constants
_NORMS = """
SELECT product_id, position, shared.property_norm, normal.value_norm, normal.unit, normal.number
FROM lines JOIN products USING (product_id) JOIN shared USING (source, property) JOIN normal USING (value)
"""
_SHARED = pa.schema([(name, pa.string()) for name in ("source", "property", "property_norm")])
_NORMAL = pa.schema([*((name, pa.string()) for name in ("value", "value_norm", "unit")), ("number", pa.float64())])


@dataclass(frozen=True, slots=True)
class NormalValue:
    """A value in normal form."""

    text: str
    """The number in ``unit`` without trailing zeros, or the text with full-width characters and white space folded."""
    unit: str | None
    """g, ml, mm, W, V, mAh, Hz, MB (1 GB is 1,000), 月, 天, ℃ or %; None for text and numbers without a unit."""
    number: float | None
    """The number in ``unit``, or None for text."""


def normal_value(value: str) -> NormalValue:
    """Return a value in normal form: ``0.5kg``, ``500 克`` and ``５００G`` are all 500 g.

    Only a whole value is a number: ranges, sums and sizes (10-20cm, 2×3m, 160/84A) and numbers with an
    unknown unit stay text.
    """
    folded = " ".join(normalize("NFKC", value).split())
    found = _NUMBER.fullmatch(folded) if len(folded) <= _LONGEST_NUMBER else None
    unit = None if found is None else _FACTORS.get(found[2].strip().casefold())
    if found is None or unit is None:
        return NormalValue(folded, None, None)
    amount = Decimal(found[1].replace(",", "")) * unit[1]
    return NormalValue(_plain(amount), unit[0] or None, float(amount))


def _plain(amount: Decimal) -> str:
    """Return a number as text without exponent and trailing zeros."""
    text = f"{amount:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "+0", "") else text


@dataclass(frozen=True, slots=True)
class PropertyUse:
    """The values of one property name in one source."""

    source: str
    name: str
    """Name as published."""
    values: Mapping[str, int]
    """Value as published -> number of products; the commonest values suffice."""

    @property
    def key(self) -> PropertyKey:
        """Source and name."""
        return self.source, self.name


def align_properties(
    uses: Iterable[PropertyUse], cooccurring: Collection[tuple[PropertyKey, PropertyKey]] = ()
) -> dict[PropertyKey, str]:
    """Return property -> shared name.

    Names that differ only in case, width, spaces or brackets are one. Others are joined, best first, if the
    names are similar (S_label of at least .5) and the cosine of their values is at least .3, or, for any
    names, if the cosine is at least .8 and three values are shared. Names that occur in one product are
    never joined, not even through a third. The shared name is the one with most products.

    Args:
        uses: Each property of each source once.
        cooccurring: Pairs of properties of one product, in either order.
    """
    uses = sorted(uses, key=lambda use: use.key)
    groups = Groups([use.key for use in uses])
    for one, other in cooccurring:
        groups.keep_apart(one, other)
    bags = {use.key: _bag(use) for use in uses}
    for _, one, other in sorted(_joins(uses, bags)):
        if not groups.forbidden(one, other):
            groups.join(one, other)
    products = {use.key: sum(use.values.values()) for use in uses}
    return {key: _name(group, products) for key, group in groups.of.items()}


def _joins(
    uses: Sequence[PropertyUse], bags: Mapping[PropertyKey, Counter[str]]
) -> Iterable[tuple[float, PropertyKey, PropertyKey]]:
    """Yield the pairs that may be joined, with a sort key, best first."""
    folded = {use.key: _fold(use.name) for use in uses}
    for one, other in combinations(uses, 2):
        a, b = one.key, other.key
        if folded[a] == folded[b]:
            yield -2.0, a, b
            continue
        cosine, shared = _cosine(bags[a], bags[b])
        alike = label_similarity(folded[a], folded[b])
        if (alike >= _ALIKE_NAMES and cosine >= _SHARED_BY_ALIKE) or (
            cosine >= _SHARED_BY_UNLIKE and shared >= _MIN_SHARED_VALUES
        ):
            yield -(alike + cosine) / 2, a, b


def _fold(name: str) -> str:
    folded = normalize("NFKC", name).casefold()
    return "".join(_BRACKETS.sub("", folded).split()) or folded


def _bag(use: PropertyUse) -> Counter[str]:
    """Return the values in normal form, numbers with their unit."""
    bag: Counter[str] = Counter()
    for value, products in use.values.items():
        normal = normal_value(value)
        bag[f"{normal.text.casefold()} {normal.unit or ''}"] += products
    return bag


def _cosine(one: Mapping[str, int], other: Mapping[str, int]) -> tuple[float, int]:
    """Return the cosine of two bags, and the number of shared values."""
    shared = one.keys() & other.keys()
    product = sum(one[value] * other[value] for value in shared)
    lengths = sum(n * n for n in one.values()) * sum(n * n for n in other.values())
    return (product / sqrt(lengths) if product else 0.0), len(shared)


def _name(group: Iterable[PropertyKey], products: Mapping[PropertyKey, int]) -> str:
    """Return the name with most products; ties go to the alphabetically smaller name."""
    counts: Counter[str] = Counter()
    for key in group:
        counts[key[1]] += products[key]
    return min(counts, key=lambda name: (-counts[name], name))


def write_spec_norms(stage: Stage, connection: duckdb.DuckDBPyConnection) -> None:
    """Write ``spec_norms`` bucket by bucket; memory grows with the values of one bucket.

    Args:
        stage: The running stage.
        connection: DuckDB with the tables ``specs`` and ``products``.
    """
    shared = align_properties(_uses(connection), set(_together(connection)))
    rows = [{"source": source, "property": name, "property_norm": norm} for (source, name), norm in shared.items()]
    connection.register("shared", pa.Table.from_pylist(rows, schema=_SHARED))
    buckets = sorted(
        {b for table in ("specs", "spec_norms") for b in stage.before.partitions(table) if isinstance(b, int)}
    )
    for bucket in buckets:
        connection.register("lines", stage.before.table("specs", _LINES, only=[bucket]))
        values = connection.sql("SELECT DISTINCT value FROM lines").fetchall()
        connection.register("normal", _normal([value for (value,) in values]))
        stage.write("spec_norms", connection.sql(_NORMS), only=[bucket])


def _uses(connection: duckdb.DuckDBPyConnection) -> Iterator[PropertyUse]:
    found: dict[PropertyKey, dict[str, int]] = {}
    for source, name, value, products in connection.sql(_USES).fetchall():
        found.setdefault((source, name), {})[value] = products
    yield from (PropertyUse(source, name, values) for (source, name), values in found.items())


def _together(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[PropertyKey, PropertyKey]]:
    """Yield pairs of properties that occur in one product."""
    for source, names in connection.sql(_TOGETHER).fetchall():
        for place, one in enumerate(names):
            yield from (((source, one), (source, other)) for other in names[:place])


def _normal(values: list[str]) -> pa.Table:
    normal = [normal_value(value) for value in values]
    columns = [values, [one.text for one in normal], [one.unit for one in normal], [one.number for one in normal]]
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, _NORMAL, strict=True)], schema=_NORMAL
    )
