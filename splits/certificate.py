"""The certificate: proof, from the stored tables alone, that splits do not leak and are what they say."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import duckdb

from m5data.version import __version__
from splits.evidence import gather
from splits.leak_checks import check_leaks
from splits.leakage import Leakage, measure_leakage
from splits.losses import Loss, find_losses
from splits.recipe import Recipe
from splits.recipe_checks import check_recipe
from splits.record_checks import check_record
from splits.truth_checks import check_truth
from storage import Snapshot
from storage.check import Check

__all__ = ["Certificate", "SplitSummary", "certify", "verify"]

_MEMORY_LIMIT = "3GB"
"""The evidence of 6.3 M products takes 2 GB; spilled to disk it would take twice as long."""


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """What one split holds."""

    split: str
    products: int
    queries: int
    matched: int
    """Gallery samples that are right for some query."""
    distractors: int
    classes: int
    """Different labels."""
    groups: int
    """Different duplicate groups."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was proved of one recipe's splits, and what was measured."""

    recipe: Recipe
    seed: int
    version: int
    """Dataset version that was looked at."""
    tables: Mapping[str, int]
    """Table -> Delta version of it."""
    code: str
    """Version of this package that looked."""
    splits: tuple[SplitSummary, ...]
    checks: tuple[Check, ...]
    losses: tuple[Loss, ...]
    """What no split could use, and why."""
    leakage: tuple[Leakage, ...]

    @property
    def ok(self) -> bool:
        """Whether every check holds."""
        return all(check.ok for check in self.checks)


def verify(snapshot: Snapshot, recipe: Recipe, seed: int) -> Certificate:
    """Prove the splits of one recipe, and measure what leakage is left.

    Args:
        snapshot: Dataset version to look at.
        recipe: What its splits were built by (see ``stored_recipes``).
        seed: Likewise.
    """
    with closing(snapshot.connection()) as connection:
        connection.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
        return certify(connection, recipe, seed, snapshot.number, dict(sorted(snapshot.tables.items())))


def certify(
    connection: duckdb.DuckDBPyConnection, recipe: Recipe, seed: int, version: int, tables: Mapping[str, int]
) -> Certificate:
    """Do as ``verify`` does, over tables or views of any connection that have a workspace's names."""
    gather(connection, recipe)
    checks = (
        *check_record(connection, recipe, seed),
        *check_leaks(connection, recipe),
        *check_truth(connection, recipe),
        *check_recipe(connection, recipe),
    )
    losses, leakage = find_losses(connection, recipe), measure_leakage(connection)
    return Certificate(recipe, seed, version, tables, __version__, _summaries(connection), checks, losses, leakage)


def _summaries(connection: duckdb.DuckDBPyConnection) -> tuple[SplitSummary, ...]:
    query = """
        SELECT split, count(*), count(*) FILTER (role = 'query'), count(*) FILTER (role = 'gallery'),
               count(*) FILTER (role = 'distractor'), count(DISTINCT label), count(DISTINCT row_group)
        FROM entry GROUP BY split ORDER BY split
    """
    return tuple(SplitSummary(*row) for row in connection.sql(query).fetchall())
