"""Checks that no product, group or match lies where it leaks from train to evaluation."""

from collections.abc import Iterator

import duckdb

from splits.recipe import Recipe, Sample
from storage.check import Check, check_none

__all__ = ["check_leaks"]

_PLACE = "e.product_id || ' in ' || e.split"


def check_leaks(connection: duckdb.DuckDBPyConnection, recipe: Recipe) -> Iterator[Check]:
    """Yield the checks of disjointness, groups, matches, reserve and separation.

    Args:
        connection: With the tables of ``splits.audit_views``.
        recipe: Recipe of the splits that are checked.
    """
    for name, (promise, wrong) in _CHECKS.items():
        yield check_none(connection, name, wrong, promise=promise)
    for block in recipe.splits:
        if isinstance(block, Sample) and block.inside is not None:
            yield check_none(
                connection,
                f"inside:{block.name}",
                f"SELECT {_PLACE} FROM entry e WHERE split = $this AND product_id NOT IN "  # noqa: S608
                "(SELECT product_id FROM entry WHERE split = $that)",
                promise=f"every product of {block.name} is in {block.inside}",
                params={"this": block.name, "that": block.inside},
            )
    if recipe.separate.merchant:
        yield check_none(
            connection, "merchants", _straddle("merchant", "merchant"), promise="no merchant is on both sides"
        )
    if recipe.separate.time is not None:
        yield check_none(
            connection,
            "time",
            f"SELECT {_PLACE} || ', first seen ' || first_seen FROM entry e WHERE "  # noqa: S608
            "(side = 'train' AND first_seen >= $cut) OR (side = 'evaluation' AND first_seen < $cut)",
            promise=f"train was first seen before {recipe.separate.time}, evaluation from then on",
            params={"cut": recipe.separate.time},
        )


def _straddle(column: str, what: str) -> str:
    """Return the query of values of ``column`` with products on both sides."""
    return f"""
        WITH straddling AS (SELECT DISTINCT {column} FROM entry WHERE side = 'train' AND {column} IN
                      (SELECT {column} FROM entry WHERE side = 'evaluation'))
        SELECT '{what} ' || e.{column} || ': ' || min({_PLACE}) FILTER (side = 'train')
               || ', ' || min({_PLACE}) FILTER (side = 'evaluation')
        FROM entry e SEMI JOIN straddling USING ({column}) GROUP BY e.{column}
    """  # noqa: S608


_CHECKS = {
    "catalogue": (
        "every row is a product that was kept and has what the recipe requires",
        f"SELECT {_PLACE} FROM entry e WHERE usable IS NOT TRUE",  # noqa: S608
    ),
    "names": (
        "every row is in a split that the recipe names",
        f"SELECT {_PLACE} FROM entry e WHERE split NOT IN (SELECT split FROM sides)",  # noqa: S608
    ),
    "conservation": (
        "every product of the catalogue is in a split or in unused",
        "SELECT product_id FROM fact WHERE usable AND product_id NOT IN (SELECT product_id FROM entry)",
    ),
    "disjoint": (
        "no product is in two splits, but where the recipe lets them overlap, nor twice in one",
        """
        WITH many AS (SELECT product_id FROM entry GROUP BY product_id HAVING count(*) > 1),
             place AS (SELECT product_id, split, count(*) AS times FROM entry SEMI JOIN many USING (product_id)
                       GROUP BY ALL)
        SELECT x.product_id || ' in ' || x.split || ' and ' || y.split
        FROM place x JOIN place y ON x.product_id = y.product_id AND x.split < y.split
        WHERE NOT EXISTS (FROM may_share WHERE a = x.split AND b = y.split)
        UNION ALL SELECT product_id || ' twice in ' || split FROM place WHERE times > 1
        """,
    ),
    "group_names": (
        "every row names its duplicate group",
        f"SELECT {_PLACE} FROM entry e WHERE row_group IS DISTINCT FROM group_id",  # noqa: S608
    ),
    "groups": ("no duplicate group is on both sides", _straddle("group_id", "group")),
    "matches": ("no products judged the same are on both sides", _straddle("cluster", "matches of")),
    "tasks": (
        "no group and no match is in two evaluations, but where the recipe lets them overlap",
        """
        WITH wide AS (SELECT cluster FROM entry WHERE side = 'evaluation'
                      GROUP BY cluster HAVING count(DISTINCT task) > 1),
             place AS (SELECT DISTINCT cluster, split, task FROM entry SEMI JOIN wide USING (cluster)
                       WHERE side = 'evaluation')
        SELECT 'group ' || x.cluster || ' in ' || x.split || ' and ' || y.split
        FROM place x JOIN place y ON x.cluster = y.cluster AND x.split < y.split AND x.task <> y.task
        WHERE NOT EXISTS (FROM may_share WHERE a = x.split AND b = y.split)
        """,
    ),
    "reserve": (
        "nothing that is held out, or tied to it by groups and matches, is trained on",
        f"""
        SELECT {_PLACE} || CASE WHEN held_out THEN ', held out' ELSE ', tied to what is held out' END
        FROM entry e WHERE side = 'train' AND (held_out OR tied)
        """,  # noqa: S608
    ),
    "evaluation": (
        "everything that is judged on is held out",
        f"SELECT {_PLACE} FROM entry e WHERE side = 'evaluation' AND NOT coalesce(held_out, false)",  # noqa: S608
    ),
}
