"""One item of a feed, and the Arrow columns that items of every format become."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import cache
from math import isfinite
from typing import Annotated, Any, NamedTuple

import pyarrow as pa
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from core.modalities import FeedColumn, feed_columns
from core.table_spec import TableSpec

__all__ = [
    "ROUNDED_ID",
    "TEXTS",
    "FeedItem",
    "FeedRow",
    "FeedRowError",
    "FeedSpec",
    "batches",
    "feed_schema",
    "parse_json",
    "parse_row",
]

_ARROW = re.compile(r"\s*>\s*")
_EXACT = 1 << 53
"""Whole numbers below it survive as floating-point numbers."""

ROUNDED_ID = "a floating-point number is no id, its digits may be lost; write ids as text"
"""Message for an id that came as a floating-point number and cannot be restored."""


class FeedSpec(BaseModel):
    """Name and value of one specification."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    property: str
    value: str


class FeedRowError(ValueError):
    """An item that cannot be read. The message gives the path to the value and the reason."""


def _as_text(value: object) -> object:
    """Convert numbers to text, since codes are often numbers. Booleans stay."""
    if isinstance(value, float):
        return _of_whole(value) or (str(value) if isfinite(value) else None)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _of_whole(value: float) -> str | None:
    """Return a whole number as it was before it became a float (``101.0``: 101); None for other numbers."""
    return str(int(value)) if value.is_integer() and abs(value) < _EXACT else None


def _as_id(value: object) -> object:
    if isinstance(value, float) and isfinite(value) and _of_whole(value) is None:
        raise ValueError(ROUNDED_ID)
    return _as_text(value)


def _as_price(value: object) -> object:
    """Convert a number to text with four decimals: of ``1.299``, nobody could tell what the point means."""
    if not isinstance(value, float):
        return _as_text(value)
    try:
        return str(Decimal(str(value)).quantize(Decimal("0.0001"))) if isfinite(value) else None
    except InvalidOperation:  # too long for a price
        return str(value)


def _as_path(value: object) -> object:
    return [part for part in _ARROW.split(value.strip()) if part] if isinstance(value, str) else value


def _as_lines(value: object) -> object:
    return [line for line in value.splitlines() if line.strip()] if isinstance(value, str) else value


def _without_nulls(value: object) -> object:
    """Leave nulls out of a list; a missing list is empty."""
    if value is None:
        return ()
    return [one for one in value if one is not None] if isinstance(value, list | tuple) else value


def _as_pairs(value: object) -> object:
    """Return specifications as pairs of texts; one that is null, or has no value, is left out."""
    if isinstance(value, Mapping):
        value = [{"property": name, "value": one} for name, one in value.items()]
    if not isinstance(value, list | tuple):
        return value
    return [pair for one in value if (pair := _as_pair(one)) is not None]


def _as_pair(value: object) -> object:
    if not isinstance(value, Mapping) or not {"property", "value"} <= value.keys():
        return value
    text = _spoken(value["value"])
    return None if text is None or value["property"] is None else {"property": value["property"], "value": text}


