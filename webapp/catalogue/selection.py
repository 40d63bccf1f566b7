"""A selection of products, read from and written to a URL's query, and converted to SQL over the view ``catalogue``.

The same conditions apply to the index of the web application, whose tables refer to products by a number ``n``.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlencode

from core.engine import text as quoted
from core.errors import UsageError
from core.modalities import modalities
from core.segmentation import cut_words
from webapp.catalogue.signatures import LONG, SHORT, has_word

__all__ = [
    "AREA",
    "LIST_FACETS",
    "RANGES",
    "SORTS",
    "Key",
    "Range",
    "Selection",
    "coded_facets",
    "days_text",
    "facet_columns",
    "sql_of_selection",
]

Key = Literal["product_id", "n"]
"""Column that identifies products: ``product_id`` in the views of a dataset version, ``n`` in the index."""

_LONGEST = 300
_MAX_WORDS = 20
_MAX_VALUES = 50
_MAX_CORNERS = 64
_MAX_PROPERTIES = 8
"""Maximum number of properties, each of which is searched and counted on its own."""
AREA = 10_000
"""Width and height of the map; coordinates are from 0 to below it."""
_CORNER = re.compile(r"([0-9]{1,4}),([0-9]{1,4})")
_PROPERTY = "p."
"""Prefix of the parameters that name a property."""
_PLAIN_FACETS = {
    "source": "source", "class": "class_name", "sub_class": "sub_class_name", "subsub_class": "subsub_class_name",
    "brand": "brand", "availability": "availability", "duplicates": "duplicate_rule",
}  # fmt: skip
LIST_FACETS: Mapping[str, str] = MappingProxyType({"split": "splits", "purpose": "purposes"})
"""Parameter -> column of lists, for facets of which a product may have several values."""
RANGES: Mapping[str, str] = MappingProxyType(
    {"price": "price", "caption_length": "caption_length", "video_s": "video_s", "spec_lines": "spec_lines"}
)
"""Parameter -> column of the catalogue, for ranges of numbers."""

SORTS: Mapping[str, str] = MappingProxyType(
    {
        "": "product_id",
        "price": "price NULLS LAST, product_id",
        "-price": "price DESC NULLS LAST, product_id",
        "-caption_length": "caption_length DESC, product_id",
        "-video_s": "video_s DESC NULLS LAST, product_id",
        "modalities": "modalities, product_id",
        "-last_seen": "last_seen DESC, product_id",
    }
)
"""Parameter -> ORDER BY."""


def facet_columns() -> dict[str, str]:
    """Return parameter -> column of the catalogue, for the facets whose values are listed."""
    states = {m.ledger.column: f"{m.ledger.column}_state" for m in modalities()}
    return {**_PLAIN_FACETS, **states, **LIST_FACETS, "tag": "tags"}


def coded_facets() -> frozenset[str]:
    """Return the facets whose values are codes of the tables, not texts of shops."""
    return frozenset({"availability", "duplicates", *(m.ledger.column for m in modalities())})


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from ``least`` to ``most``, both included; None: no bound."""

    least: float | None = None
    most: float | None = None

    @classmethod
    def parse(cls, given: str) -> "Range | None":
        """Return the range of ``10..20``, ``10..`` or ``..20``, or None for anything else."""
        least, dots, most = given.partition("..")
        try:
            bounds = [float(one) if one.strip() else None for one in (least, most)]
        except ValueError:
            return None
        if not dots or bounds == [None, None] or any(one is not None and not math.isfinite(one) for one in bounds):
            return None
        return cls(*bounds)

    def __str__(self) -> str:
        return f"{_number(self.least)}..{_number(self.most)}"


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions on products; without any, every product is selected."""

    text: str = ""
    """Words that must all occur in the product's texts, in any order."""
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Facet -> values, one of which a product must have; the empty one: no value."""
    ranges: Mapping[str, Range] = field(default_factory=dict)
    seen: tuple[date | None, date | None] = (None, None)
    """First and last day on which the content was fetched, both included; None: no bound."""
    area: tuple[tuple[int, int], ...] = ()
    """Corners of a polygon on the map; empty: everywhere."""
    properties: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Property (shared name or as published) -> values, one of which a product must have; none: any value."""
    sort: str = ""
    page: int = 1

    @classmethod
    def parse(cls, given: Iterable[tuple[str, str]]) -> "Selection":
        """Return the selection of a URL's query; unknown and invalid parameters are ignored.

        Raises:
            UsageError: It names more than 8 properties.
        """
        columns, pages = facet_columns(), 1
        text, sort = "", ""
        seen: tuple[date | None, date | None] = (None, None)
        area: tuple[tuple[int, int], ...] = ()
        facets: dict[str, list[str]] = {}
        ranges: dict[str, Range] = {}
        properties: dict[str, list[str]] = {}
        for name, raw in given:
            value = raw.replace("\0", "")[:_LONGEST]
            if name == "q":
                text = value.strip()
            elif name in columns:
                facets.setdefault(name, []).append(value)
            elif name in RANGES and (parsed := Range.parse(value)):
                ranges[name] = parsed
            elif name == "seen":
                seen = _parse_days(value)
            elif name == "area":
                area = _parse_corners(raw)
            elif name.startswith(_PROPERTY) and len(name) > len(_PROPERTY):
                properties.setdefault(name[len(_PROPERTY) :][:_LONGEST].replace("\0", ""), []).append(value)
            elif name == "sort" and value in SORTS:
                sort = value
            elif name == "page" and value.isascii() and value.isdigit():
                pages = max(1, int(value[:6]))
        _check_number(properties)
        kept = {name: tuple(dict.fromkeys(values))[:_MAX_VALUES] for name, values in facets.items()}
        named = {
            name: tuple(v for v in dict.fromkeys(values) if v)[:_MAX_VALUES] for name, values in properties.items()
        }
        return cls(text, kept, ranges, seen, area, named, sort, pages)

    def url(self, **changes: object) -> str:
        """Return the query string with some fields changed; the first page unless ``page`` is given."""
        one = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]  # fields by name
        pairs = [("q", one.text)] if one.text else []
        pairs += [(name, value) for name, values in sorted(one.facets.items()) for value in values]
        pairs += [(name, str(bounds)) for name, bounds in sorted(one.ranges.items())]
        pairs += [("seen", days_text(one.seen))] if one.seen != (None, None) else []
        pairs += [("area", "_".join(f"{x},{y}" for x, y in one.area))] if one.area else []
        pairs += [
            (_PROPERTY + name, value) for name, values in sorted(one.properties.items()) for value in values or ("",)
        ]
        pairs += [("sort", one.sort)] if one.sort else []
        pairs += [("page", str(one.page))] if one.page > 1 else []
        return "?" + urlencode(pairs)

    def toggled(self, facet: str, value: str) -> str:
        """Return the query string with the choice of a facet's value toggled."""
        return self.url(facets=_toggled(self.facets, facet, value))

    def toggled_property(self, name: str, value: str) -> str:
        """Return the query string with the choice of a property's value toggled."""
        return self.url(properties={**self.properties, name: _toggled(self.properties, name, value).get(name, ())})

    def without(self, name: str) -> str:
        """Return the query string without a facet, a range, a property, the days or the area."""
        return self.url(
            seen=(None, None) if name == "seen" else self.seen,
            area=() if name == "area" else self.area,
            facets={k: v for k, v in self.facets.items() if k != name},
            ranges={k: v for k, v in self.ranges.items() if k != name},
            properties={k: v for k, v in self.properties.items() if k != name},
        )

    def conditions(self, key: Key = "product_id") -> dict[str, str]:
        """Return condition name -> SQL over the catalogue; the area is included only for the index."""
        columns = facet_columns()
        found = {name: _one_of(columns[name], values, key) for name, values in self.facets.items()}
        found |= {name: _between(RANGES[name], bounds) for name, bounds in self.ranges.items()}
        found |= {_PROPERTY + name: _has_property(name, values, key) for name, values in self.properties.items()}
        if days := _within(self.seen):
            found["seen"] = days
        if self.area and key == "n":
            found["area"] = f"n IN (SELECT n FROM points WHERE {_inside(self.area)})"  # noqa: S608 - numbers
        if words := _words(self.text):
            found["q"] = _has_words_indexed(words) if key == "n" else _has_words(words)
        return found

    @property
    def where(self) -> str:
        """Condition for ``m5data export --where``, without the area; ``true`` if everything is selected."""
        return " AND ".join(self.conditions().values()) or "true"


