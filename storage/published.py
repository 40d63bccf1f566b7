"""The table ``objects``: the index of objects as SQL and backups see it."""

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from storage.object_index import ObjectIndex
from storage.schemas import TABLES

__all__ = ["new_objects"]


def new_objects(
    engine: duckdb.DuckDBPyConnection, index: ObjectIndex, after: int, upto: int
) -> duckdb.DuckDBPyRelation:
    """Return the published objects of ``engine``'s dataset version together with newer ones of the index.

    Args:
        engine: Connection of the snapshot.
        index: Index of objects.
        after: Sequence number up to which the version holds them.
        upto: Sequence number up to which the result does.
    """
    schema = TABLES["objects"].schema
    engine.execute("CREATE TEMP TABLE fresh AS SELECT * FROM objects LIMIT 0")
    for batch in _batches(index, after, upto, schema):
        engine.register("fresh_batch", batch)
        engine.execute("INSERT INTO fresh SELECT * FROM fresh_batch")
        engine.unregister("fresh_batch")
    return engine.sql("SELECT * FROM objects UNION ALL SELECT * FROM fresh")


def _batches(index: ObjectIndex, after: int, upto: int, schema: pa.Schema) -> Iterator[pa.Table]:
    for refs in index.after(after, upto):
        columns = {name: [getattr(ref, name) for ref in refs] for name in schema.names}
        yield pa.table(columns, schema=schema)
