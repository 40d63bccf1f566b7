"""One row of a feed, and the Arrow columns that rows of every format become."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Annotated, Any, NamedTuple

import pyarrow as pa
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

__all__ = ["FEED_SCHEMA", "BadRow", "FeedRow", "Line", "Pair", "batches", "parse_row"]

_ARROW = re.compile(r"\s*>\s*")


class Pair(BaseModel):
    """One line of a specification table."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    property: str
    value: str


class BadRow(ValueError):  # noqa: N818 - one row of many, no failure of the feed
    """A row that cannot be read; its text says the place, what was wanted and of what kind."""


def _as_text(value: object) -> object:
    """Let numbers stand for text: ids and prices often come as such. A flag does not."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def _as_path(value: object) -> object:
    return [part for part in _ARROW.split(value.strip()) if part] if isinstance(value, str) else value


def _as_pairs(value: object) -> object:
    if isinstance(value, Mapping):
        return [{"property": name, "value": _as_text(text)} for name, text in value.items()]
    return value


def _or_nothing(value: object) -> object:
    return () if value is None else value


_Text = Annotated[str | None, BeforeValidator(_as_text)]
_Value = Annotated[str, BeforeValidator(_as_text)]
_Many = BeforeValidator(_or_nothing)


class FeedRow(BaseModel):
    """One product, as its feed says. Absent text is None, absent lists are empty. Unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    id: _Text = None
    """The shop's own id; a row without one is dropped."""
    url: _Text = None
    """Address of the product's page; a row without one is dropped."""
    title: _Text = None
    category: Annotated[tuple[_Value, ...], BeforeValidator(_as_path), _Many] = ()
    """Outermost first; in text, parts stand between ``>``."""
    merchant: _Text = None
    """Name of the seller; kept as a keyed hash alone."""
    brand: _Text = None
    price: _Text = None
    """A number, with or without a currency."""
    currency: _Text = None
    availability: _Text = None
    """``in stock``, ``InStock``, an address of schema.org; anything else counts as not said."""
    gtin: _Text = None
    mpn: _Text = None
    image_urls: Annotated[tuple[str, ...], _Many] = ()
    """Main image first."""
    video_urls: Annotated[tuple[str, ...], _Many] = ()
    specs: Annotated[tuple[Pair, ...], BeforeValidator(_as_pairs), _Many] = ()
    """A list of property and value, or a mapping."""


def parse_row(values: Any) -> FeedRow:  # noqa: ANN401 - whatever a file may hold
    """Return the row that a mapping describes.

    Raises:
        BadRow: it is none, or a field has the wrong type.
    """
    try:
        return FeedRow.model_validate(values, strict=None)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "row"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise BadRow(f"{place}: {first['msg'].lower()}{more}") from None


def parse_json(text: str) -> object:
    """Return what a JSON text holds.

    Raises:
        BadRow: it is no JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f"column {error.colno}" if isinstance(error, json.JSONDecodeError) else "row"
        raise BadRow(f"{place}: wanted JSON, got something else") from None


_BATCH = 10_000
_TEXTS = ("id", "url", "title", "merchant", "brand", "price", "currency", "availability", "gtin", "mpn")
_LISTS = ("category", "image_urls", "video_urls")
_SPECS = pa.list_(pa.struct([("property", pa.string()), ("value", pa.string())]))

FEED_SCHEMA = pa.schema(
    [
        pa.field("line", pa.int64(), nullable=False),
        pa.field("error", pa.string()),
        *(pa.field(name, pa.string()) for name in _TEXTS),
        *(pa.field(name, pa.list_(pa.string())) for name in _LISTS),
        pa.field("specs", _SPECS),
    ]
)
"""``line``: where the row stands, from 1 (its number, in formats without lines).
``error``: why the row cannot be read, NULL where it can. The rest as in ``FeedRow``."""


class Line(NamedTuple):
    """A row with its place, or why there is none."""

    number: int
    row: FeedRow | BadRow


def batches(lines: Iterable[Line]) -> Iterator[pa.RecordBatch]:
    """Turn rows into Arrow, some thousand at a time."""
    rest = iter(lines)
    while some := list(islice(rest, _BATCH)):
        yield pa.RecordBatch.from_pylist([_values(line) for line in some], schema=FEED_SCHEMA)


def _values(line: Line) -> dict[str, object]:
    if isinstance(line.row, BadRow):
        return {"line": line.number, "error": str(line.row)}
    return {"line": line.number, **line.row.model_dump()}