def _check_number(properties: Mapping[str, object]) -> None:
    if len(properties) > _MAX_PROPERTIES:
        raise UsageError(f"{len(properties)} properties are too many: name at most {_MAX_PROPERTIES} at once.")


def sql_of_selection(selection: Selection) -> str:
    """Return the query that returns the same products in the same order in ``m5data sql``."""
    order = SORTS[selection.sort]
    return f"SELECT product_id, caption FROM catalogue WHERE {selection.where} ORDER BY {order}"  # noqa: S608


def _words(text: str) -> list[str]:
    """Return the words to search for; ASCII words, such as product ids, are not split further."""
    words = [word for part in text.lower().split() for word in ((part,) if part.isascii() else cut_words(part))]
    return [word for word in dict.fromkeys(words) if word.strip()][:_MAX_WORDS]


def _has_words(words: list[str]) -> str:
    each = " AND ".join(f"contains(text, {quoted(word)})" for word in words)
    return f"product_id IN (SELECT product_id FROM product_text WHERE {each})"  # noqa: S608 - quoted


def _has_words_indexed(words: list[str]) -> str:
    """Return the same condition over the index, which stores each specification line once for all products."""
    each = [
        f"(SELECT n FROM own_text WHERE {has_word(word, LONG)} UNION ALL "  # noqa: S608 - quoted
        f"SELECT n FROM spec_postings JOIN spec_lines USING (line) WHERE {has_word(word, SHORT)})"
        for word in words
    ]
    return f"n IN ({' INTERSECT '.join(each)})"


