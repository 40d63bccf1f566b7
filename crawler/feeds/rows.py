"""One row of a feed, and the Arrow columns that rows of every format become."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, NamedTuple

import pyarrow as pa
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from core.modalities import FeedColumn, feed_columns
from core.table_spec import TableSpec

__all__ = ["FeedLine", "FeedRow", "FeedRowError", "FeedSpec", "batches", "feed_schema", "parse_row"]

_ARROW = re.compile(r"\s*>\s*")


class FeedSpec(BaseModel):
    """Name and value of one specification."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    property: str
    value: str


class FeedRowError(ValueError):
    """A row that cannot be read. The message gives the path to the value and the reason."""


def _as_text(value: object) -> object:
    """Convert numbers to text, because ids and prices are often numbers. Booleans stay."""
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
    """One product of a feed. Missing text is None, missing lists are empty, and unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    id: _Text = None
    """The shop's own id; a row without one is dropped."""
    url: _Text = None
    """URL of the product page; a row without one is dropped."""
    title: _Text = None
    category: Annotated[tuple[_Value, ...], BeforeValidator(_as_path), _Many] = ()
    """Outermost first; in text, separated by ``>``."""
    merchant: _Text = None
    """Name of the seller; only its keyed hash is stored."""
    brand: _Text = None
    price: _Text = None
    """A number, with or without a currency."""
    currency: _Text = None
    availability: _Text = None
    """``in stock``, ``InStock`` or a URL of schema.org; other values count as missing."""
    gtin: _Text = None
    mpn: _Text = None
    image_urls: Annotated[tuple[str, ...], _Many] = ()
    """Main image first."""
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
    try:
        return _row_model(feed_columns()).model_validate(values, strict=None)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "row"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise FeedRowError(f"{place}: {first['msg'].lower()}{more}") from None


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
_TEXTS = ("id", "url", "title", "merchant", "brand", "price", "currency", "availability", "gtin", "mpn")
_LISTS = ("category", "image_urls", "video_urls")
_SPECS = pa.list_(pa.struct([("property", pa.string()), ("value", pa.string())]))

_SCHEMA = pa.schema(
    [
        pa.field("line", pa.int64(), nullable=False),
        pa.field("error", pa.string()),
        *(pa.field(name, pa.string()) for name in _TEXTS),
        *(pa.field(name, pa.list_(pa.string())) for name in _LISTS),
        pa.field("specs", _SPECS),
    ]
)


def feed_schema() -> pa.Schema:
    """Return the columns of feeds.

    ``line``: line of the row, from 1 (its number in formats without lines). ``error``: why the row cannot be read, else
    NULL. The other columns are those of ``FeedRow`` and of further modalities.
    """
    return pa.schema([*_SCHEMA, *(pa.field(feed.name, feed.type) for feed, _ in feed_columns())])


class FeedLine(NamedTuple):
    """A row, or the reason why it cannot be read, with its line number."""

    number: int
    row: FeedRow | FeedRowError


def batches(lines: Iterable[FeedLine]) -> Iterator[pa.RecordBatch]:
    """Yield rows as Arrow batches. A row with text that is not valid Unicode becomes a row that cannot be read."""
    some: list[dict[str, object]] = []
    weight = 0
    for line in lines:
        some.append(_values(line))
        weight += _weight(line.row)
        if weight > _BATCH_WEIGHT:
            yield _as_batch(some)
            some, weight = [], 0
    if some:
        yield _as_batch(some)


def _weight(row: FeedRow | FeedRowError) -> int:
    """Return a measure of the memory that a row takes."""
    if isinstance(row, FeedRowError):
        return 200
    texts = (row.title, row.category, row.merchant, row.brand)
    entries = len(row.image_urls) + len(row.video_urls) + len(row.specs)
    long_specs = sum(len(spec.value) for spec in row.specs)
    return 500 + 100 * entries + long_specs + sum(len(text) for text in texts if text)


def _values(line: FeedLine) -> dict[str, object]:
    if isinstance(line.row, FeedRowError):
        return {"line": line.number, "error": str(line.row)}
    return {"line": line.number, **line.row.model_dump()}


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
            return {"line": row["line"], "error": f"{name}: not valid Unicode"}
    return row
