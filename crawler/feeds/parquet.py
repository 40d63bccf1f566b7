"""Parquet with the columns of ``FeedRow``, read by DuckDB without Python objects."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.errors import FeedError
from core.modalities import FeedColumn, feed_columns
from core.table_spec import sql_type
from storage.engine import quote, text

__all__ = ["insert_checked", "parquet_query"]

_BATCH = 5_000

_TEXTS = ("id", "url", "title", "merchant", "brand", "price", "currency", "availability", "gtin", "mpn")
_LISTS = ("image_urls", "video_urls")


def parquet_query(path: Path) -> str:
    """Return the SELECT of the columns of ``feed_schema()`` from a file; rows are numbered from 1.

    Raises:
        FeedError: The file is not Parquet, or a column occurs twice or has the wrong type.
    """
    rows = f"read_parquet({text(str(path))}, file_row_number = true)"
    return _select(path, _read_schema(path), f"(SELECT *, file_row_number + 1 AS line FROM {rows})")  # noqa: S608


def insert_checked(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Insert the rows of a file into the table ``feed``; a text that is not UTF-8 costs only its row.

    DuckDB refuses a whole file for one such text; this slower way is for files that it refused.

    Raises:
        FeedError: The file is damaged.
    """
    schema = _read_schema(path)
    query = _select(path, schema, "checked")
    try:
        line = 1
        for batch in pq.ParquetFile(path).iter_batches(_BATCH, columns=[n for n in _known() if n in schema.names]):
            rows = pa.Table.from_batches([batch]).append_column("line", pa.array(range(line, line + len(batch))))
            errors = _bad_texts(batch)
            connection.register("checked", rows.filter(pc.is_null(errors)))
            connection.execute(f"INSERT INTO feed BY NAME {query}")
            connection.register("checked", pa.table({"line": rows["line"], "error": errors}).drop_null())
            connection.execute("INSERT INTO feed BY NAME SELECT * FROM checked")
            line += len(batch)
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
    return [*_TEXTS, *_LISTS, "category", "specs", *(feed.name for feed, _ in feed_columns())]


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
    """Return the SELECT of a feed's columns from rows of the file with their ``line``."""
    columns = [
        "line",
        "NULL::VARCHAR AS error",
        *(f"{_text(path, schema, name)} AS {name}" for name in _TEXTS),
        f"{_category(path, schema)} AS category",
        *(f"{_list(path, schema, name)} AS {name}" for name in _LISTS),
        f"{_specs(path, schema)} AS specs",
        *(f"{_further(path, schema, feed)} AS {quote(feed.name)}" for feed, _ in feed_columns()),
    ]
    return f"SELECT {', '.join(columns)} FROM {rows}"  # noqa: S608


def _text(path: Path, schema: pa.Schema, name: str) -> str:
    if name not in schema.names:
        return "NULL::VARCHAR"
    kind = schema.field(name).type
    if _is_text(kind):
        return name
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        return f"CAST({name} AS VARCHAR)"
    raise _wrong(path, name, "text or a number", kind)


def _category(path: Path, schema: pa.Schema) -> str:
    if "category" in schema.names and _is_text(schema.field("category").type):
        return "list_filter(regexp_split_to_array(trim(category), '\\s*>\\s*'), lambda part: part <> '')"
    return _list(path, schema, "category")


def _list(path: Path, schema: pa.Schema, name: str) -> str:
    if name not in schema.names:
        return "NULL::VARCHAR[]"
    kind = schema.field(name).type
    if _is_list(kind) and _is_text(kind.value_type):
        return name
    raise _wrong(path, name, "a list of text", kind)


def _specs(path: Path, schema: pa.Schema) -> str:
    if "specs" not in schema.names:
        return "NULL::STRUCT(property VARCHAR, value VARCHAR)[]"
    kind = schema.field("specs").type
    if pa.types.is_map(kind) and _is_text(kind.key_type) and _is_text(kind.item_type):
        pairs = "list_transform(map_entries(specs), lambda pair: {'property': pair.key, 'value': pair.value})"
        return f"CASE WHEN specs IS NOT NULL THEN {pairs} END"
    if _is_list(kind) and pa.types.is_struct(kind.value_type):
        names = {field.name for field in kind.value_type if _is_text(field.type)}
        if {"property", "value"} <= names:
            return "list_transform(specs, lambda pair: {'property': pair.property, 'value': pair.value})"
    raise _wrong(path, "specs", "a list of {property, value} or a mapping of text", kind)


def _further(path: Path, schema: pa.Schema, feed: FeedColumn) -> str:
    if feed.name not in schema.names:
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