def _one_of(column: str, values: tuple[str, ...], key: Key) -> str:
    if column == "tags":
        named = ", ".join(quoted(value) for value in values if value)
        having = [f"{key} IN (SELECT {key} FROM tags WHERE tag IN ({named}))"] if named else []  # noqa: S608 - quoted
        return _either([*having, *([f"{key} NOT IN (SELECT {key} FROM tags)"] if "" in values else [])])  # noqa: S608
    if column in LIST_FACETS.values():
        named = ", ".join(quoted(value) for value in values if value)
        parts = [f"list_has_any({column}, [{named}])"] if named else []
        return _either([*parts, *([f"len({column}) = 0"] if "" in values else [])])
    listed = ", ".join(quoted(value) for value in values if value)
    parts = [f"{column} IN ({listed})"] if listed else []
    return _either([*parts, *([f"coalesce({column}, '') = ''"] if "" in values else [])])


def _between(column: str, bounds: Range) -> str:
    parts = [f"{column} >= {_number(bounds.least)}"] if bounds.least is not None else []
    parts += [f"{column} <= {_number(bounds.most)}"] if bounds.most is not None else []
    return " AND ".join(parts)


def _within(days: tuple[date | None, date | None]) -> str:
    first, last = days
    parts = [f"last_seen >= TIMESTAMPTZ '{first} 00:00:00+00'"] if first else []
    parts += [f"last_seen < TIMESTAMPTZ '{last} 00:00:00+00' + INTERVAL 1 DAY"] if last else []
    return " AND ".join(parts)


def _inside(corners: tuple[tuple[int, int], ...]) -> str:
    """Return the condition that (x, y) is in a polygon: a ray to the right crosses an odd number of its edges."""
    edges = zip(corners, (*corners[1:], corners[0]), strict=True)
    crossed = [
        f"((y < {y1}) <> (y < {y2}) AND x < {x1} + {x2 - x1} * (y - {y1}) / {y2 - y1})::INTEGER"
        for (x1, y1), (x2, y2) in edges
        if y1 != y2
    ]
    return f"({' + '.join(crossed)}) % 2 = 1" if crossed else "false"


def _parse_days(given: str) -> tuple[date | None, date | None]:
    first, _, last = given.partition("..")
    try:
        days = [date.fromisoformat(one.strip()) if one.strip() else None for one in (first, last)]
    except ValueError:
        return None, None
    return days[0], days[1]


def days_text(days: tuple[date | None, date | None]) -> str:
    """Return a range of days in the form of its parameter."""
    return "..".join(str(day or "") for day in days)


def _parse_corners(given: str) -> tuple[tuple[int, int], ...]:
    """Return the corners in ``x,y_x,y_x,y``; none for anything else."""
    corners = [_CORNER.fullmatch(one) for one in given[: 12 * _MAX_CORNERS].split("_")]
    if not 2 < len(corners) <= _MAX_CORNERS or None in corners:
        return ()
    return tuple((int(corner[1]), int(corner[2])) for corner in corners if corner)


def _has_property(name: str, values: tuple[str, ...], key: Key) -> str:
    condition = f"property = {quoted(name)}"
    if values:
        condition += f" AND value IN ({', '.join(map(quoted, values))})"
    return f"{key} IN (SELECT {key} FROM spec_values WHERE {condition})"  # noqa: S608 - quoted


def _either(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _toggled(chosen: Mapping[str, tuple[str, ...]], name: str, value: str) -> dict[str, tuple[str, ...]]:
    before = chosen.get(name, ())
    after = tuple(one for one in before if one != value) if value in before else (*before, value)
    return {key: values for key, values in {**chosen, name: after}.items() if values or key != name}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.15g}"
