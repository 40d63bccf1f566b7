"""Check that the certificate finds and names each of three leaks planted in a workspace's splits.

    python -m bench.splits.planted_leaks WORKSPACE

A product of a duplicate group in train is copied to the coarse gallery, one coarse query loses all gallery
products with its label, and one row's label is changed. The tables on disk are unchanged: the certificate reads a
view with changed rows.
"""

import sys
from contextlib import closing
from pathlib import Path

import duckdb

import m5data
from splits.certificate import certify
from splits.record import stored_recipes

_TWIN = """
    SELECT product_id FROM true_splits WHERE split = 'train' AND group_id <> product_id ORDER BY md5(product_id) LIMIT 1
"""
_QUERY = """
    SELECT min(product_id), label FROM true_splits WHERE split = 'query-c'
    GROUP BY label ORDER BY count(*), label LIMIT 1
"""
_CHANGED = "SELECT product_id FROM true_splits WHERE split = 'unused' ORDER BY md5(product_id) LIMIT 1"
_PLANTED = """
    CREATE TEMP VIEW splits AS
    SELECT recipe, split, product_id, role, CASE WHEN split = 'unused' AND product_id = '{changed}' THEN '-7'
           ELSE label END AS label, label_level, group_id, image_position
    FROM true_splits WHERE NOT coalesce(split = 'gallery-c' AND label = '{label}', false)
    UNION ALL
    SELECT recipe, 'gallery-c', product_id, 'distractor', NULL, label_level, group_id, image_position
    FROM true_splits WHERE split = 'train' AND product_id = '{twin}'
"""


def _plant(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Replace the view ``splits`` with one that has leaks; return leak -> product."""
    connection.execute("ALTER VIEW splits RENAME TO true_splits")
    twin = connection.sql(_TWIN).fetchall()[0][0]
    query, label = connection.sql(_QUERY).fetchall()[0]
    changed = connection.sql(_CHANGED).fetchall()[0][0]
    connection.execute(_PLANTED.format(twin=twin, label=label, changed=changed))
    return {"duplicate across splits": twin, "query without a match": query, "changed row": changed}


def main() -> None:
    """Certify the splits of the workspace's first recipe, with the leaks, and print the checks that fail."""
    snapshot = m5data.open(Path(sys.argv[1])).snapshot
    made = stored_recipes(snapshot)[0]
    with closing(snapshot.connection()) as connection:
        connection.execute("SET memory_limit = '3GB'")
        planted = _plant(connection)
        certificate = certify(connection, made.recipe, made.seed, snapshot.number, snapshot.tables)
    failed = [check for check in certificate.checks if not check.ok]
    for check in failed:
        print(f"{check.name}: {check.detail}")
    for what, product in planted.items():
        names = [check.name for check in failed if product in check.detail]
        print(f"{what} ({product}): named by {', '.join(names) or 'nothing'}")
    sys.exit(any(not any(product in check.detail for check in failed) for product in planted.values()))


if __name__ == "__main__":
    main()
