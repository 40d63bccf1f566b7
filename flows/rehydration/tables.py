"""The stage ``rehydrate``: writes the tables of a published dataset as published; media are still to be fetched."""

import json
from collections.abc import Collection
from contextlib import closing

import duckdb
import pyarrow as pa

from core.engine import open_engine
from core.errors import DataError, UsageError
from core.records import Reject
from core.stage import StageReport
from export.links import IMAGES, MATCHES, VIDEOS
from flows.rehydration.published import Published
from storage import Stage, Store
from storage.split_digest import digest_splits
from storage.tables import TABLES
from takedown.register import open_register

__all__ = ["STAGE", "write_tables"]

STAGE = "rehydrate"

_HASH = "'[0-9a-f]{64}'"
_VIEWS = f"""
    CREATE TEMP VIEW sample AS FROM all_samples
        WHERE product_id = source || ':' || native_id AND source IN (FROM known) AND NOT taken(product_id);
    CREATE TEMP VIEW product AS SELECT DISTINCT ON (product_id) * FROM sample ORDER BY product_id, split;
    CREATE TEMP VIEW medium AS SELECT DISTINCT ON (product_id, kind, position) * FROM (
            SELECT product_id, kind, position, url, sha256 FROM all_images
            UNION ALL SELECT product_id, kind, position, url, sha256 FROM all_videos)
        WHERE product_id IN (SELECT product_id FROM product) AND kind IN ('image', 'video') AND position >= 0
            AND regexp_full_match(sha256, {_HASH}) AND NOT taken_url(url)
        ORDER BY product_id, kind, position;
"""  # noqa: S608 - constants

_QUERIES = {
    "products": "SELECT * FROM product",
    "specs": """SELECT product_id, (place - 1)::INTEGER AS position, specs[place].property AS property,
            specs[place].value AS value FROM (SELECT product_id, specs, unnest(range(1, len(specs) + 1)) AS place
            FROM product)""",
    "media": "SELECT product_id, kind, position, url, 'pending' AS state, 0 AS attempts FROM medium",
    "labels": "SELECT * FROM product WHERE class_id IS NOT NULL",
    "duplicates": """SELECT product_id, group_id, coalesce(duplicate_rule, 'alone') AS rule, true AS kept,
            count(*) OVER (PARTITION BY group_id) AS size FROM product""",
    "reserve": "SELECT product_id AS group_id, held_out, getvariable('version') AS since, gtin14 FROM product",
    "matches": """SELECT product_id AS query, candidate, posterior, decision, 0 AS votes FROM all_matches
            WHERE product_id IN (SELECT product_id FROM product)
            AND candidate IN (SELECT product_id FROM product)""",
    "splits": "SELECT getvariable('recipe') AS recipe, * FROM sample",
}
"""Table -> query of its rows; columns that it lacks are NULL. Matches have no votes: no judgement is published."""


def write_tables(store: Store, published: Published, sources: Collection[str]) -> StageReport:
    """Write products, labels, groups, matches and splits as they were published; their media are pending.

    Reads rows of splits; drops those whose source the settings do not name or whose id is not the source's
    (``bad_row``), and those that were taken down here (``taken_down``).

    Args:
        store: A workspace without other products.
        published: The links.
        sources: Names of the sources in the settings.

    Raises:
        UsageError: The workspace has products that came otherwise.
        DataError: A file of the links cannot be read.
    """
    with store.stage(STAGE, settings="", extra=published.identity) as stage:
        if stage.unchanged:
            return stage.report_unchanged()
        if STAGE not in stage.before.stages and "products" in stage.before.tables:
            raise UsageError(f"rehydrate: {store.root} has products of its own. Name a new folder with -w.")
        try:
            with closing(open_engine()) as engine:
                _make_views(engine, store, published, sources)
                return _write(stage, engine, published)
        except duckdb.Error as error:
            raise DataError(f"{published.folder}: the links cannot be read: {str(error).splitlines()[0]}") from error


def _make_views(
    engine: duckdb.DuckDBPyConnection, store: Store, published: Published, sources: Collection[str]
) -> None:
    register = open_register(store)
    engine.register("known", pa.table({"name": sorted(sources)}, schema=pa.schema([("name", pa.string())])))
    engine.execute(f"CREATE TEMP MACRO taken(id) AS {register.sql('product', 'id')}")
    engine.execute(f"CREATE TEMP MACRO taken_url(address) AS {register.sql('url', 'address')}")
    for name, kind in (("samples", "samples"), ("images", IMAGES), ("videos", VIDEOS), ("matches", MATCHES)):
        engine.execute(f"CREATE TEMP VIEW all_{name} AS {published.relation(kind)}")
    engine.execute(_VIEWS)


def _write(stage: Stage, engine: duckdb.DuckDBPyConnection, published: Published) -> StageReport:
    engine.execute("SET VARIABLE recipe = $recipe", {"recipe": published.recipe})
    engine.execute(f"SET VARIABLE version = {stage.before.number + 1}::INTEGER")
    for table, query in _QUERIES.items():
        stage.write(table, engine.sql(_padded(engine, table, query)))
    stage.write("recipes", _record(stage, engine, published), only=published.recipe)
    bad = engine.execute(
        "SELECT product_id, taken(product_id) FROM all_samples WHERE product_id NOT IN (SELECT product_id FROM sample) "
        "OR product_id IS NULL ORDER BY 1"
    ).fetchall()
    rejects = [Reject(str(item), "taken_down" if taken else "bad_row", str(published.folder)) for item, taken in bad]
    stage.reject(rejects)
    [(read,)] = engine.execute("SELECT count(*) FROM all_samples").fetchall()
    dropped = {
        reason: count for reason in ("bad_row", "taken_down") if (count := sum(one.reason == reason for one in rejects))
    }
    return stage.commit(StageReport(STAGE, read, read - len(rejects), dropped))


def _padded(engine: duckdb.DuckDBPyConnection, table: str, query: str) -> str:
    """Return a query with exactly the columns of a table; what the links lack is NULL."""
    there = set(engine.sql(query).columns)
    names = (name if name in there else f"NULL AS {name}" for name in TABLES[table].schema.names)
    quoted = ", ".join(f'"{name}"' if " AS " not in name else name for name in names)
    return f"SELECT {quoted} FROM ({query})"  # noqa: S608 - names of the schema


def _record(stage: Stage, engine: duckdb.DuckDBPyConnection, published: Published) -> pa.Table:
    """Return the row of ``recipes``: as published, for the splits that are wanted."""
    digest = {split: published.record["digest"].get(split) for split in published.splits}
    found = digest_splits(engine, "sample")
    whole = {split: value or found.get(split) for split, value in digest.items()}
    row = {
        "recipe": published.recipe,
        "definition": published.record["definition"],
        "seed": published.record["seed"],
        "digest": json.dumps({name: value for name, value in whole.items() if value}, sort_keys=True),
        "code": published.record["code"],
        "version": stage.before.number,
        "tables": "{}",
    }
    return pa.Table.from_pylist([row])
