"""Parquet with the columns of ``FeedRow``, read by DuckDB without Python objects."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.engine import quote, text
from core.errors import FeedError
from core.modalities import FeedColumn, feed_columns
from core.table_spec import sql_type
from crawler.feeds.rows import ROUNDED_ID, TEXTS

__all__ = ["insert_checked", "parquet_query"]

_BATCH = 5_000

_PRICES = ("price", "sale_price", "list_price")
_LISTS = ("image_urls", "video_urls", "features")


def parquet_query(path: Path) -> str:
    """Return the SELECT of the columns of ``feed_schema()`` from a file; rows are numbered from 1.

    Raises:
        FeedError: The file is not Parquet, or a column occurs twice or has the wrong type.
    """
    rows = f"read_parquet({text(str(path))}, file_row_number = true)"
    return _select(path, _read_schema(path), f"(SELECT *, file_row_number + 1 AS item FROM {rows})")  # noqa: S608


def insert_checked(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Insert the rows of a file into the table ``feed``; a text that is not UTF-8 costs only its row.

    DuckDB refuses a whole file for one such text; this slower way is for files that it refused.

    Raises:
        FeedError: The file is damaged.
    """
    schema = _read_schema(path)
    query = _select(path, schema, "checked")
    try:
        first = 1
        for batch in pq.ParquetFile(path).iter_batches(_BATCH, columns=[n for n in _known() if n in schema.names]):
            rows = pa.Table.from_batches([batch]).append_column("item", pa.array(range(first, first + len(batch))))
            errors = _bad_texts(batch)
            connection.register("checked", rows.filter(pc.is_null(errors)))
            connection.execute(f"INSERT INTO feed BY NAME {query}")
            connection.register("checked", pa.table({"item": rows["item"], "error": errors}).drop_null())
            connection.execute("INSERT INTO feed BY NAME SELECT * FROM checked")
            first += len(batch)
    except (pa.ArrowException, OSError) as error:
        raise FeedError(f"{path}: the file is damaged: {str(error).splitlines()[0]}") from error


def _bad_texts(batch: pa.RecordBatch) -> pa.Array:
    """Return, per row, an error that names the first column with text that is not UTF-8; NULL for others."""
    errors: list[str | None] = [None] * len(batch)
    for name in reversed(batch.schema.names):
        column = batch.column(name)
        if not _is_valid(column):
            for row in range(len(batch)):
                if not _is_valid(column.take(pa.array([row]))):
                    errors[row] = f"{name}: not UTF-8"
    return pa.array(errors, pa.string())


def _is_valid(column: pa.Array) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _known() -> list[str]:
    return [*TEXTS, *_LISTS, "category", "specs", *(feed.name for feed, _ in feed_columns())]


def _read_schema(path: Path) -> pa.Schema:
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise FeedError(f"{path}: the file is not Parquet: {error}") from error
    twice = next((name for name in _known() if schema.names.count(name) > 1), None)
    if twice is not None:
        raise FeedError(f"{path}: the column {twice} appears twice. Remove or rename one.")
    return schema


def _select(path: Path, schema: pa.Schema, rows: str) -> str:
    """Return the SELECT of a feed's columns from rows of the file with their ``item``."""
    columns = [
        "item",
        "NULL::BIGINT AS line",
        f"{_error(schema)} AS error",
        *(f"{_text(path, schema, name)} AS {name}" for name in TEXTS),
        f"{_category(path, schema)} AS category",
        *(f"{_list(path, schema, name)} AS {name}" for name in _LISTS),
        f"{_specs(path, schema)} AS specs",
        *(f"{_further(path, schema, feed)} AS {quote(feed.name)}" for feed, _ in feed_columns()),
    ]
    return f"SELECT {', '.join(columns)} FROM {rows}"  # noqa: S608


def _error(schema: pa.Schema) -> str:
    """Return SQL for the reason why a row cannot be read."""
    if "id" not in schema.names or not pa.types.is_floating(schema.field("id").type):
        return "NULL::VARCHAR"
    return f"CASE WHEN isfinite(id) AND {_whole('id')} IS NULL THEN 'id: {ROUNDED_ID}' END"


def _whole(value: str) -> str:
    """Return SQL for the whole number that a floating-point number was before, as text; NULL for others."""
    return f"CASE WHEN {value} = trunc({value}) AND abs({value}) < 9007199254740992 THEN {value}::BIGINT::VARCHAR END"


def _text(path: Path, schema: pa.Schema, name: str) -> str:
    if _is_absent(schema, name):
        return "NULL::VARCHAR"
    kind = schema.field(name).type
    if _is_text(kind):
        return name
    if pa.types.is_floating(kind):
        return _float(name)
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return f"CAST({name} AS VARCHAR)"
    raise _wrong(path, name, "text or a number", kind)