def _spoken(value: object) -> str | None:
    """Return the value of a specification as text: a list with commas, an object as ``name: value``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        value = [f"{name}: {text}" for name, one in value.items() if (text := _spoken(one)) is not None]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(text for one in value if (text := _spoken(one)) is not None) or None
    if isinstance(value, float) and not isfinite(value):
        return None
    return None if value is None else str(value)


_Text = Annotated[str | None, BeforeValidator(_as_text)]
_Value = Annotated[str, BeforeValidator(_as_text)]
_Many = BeforeValidator(_without_nulls)


class FeedRow(BaseModel):
    """One product of a feed. Missing text is None, missing lists are empty, and unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    id: Annotated[str | None, BeforeValidator(_as_id)] = None
    """The shop's own id; an item without one is dropped."""
    url: _Text = None
    """URL of the product page; an item without one is dropped."""
    title: _Text = None
    category: Annotated[tuple[_Value, ...], BeforeValidator(_as_path), _Many] = ()
    """Outermost first; in text, separated by ``>``."""
    merchant: _Text = None
    """Name of the seller; only its keyed hash is stored."""
    brand: _Text = None
    price: Annotated[str | None, BeforeValidator(_as_price)] = None
    """A number, with or without a currency."""
    sale_price: Annotated[str | None, BeforeValidator(_as_price)] = None
    """A lower price, which counts in its time."""
    sale_price_effective_date: _Text = None
    """Time of the sale price, ``begin/end`` in ISO 8601; without one it always counts."""
    currency: _Text = None
    availability: _Text = None
    """``in stock``, ``InStock`` or a URL of schema.org; other values count as missing."""
    gtin: _Text = None
    mpn: _Text = None
    description: _Text = None
    """Text about the product; tags and line breaks separate paragraphs."""
    features: Annotated[tuple[_Value, ...], BeforeValidator(_as_lines), _Many] = ()
    """Selling points: a list, or text with one a line."""
    list_price: Annotated[str | None, BeforeValidator(_as_price)] = None
    """A higher price that the price replaces; with a sale price in its time, ``price`` is it."""
    rating: _Text = None
    """Mean rating, 0 to 5."""
    rating_count: _Text = None
    condition: _Text = None
    """``new``, ``used``, ``refurbished``, ``damaged`` or a URL of schema.org; other values count as missing."""
    item_group: _Text = None
    """The shop's own id of the group of variants."""
    image_urls: Annotated[tuple[str, ...], _Many] = ()
    """Main image first; relative URLs are resolved against ``url``."""
    video_urls: Annotated[tuple[str, ...], _Many] = ()
    specs: Annotated[tuple[FeedSpec, ...], BeforeValidator(_as_pairs), _Many] = ()
    """A list of objects with ``property`` and ``value``, or a mapping."""


@cache
def _row_model(further: tuple[tuple[FeedColumn, TableSpec], ...]) -> type[FeedRow]:
    """Return ``FeedRow`` with the columns of further modalities; an absent one is None."""
    if taken := [feed.name for feed, _ in further if feed.name in _SCHEMA.names]:
        raise ValueError(f"Feeds have a column {taken[0]} already. Give the modality's column another name.")
    fields: dict[str, Any] = {feed.name: (_python_type(feed.type) | None, None) for feed, _ in further}
    return create_model("FeedRow", __base__=FeedRow, **fields) if fields else FeedRow


def _python_type(kind: pa.DataType) -> Any:  # noqa: ANN401 - a type, perhaps annotated
    """Return the Python type that values of an Arrow type are validated as."""
    if pa.types.is_list(kind):
        return tuple[_python_type(kind.value_type), ...]  # type: ignore[misc]
    if pa.types.is_struct(kind):
        fields: dict[str, Any] = {field.name: (_python_type(field.type) | None, None) for field in kind}
        return create_model("Object", **fields)
    if pa.types.is_signed_integer(kind):
        limit = 1 << (kind.bit_width - 1)
        return Annotated[int, Field(ge=-limit, lt=limit)]
    simple = {pa.string(): _Value, pa.float64(): float, pa.bool_(): bool}
    if kind not in simple:
        raise ValueError(f"Feeds cannot hold the type {kind}. Use text, int32, int64, float64, bool, struct or list.")
    return simple[kind]


def parse_row(values: Any) -> FeedRow:  # noqa: ANN401 - any content of a file
    """Return the row that a mapping describes.

    Raises:
        FeedRowError: The value is not a mapping, or a field has the wrong type.
    """
    if not isinstance(values, Mapping):
        raise FeedRowError("row: not an object")
    try:
        return _row_model(feed_columns()).model_validate(values, strict=None)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "row"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        what = first["msg"].removeprefix("Value error, ")
        raise FeedRowError(f"{place}: {what[0].lower()}{what[1:]}{more}") from None


