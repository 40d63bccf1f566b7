"""The table ``spec_proposals``: property values that images state and specification tables lack."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

import duckdb
import pyarrow as pa

from align.image_specs import ImageLine, PropertyNames, propose_values
from align.properties import fold_property
from align.property_uses import SOURCE
from align.spec_norms import buckets_of
from align.values import normal_value
from storage import Stage
from storage.tables import TABLES

__all__ = ["write_spec_proposals"]

_LEAST_PRODUCTS = 2
"""Products whose tables have a name before it counts as a property of the shop."""
_NAMES = f"""
SELECT source, property, property_norm FROM shared WHERE lines >= {_LEAST_PRODUCTS}
ORDER BY lines, source, property
"""  # noqa: S608 - constants
_LINES = f"""
SELECT {SOURCE} AS source, product_id, position, line, text, confidence,
    least(x0, x3), least(y0, y1), greatest(x1, x2), greatest(y2, y3), sha256
FROM read_lines WHERE contact IS NULL AND NOT repeated ORDER BY product_id, position, line
"""  # noqa: S608 - constants


def write_spec_proposals(stage: Stage, connection: duckdb.DuckDBPyConnection) -> None:
    """Write ``spec_proposals`` bucket by bucket, if text in images was ever read.

    Args:
        stage: The running stage.
        connection: DuckDB with ``shared``, the rows of ``properties``.
    """
    if "image_text" not in stage.before.tables:
        return
    names = _property_names(connection)
    for bucket in buckets_of(stage, "image_text", "spec_proposals"):
        connection.register("read_lines", stage.before.table("image_text", only=[bucket]))
        stated: defaultdict[str, list[str]] = defaultdict(list)
        specs = stage.before.table("specs", ("product_id", "property"), only=[bucket])
        for product_id, name in zip(*(specs[column].to_pylist() for column in specs.column_names), strict=True):
            stated[product_id].append(name)
        rows = list(_rows(connection, names, stated))
        stage.write("spec_proposals", pa.Table.from_pylist(rows, schema=TABLES["spec_proposals"].schema), only=[bucket])


def _property_names(connection: duckdb.DuckDBPyConnection) -> Mapping[str, PropertyNames]:
    """Return source -> its property names; the shared name of most products counts."""
    shared: dict[str, str] = {}
    own: defaultdict[str, set[str]] = defaultdict(set)
    for source, name, norm in connection.sql(_NAMES).fetchall():
        shared[fold_property(name)] = norm
        own[source].add(name)
    found = {source: PropertyNames(shared, frozenset(used)) for source, used in own.items()}
    return defaultdict(lambda: PropertyNames(shared, frozenset()), found)


def _rows(
    connection: duckdb.DuckDBPyConnection, names: Mapping[str, PropertyNames], stated: Mapping[str, list[str]]
) -> Iterator[dict[str, object]]:
    products: defaultdict[tuple[str, str], list[ImageLine]] = defaultdict(list)
    images: dict[tuple[str, int], str] = {}
    for source, product_id, *line, sha256 in connection.sql(_LINES).fetchall():
        read = ImageLine(*line)
        products[source, product_id].append(read)
        images[product_id, read.position] = sha256
    for (source, product_id), lines in products.items():
        of_shop = names[source]
        for one in propose_values(lines, of_shop, stated.get(product_id, ())):
            normal = normal_value(one.value, one.property)
            yield {
                "product_id": product_id,
                "property": one.property,
                "value": one.value,
                "property_norm": of_shop.shared.get(fold_property(one.property)),
                "value_norm": normal.text,
                "unit": normal.unit,
                "position": one.line.position,
                "line": one.line.line,
                "sha256": images[product_id, one.line.position],
                "rule": one.rule,
                "confidence": one.line.confidence,
            }
