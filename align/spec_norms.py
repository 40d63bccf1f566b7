"""The table ``spec_norms``: specification lines under shared names, values and units."""

from collections.abc import Sequence
from contextlib import closing

import duckdb
import numpy as np
import pyarrow as pa

from align.properties import PropertyUse, align_properties, find_conflicts
from align.values import normal_value
from storage import Stage
from storage.engine import open_engine, side_by_side

__all__ = ["SOURCE", "buckets_of", "write_spec_norms"]

_LINES = ("product_id", "position", "property", "value")
SOURCE = "split_part(product_id, ':', 1)"
"""The source of a product, in SQL."""
_VALUES_EACH = 200
_SAMPLE = 2_000_000
"""Lines whose values and neighbours are looked at; properties that are rare there are read whole."""
_RARE = 200
"""Lines of the sample below which a property is read whole."""
_COUNTS = f"SELECT {SOURCE} AS source, property, count(*) AS products FROM specs GROUP BY ALL ORDER BY ALL"  # noqa: S608
_RARE_LINES = f"""
SELECT product_id, position, property, value FROM specs JOIN (
    SELECT property FROM numbered LEFT JOIN (SELECT property, count(*) AS lines FROM sampled GROUP BY property)
    USING (property) GROUP BY property HAVING coalesce(any_value(lines), 0) < {_RARE}
) USING (property)
"""  # noqa: S608 - constants
_VALUES = f"""
SELECT source, property, value, count(*) AS products
FROM (SELECT {SOURCE} AS source, * FROM (FROM sampled UNION SELECT * FROM ({_RARE_LINES})))
GROUP BY source, property, value
QUALIFY row_number() OVER (PARTITION BY source, property ORDER BY count(*) DESC, value) <= {_VALUES_EACH}
ORDER BY source, property, products DESC, value
"""  # noqa: S608 - constants
_SAMPLED = f"""
SELECT dense_rank() OVER (ORDER BY product_id) - 1 AS product, number, value
FROM (SELECT product_id, {SOURCE} AS source, property, min(value) AS value FROM sampled GROUP BY ALL)
JOIN numbered USING (source, property)
"""  # noqa: S608 - constants
_PLAIN = "[!-*,./:-~一-鿿À-ÿ][!-~一-鿿À-ÿ]*( [!-~一-鿿À-ÿ]+)*"
"""Values that are their own normal form: they begin with no digit or sign, and hold nothing that folding changes."""
_ODD = f"SELECT DISTINCT property, value FROM lines WHERE NOT regexp_full_match(value, '{_PLAIN}')"  # noqa: S608
_NORMS = f"""
SELECT product_id, position, property_norm, coalesce(value_norm, value) AS value_norm, unit, number
FROM (SELECT {SOURCE} AS source, product_id, position, property, value FROM lines) JOIN shared USING (source, property)
LEFT JOIN normal USING (property, value)
"""  # noqa: S608 - constants
_NORMAL = pa.schema(
    [*((name, pa.string()) for name in ("property", "value", "value_norm", "unit")), ("number", pa.float64())]
)


def write_spec_norms(stage: Stage, connection: duckdb.DuckDBPyConnection) -> None:
    """Write ``spec_norms`` bucket by bucket; memory grows with the lines of a few buckets.

    Args:
        stage: The running stage.
        connection: DuckDB with the table ``specs``. It gets ``shared``: source, property, products and shared name.
    """
    shared = _shared_names(stage, connection)
    connection.register("shared", shared)

    def write(bucket: int) -> None:
        with closing(open_engine()) as engine:
            engine.execute(stage.before.view("lines", "specs", only=[bucket]))
            engine.register("shared", shared)
            engine.register("normal", _normal(engine.sql(_ODD).to_arrow_table()))
            stage.write("spec_norms", engine.sql(_NORMS), only=[bucket])

    side_by_side(write, buckets_of(stage, "specs", "spec_norms"))


def buckets_of(stage: Stage, *tables: str) -> list[int]:
    """Return the buckets that any of some tables has, sorted."""
    return sorted({b for table in tables for b in stage.before.partitions(table) if isinstance(b, int)})


def _shared_names(stage: Stage, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return source, property and shared name of every property."""
    counted = connection.sql(_COUNTS).to_arrow_table()
    connection.register("numbered", counted.append_column("number", pa.array(range(len(counted)))))
    connection.register("sampled", _sample(stage))
    values: dict[tuple[str, str], dict[str, int]] = {}
    for source, name, value, products in connection.sql(_VALUES).fetchall():
        values.setdefault((source, name), {})[value] = products
    listed = counted.to_pylist()
    uses = [
        PropertyUse(row["source"], row["property"], values.get((row["source"], row["property"]), {}), row["products"])
        for row in listed
    ]
    lines = connection.sql(_SAMPLED).to_arrow_table()
    products, places = (lines[name].to_numpy().astype(np.int64) for name in ("product", "number"))
    shared = align_properties(uses, find_conflicts(uses, products, places, lines["value"].to_pylist()))
    return counted.append_column("property_norm", pa.array([shared[use.key] for use in uses], pa.string()))


def _sample(stage: Stage) -> pa.Table:
    """Return the lines of the first buckets, up to the size of the sample or one bucket."""
    parts: list[pa.Table] = []
    for bucket in buckets_of(stage, "specs"):
        parts.append(stage.before.table("specs", _LINES, only=[bucket]))
        if sum(map(len, parts)) >= _SAMPLE:
            break
    return pa.concat_tables(parts) if parts else stage.before.table("specs", _LINES)


def _normal(odd: pa.Table) -> pa.Table:
    """Return the normal forms of distinct properties and values."""
    pairs = list(zip(*(odd[name].to_pylist() for name in ("property", "value")), strict=True))
    normal = [normal_value(value, name) for name, value in pairs]
    columns: list[Sequence[object]] = [[name for name, _ in pairs], [value for _, value in pairs]]
    columns += [[one.text for one in normal], [one.unit for one in normal], [one.number for one in normal]]
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, _NORMAL, strict=True)], _NORMAL)
