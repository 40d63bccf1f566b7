"""Checks that splits are those that were built: recipe, seed, rows and their order."""

import json
from collections.abc import Iterator, Mapping

import duckdb

from splits.digest import digest_splits
from splits.recipe import Recipe
from storage.check import Check, check_none

__all__ = ["check_record"]


def check_record(connection: duckdb.DuckDBPyConnection, recipe: Recipe, seed: int) -> Iterator[Check]:
    """Yield the checks against the table ``recipes``, and that of the order of rows.

    Args:
        connection: With the tables of ``splits.evidence``.
        recipe: What the splits should have been built by.
        seed: Likewise.
    """
    query = "SELECT definition, seed, digest FROM recipes WHERE recipe = ?"
    rows = connection.execute(query, [recipe.name]).fetchall()
    if len(rows) != 1:
        yield Check(
            "recipe", ok=False, detail=f"wanted one row for {recipe.name} in the table recipes, got {len(rows)}"
        )
        return
    definition, built_with, digest = rows[0]
    same = definition == recipe.model_dump_json() and built_with == seed
    detail = f"built by recipe {recipe.name} and seed {built_with}"
    yield Check("recipe", same, detail if same else f"wanted recipe and seed {seed} as given, got others: {detail}")
    yield _check_digests(json.loads(digest), digest_splits(connection, "built"))
    yield check_none(connection, "order", _UNORDERED, promise="rows lie in order of split and product_id")


def _check_digests(wanted: Mapping[str, str], got: Mapping[str, str]) -> Check:
    changed = sorted(name for name in {*wanted, *got} if wanted.get(name) != got.get(name))
    if not changed:
        return Check("content", ok=True, detail="every split has the rows that were built")
    counts = ", ".join(
        f"{name} ({wanted.get(name, '0').partition(':')[0]} rows built, {got.get(name, '0').partition(':')[0]} found)"
        for name in changed
    )
    return Check("content", ok=False, detail=f"wanted the rows that were built, other content in {counts}")


_UNORDERED = """
    SELECT split || ' ' || product_id
    FROM (SELECT split, product_id, lag((split, product_id)) OVER () AS earlier FROM built)
    WHERE earlier >= (split, product_id)
"""
