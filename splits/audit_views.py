"""Views that the certificate's checks query: the stored tables, joined without the builder's code.

Temporary tables on the connection:

``fact``          one row per product: group_id, kept, usable (kept, and has what the recipe requires),
                  held_out, class_id, sub_class_id, subsub_class_id, merchant and first_seen (if the
                  recipe separates by them), images (position of the first stored image, or of all if
                  the recipe draws one; NULL: none), cluster (smallest group that matches connect its
                  group with), judged (name of the component of products judged the same)
``keyed``         product_id, gtin14, brand and mpn of the products whose GTIN counts (``core.product_keys``)
``gone``          product_id and gtin14 of the products once held out that are no longer there
``held_cluster``  clusters with a product held out, or with the GTIN of one that is gone
``entry``         one row per row of the recipe's splits: its own columns (its group as ``row_group``), side
                  (train, evaluation or none), task (number of its block), number (of its row in ``fact``),
                  the columns of ``fact``, tied (its cluster has a product held out), component (smallest
                  usable product judged the same)
``built``         the recipe's rows of the table splits, in stored order (a view)
``may_share``     a, b: splits that may hold the same products, in both orders
"""

from collections.abc import Iterable

import duckdb
import pyarrow as pa

from core.components import connect
from core.product_keys import KEYED_PRODUCTS
from splits.recipe import UNUSED, Recipe, names_of

__all__ = ["make_audit_views"]


def make_audit_views(connection: duckdb.DuckDBPyConnection, recipe: Recipe) -> None:
    """Make the temporary tables.

    Args:
        connection: DuckDB with one view per table (``Snapshot.connection``).
        recipe: Recipe of the splits that are checked.
    """
    clusters = connect(connection.sql(_GROUP_PAIRS).fetchall())
    _register(connection, "cluster_of", ("group_id", "cluster"), clusters.items())
    _register(connection, "component_of", ("product_id", "component"), _components(connection).items())
    connection.execute(_fact_sql(connection, recipe))
    for statement in (_NAMED, _KEYED, _GONE, _HELD_CLUSTER):
        connection.execute(statement)
    sides = [(name, recipe.sides[name]) for block in recipe.splits for name in names_of(block)]
    tasks = [(name, str(task)) for task, block in enumerate(recipe.splits) for name in names_of(block)]
    _register(connection, "sides", ("split", "side"), [*sides, (UNUSED, "none")])
    _register(connection, "tasks", ("split", "task"), tasks)
    pairs = [tuple(sorted(pair)) for pair in recipe.overlaps]
    _register(connection, "may_share", ("a", "b"), [*pairs, *((b, a) for a, b in pairs)])
    connection.execute(_BUILT.format(recipe=recipe.name))
    connection.execute(_ENTRY)


def _register(
    connection: duckdb.DuckDBPyConnection, name: str, columns: tuple[str, str], rows: Iterable[tuple[str, ...]]
) -> None:
    listed = list(rows)
    arrays = [pa.array([row[place] for row in listed], pa.string()) for place in range(len(columns))]
    connection.register(name, pa.table(arrays, names=list(columns)))


_GROUP_PAIRS = """
    SELECT a.group_id, b.group_id
    FROM matches m
    JOIN duplicates a ON a.product_id = m.query
    JOIN duplicates b ON b.product_id = m.candidate
    WHERE m.decision = 'matched' AND a.group_id <> b.group_id
"""

_JUDGED = """
    WITH judged AS (
        SELECT product_id, group_id, kept FROM duplicates
        WHERE product_id IN (SELECT query FROM matches UNION ALL SELECT candidate FROM matches)
    ), single AS (  -- the one product that stands for the dropped duplicates of its group
        SELECT group_id, min(product_id) AS twin FROM duplicates
        WHERE kept AND group_id IN (SELECT group_id FROM judged WHERE NOT kept)
        GROUP BY group_id HAVING count(*) = 1
    ), stands AS (
        SELECT product_id, CASE WHEN kept THEN product_id ELSE coalesce(twin, product_id) END AS twin
        FROM judged LEFT JOIN single USING (group_id)
    )
    SELECT a.twin, b.twin
    FROM matches m JOIN stands a ON a.product_id = m.query JOIN stands b ON b.product_id = m.candidate
    WHERE m.decision = ? AND a.twin <> b.twin
"""


