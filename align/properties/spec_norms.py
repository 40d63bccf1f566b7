"""The table ``spec_norms``: every line of a specification in shared words."""

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from align.properties.names import PropertyKey, PropertyUse, align_properties
from align.properties.values import normal_value
from storage import Stage

__all__ = ["write_spec_norms"]

_LINES = ("product_id", "position", "property", "value")
_VALUES_EACH = 200
_TABLES_SEEN = 20_000
"""Combinations of properties in one product's table that are looked at, the commonest."""

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


def write_spec_norms(stage: Stage, connection: duckdb.DuckDBPyConnection) -> None:
    """Write ``spec_norms``, a bucket at a time: memory grows with the values of one bucket.

    Args:
        stage: Being run.
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
    """Yield pairs of properties that one product has."""
    for source, names in connection.sql(_TOGETHER).fetchall():
        for place, one in enumerate(names):
            yield from (((source, one), (source, other)) for other in names[:place])


def _normal(values: list[str]) -> pa.Table:
    normal = [normal_value(value) for value in values]
    columns = [values, [one.text for one in normal], [one.unit for one in normal], [one.number for one in normal]]
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, _NORMAL, strict=True)], schema=_NORMAL
    )