def parse_json(text: str) -> object:
    """Return the value of a JSON text.

    Raises:
        FeedRowError: The text is not JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f"column {error.colno}" if isinstance(error, json.JSONDecodeError) else "row"
        raise FeedRowError(f"{place}: not valid JSON") from None


_BATCH_WEIGHT = 5_000_000
"""Weight of a batch (characters, and a hundred per list entry): about 10,000 usual rows, or a few large ones."""
TEXTS = (
    *("id", "url", "title", "merchant", "brand", "price", "sale_price", "sale_price_effective_date", "currency"),
    *("availability", "gtin", "mpn", "description", "list_price", "rating", "rating_count", "condition", "item_group"),
)
"""Columns of text."""
_LISTS = ("category", "image_urls", "video_urls", "features")
_SPECS = pa.list_(pa.struct([("property", pa.string()), ("value", pa.string())]))

_SCHEMA = pa.schema(
    [
        pa.field("item", pa.int64(), nullable=False),
        pa.field("line", pa.int64()),
        pa.field("error", pa.string()),
        *(pa.field(name, pa.string()) for name in TEXTS),
        *(pa.field(name, pa.list_(pa.string())) for name in _LISTS),
        pa.field("specs", _SPECS),
    ]
)


def feed_schema() -> pa.Schema:
    """Return the columns of feeds.

    ``item``: number of the item in the feed, from 1. ``line``: line on which it ends or begins, where the format has
    lines. ``error``: why the item cannot be read, else NULL. The other columns are those of ``FeedRow`` and of further
    modalities.
    """
    return pa.schema([*_SCHEMA, *(pa.field(feed.name, feed.type) for feed, _ in feed_columns())])


class FeedItem(NamedTuple):
    """One item, or the reason why it cannot be read."""

    row: FeedRow | FeedRowError
    line: int | None = None
    """A line on which it stands, from 1; None in formats without lines."""


def batches(items: Iterable[FeedItem]) -> Iterator[pa.RecordBatch]:
    """Yield items as Arrow batches. An item with text that is not valid Unicode becomes one that cannot be read."""
    some: list[dict[str, object]] = []
    weight = 0
    for number, item in enumerate(items, start=1):
        some.append(_values(number, item))
        weight += _weight(item.row)
        if weight > _BATCH_WEIGHT:
            yield _as_batch(some)
            some, weight = [], 0
    if some:
        yield _as_batch(some)


def _weight(row: FeedRow | FeedRowError) -> int:
    """Return a measure of the memory that a row takes."""
    if isinstance(row, FeedRowError):
        return 200
    texts = (row.title, row.category, row.merchant, row.brand, row.description, *row.features)
    entries = len(row.image_urls) + len(row.video_urls) + len(row.specs)
    long_specs = sum(len(spec.value) for spec in row.specs)
    return 500 + 100 * entries + long_specs + sum(len(text) for text in texts if text)


def _values(number: int, item: FeedItem) -> dict[str, object]:
    place: dict[str, object] = {"item": number, "line": item.line}
    if isinstance(item.row, FeedRowError):
        return {**place, "error": str(item.row)}
    return {**place, **item.row.model_dump()}


def _as_batch(rows: list[dict[str, object]]) -> pa.RecordBatch:
    schema = feed_schema()
    try:
        return pa.RecordBatch.from_pylist(rows, schema=schema)
    except UnicodeEncodeError:  # JSON can escape half a character
        return pa.RecordBatch.from_pylist([_encodable(row, schema) for row in rows], schema=schema)


def _encodable(row: dict[str, object], schema: pa.Schema) -> dict[str, object]:
    for name, value in row.items():
        try:
            pa.array([value], schema.field(name).type)
        except UnicodeEncodeError:
            return {"item": row["item"], "line": row["line"], "error": f"{name}: not valid Unicode"}
    return row