def _components(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return product -> name of its component, except components that contain a pair judged different."""
    same = connect(connection.execute(_JUDGED, ["matched"]).fetchall())
    different = connection.execute(_JUDGED, ["mismatched"]).fetchall()
    contradicted = {same[a] for a, b in different if a in same and same[a] == same.get(b)}
    return {product: component for product, component in same.items() if component not in contradicted}


_FACT = """
    CREATE OR REPLACE TEMP TABLE fact AS
    SELECT d.product_id, d.group_id, d.kept, d.kept AND {required} AS usable,
           coalesce(r.held_out, false) AS held_out, l.class_id, l.sub_class_id, l.subsub_class_id,
           {merchant} AS merchant, {first_seen} AS first_seen, i.images,
           coalesce(c.cluster, d.group_id) AS cluster, j.component AS judged
    FROM duplicates d
    {products}
    LEFT JOIN reserve r ON r.group_id = d.product_id
    LEFT JOIN labels l ON l.product_id = d.product_id
    LEFT JOIN (SELECT product_id, {images} AS images FROM {stored} GROUP BY product_id) i
        ON i.product_id = d.product_id
    LEFT JOIN cluster_of c ON c.group_id = d.group_id
    LEFT JOIN component_of j ON j.product_id = d.product_id
"""

_NAMED = """
    CREATE OR REPLACE TEMP TABLE named AS
    SELECT judged, min(product_id) AS component FROM fact WHERE usable AND judged IS NOT NULL GROUP BY judged
"""

_KEYED = f"CREATE OR REPLACE TEMP TABLE keyed AS {KEYED_PRODUCTS}"

_GONE = """
    CREATE OR REPLACE TEMP TABLE gone AS
    SELECT group_id AS product_id, gtin14 FROM reserve
    WHERE held_out AND gtin14 IS NOT NULL AND group_id NOT IN (SELECT product_id FROM duplicates)
"""

_HELD_CLUSTER = """
    CREATE OR REPLACE TEMP TABLE held_cluster AS
    SELECT cluster FROM fact WHERE held_out
    UNION SELECT cluster FROM fact JOIN keyed USING (product_id) WHERE gtin14 IN (SELECT gtin14 FROM gone)
"""

_BUILT = """
    CREATE OR REPLACE TEMP VIEW built AS
    SELECT split, product_id, role, label, label_level, group_id, image_position
    FROM splits WHERE recipe = '{recipe}'
"""

_ENTRY = """
    CREATE OR REPLACE TEMP TABLE entry AS
    SELECT s.split, s.product_id, s.role, s.label, s.label_level, s.group_id AS row_group, s.image_position,
           coalesce(sides.side, 'none') AS side, tasks.task, fact.rowid AS number, fact.* EXCLUDE (product_id, judged),
           fact.cluster IN (FROM held_cluster) AS tied, named.component
    FROM built s
    LEFT JOIN fact ON fact.product_id = s.product_id
    LEFT JOIN sides ON sides.split = s.split
    LEFT JOIN tasks ON tasks.split = s.split
    LEFT JOIN named ON named.judged = fact.judged
"""


def _fact_sql(connection: duckdb.DuckDBPyConnection, recipe: Recipe) -> str:
    """Return the statement that makes ``fact``; tables that the recipe does not need are not read."""
    separate = recipe.separate
    needed = "caption" in recipe.require or separate.merchant or separate.time is not None
    required = {
        "label": f"coalesce(l.{recipe.level}_id, -1) >= 0",
        "caption": "coalesce(trim(p.caption), '') <> ''",
        "image": "i.images IS NOT NULL",
    }
    measured = connection.sql("SELECT 1 FROM images LIMIT 1").fetchall()
    return _FACT.format(
        required=" AND ".join(["true", *(required[part] for part in recipe.require)]),
        merchant="p.merchant" if separate.merchant else "NULL::VARCHAR",
        first_seen="p.first_seen" if separate.time else "NULL::TIMESTAMPTZ",
        products="JOIN products p ON p.product_id = d.product_id" if needed else "",
        images="min(position)" if recipe.image == "main" else "list(position)",
        stored="images" if measured else "media WHERE kind = 'image' AND state = 'ok'",
    )