def _float(name: str) -> str:
    """Return SQL for a floating-point number as ``FeedRow`` reads it; NaN is NULL, as data frames mean it."""
    if name in _PRICES:
        text_of = f"coalesce(try_cast({name} AS DECIMAL(18, 4))::VARCHAR, {name}::VARCHAR)"
    else:
        text_of = _whole(name) if name == "id" else f"coalesce({_whole(name)}, {name}::VARCHAR)"
    return f"CASE WHEN isfinite({name}) THEN {text_of} END"


def _is_absent(schema: pa.Schema, name: str) -> bool:
    """Return whether a column is missing, or has no type since all its values are null."""
    return name not in schema.names or pa.types.is_null(schema.field(name).type)


def _category(path: Path, schema: pa.Schema) -> str:
    if "category" in schema.names and _is_text(schema.field("category").type):
        return "list_filter(regexp_split_to_array(trim(category), '\\s*>\\s*'), lambda part: part <> '')"
    return _list(path, schema, "category")


def _list(path: Path, schema: pa.Schema, name: str) -> str:
    if _is_absent(schema, name):
        return "NULL::VARCHAR[]"
    kind = schema.field(name).type
    if _is_list(kind) and pa.types.is_null(kind.value_type):
        return "[]::VARCHAR[]"
    if _is_list(kind) and _is_text(kind.value_type):
        return name
    raise _wrong(path, name, "a list of text", kind)


_PAIRS = "STRUCT(property VARCHAR, value VARCHAR)[]"


def _specs(path: Path, schema: pa.Schema) -> str:
    if _is_absent(schema, "specs"):
        return f"NULL::{_PAIRS}"
    kind = schema.field("specs").type
    if pa.types.is_map(kind) and _is_text(kind.key_type):
        value = _spoken("pair.value", kind.item_type)
        pairs = f"list_transform(map_entries(specs), lambda pair: {{'property': pair.key, 'value': {value}}})"
        return f"CASE WHEN specs IS NOT NULL THEN {pairs} END"
    if pa.types.is_struct(kind):  # a mapping of which a data frame made one column a name
        pairs = ", ".join(_pair(field) for field in kind)
        return f"CASE WHEN specs IS NOT NULL THEN [{pairs}]::{_PAIRS} END"
    if _is_list(kind) and pa.types.is_null(kind.value_type):
        return f"[]::{_PAIRS}"
    if _is_list(kind) and pa.types.is_struct(kind.value_type):
        types = {field.name: field.type for field in kind.value_type}
        if {"property", "value"} <= types.keys() and (
            _is_text(types["property"]) or pa.types.is_null(types["property"])
        ):
            value = _spoken("pair.value", types["value"])
            return f"list_transform(specs, lambda pair: {{'property': pair.property::VARCHAR, 'value': {value}}})"
    raise _wrong(path, "specs", "a list of {property, value} or a mapping of names to values", kind)


def _pair(field: pa.Field) -> str:
    return f"{{'property': {text(field.name)}, 'value': {_spoken(f'specs.{quote(field.name)}', field.type)}}}"


def _spoken(value: str, kind: pa.DataType) -> str:
    """Return SQL for the value of a specification as text, as ``FeedRow`` reads it from JSON."""
    if _is_list(kind):
        return f"nullif(array_to_string({value}, ', '), '')"
    if pa.types.is_floating(kind):
        return f"CASE WHEN isfinite({value}) THEN {value}::VARCHAR END"
    return value if _is_text(kind) else f"CAST({value} AS VARCHAR)"


def _further(path: Path, schema: pa.Schema, feed: FeedColumn) -> str:
    if _is_absent(schema, feed.name):
        return f"NULL::{sql_type(feed.type)}"
    kind = schema.field(feed.name).type
    if _fits(kind, feed.type):
        return f"CAST({quote(feed.name)} AS {sql_type(feed.type)})"
    raise _wrong(path, feed.name, str(feed.type), kind)


def _fits(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Return whether every value of one type can be read as the other."""
    if pa.types.is_list(wanted):
        return _is_list(found) and _fits(found.value_type, wanted.value_type)
    if pa.types.is_struct(wanted):
        types = {field.name: field.type for field in found} if pa.types.is_struct(found) else {}
        names = {field.name for field in wanted}
        return types.keys() == names and all(_fits(types[field.name], field.type) for field in wanted)
    if pa.types.is_signed_integer(wanted):
        return bool(pa.types.is_signed_integer(found) and found.bit_width <= wanted.bit_width)
    return _is_text(found) if _is_text(wanted) else bool(found == wanted)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _wrong(path: Path, name: str, expected: str, found: pa.DataType) -> FeedError:
    return FeedError(f"{path}: column {name} must hold {expected}, not {found}")
