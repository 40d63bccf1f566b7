"""Rows of the table ``objects``, which publishes the index of objects."""

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from storage.state import ObjectIndex
from storage.tables import TABLES

__all__ = ["all_objects", "new_objects"]


def new_objects(
    engine: duckdb.DuckDBPyConnection, index: ObjectIndex, after: int, upto: int
) -> duckdb.DuckDBPyRelation:
    """Return the objects of ``engine``'s dataset version together with newer ones of the index.

    Args:
        engine: Connection of the snapshot.
        index: Index of objects.
        after: Last sequence number that the version holds.
        upto: Last sequence number of the result.
    """
    schema = TABLES["objects"].schema
    engine.execute("CREATE TEMP TABLE fresh AS SELECT * FROM objects LIMIT 0")
    engine.register("fresh_batch", schema.empty_table())
    _insert(engine, "fresh", _batches(index, after, upto, schema))
    return engine.sql("SELECT * FROM objects UNION ALL SELECT * FROM fresh")


def all_objects(engine: duckdb.DuckDBPyConnection, index: ObjectIndex) -> duckdb.DuckDBPyRelation:
    """Return all objects of the index.

    Args:
        engine: Any connection.
        index: Index of objects.
    """
    schema = TABLES["objects"].schema
    engine.register("fresh_batch", schema.empty_table())
    engine.execute("CREATE TEMP TABLE indexed AS SELECT * FROM fresh_batch")
    _insert(engine, "indexed", _batches(index, 0, index.last(), schema))
    return engine.sql("SELECT * FROM indexed")


def _insert(engine: duckdb.DuckDBPyConnection, table: str, batches: Iterator[pa.Table]) -> None:
    for batch in batches:
        engine.register("fresh_batch", batch)
        engine.execute(f"INSERT INTO {table} SELECT * FROM fresh_batch")  # noqa: S608
    engine.unregister("fresh_batch")


def _batches(index: ObjectIndex, after: int, upto: int, schema: pa.Schema) -> Iterator[pa.Table]:
    for refs in index.after(after, upto):
        columns = {name: [getattr(ref, name) for ref in refs] for name in schema.names}
        yield pa.table(columns, schema=schema)
