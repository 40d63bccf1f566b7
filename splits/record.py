"""The record of built splits: recipe, seed, and a digest of the rows."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb
from pydantic import ValidationError

from core.check import Check, check_none
from core.errors import DataError
from splits.recipe import Recipe
from storage import Snapshot
from storage.split_digest import digest_splits

__all__ = ["StoredRecipe", "check_record", "stored_recipes"]


@dataclass(frozen=True, slots=True)
class StoredRecipe:
    """Recipe and seed that splits were built with."""

    recipe: Recipe
    seed: int


def stored_recipes(snapshot: Snapshot) -> tuple[StoredRecipe, ...]:
    """Return the recipes that the splits of a dataset version were built with, in order of their names.

    Raises:
        DataError: Splits exist without their recipe, or with a recipe of another version of this package.
    """
    rows = snapshot.sql(
        "SELECT recipe, definition, seed FROM (SELECT DISTINCT recipe FROM splits) FULL JOIN recipes "
        "USING (recipe) ORDER BY recipe"
    ).to_pylist()
    return tuple(_parse(row["recipe"], row["definition"], row["seed"]) for row in rows)


def _parse(name: str, definition: str | None, seed: int | None) -> StoredRecipe:
    if definition is None or seed is None:
        raise DataError(f"splits of recipe {name}: the table recipes has no row for them. Build them again.")
    try:
        return StoredRecipe(Recipe.model_validate_json(definition), seed)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise DataError(f"recipes.{name}: {where} is not valid in this version. Build its splits again.") from None


def check_record(connection: duckdb.DuckDBPyConnection, recipe: Recipe, seed: int) -> Iterator[Check]:
    """Yield the checks against the table ``recipes``, and the check of the order of rows.

    Args:
        connection: With the tables of ``splits.audit_views``.
        recipe: Recipe that the splits should have been built with.
        seed: Seed that they should have been built with.
    """
    query = "SELECT definition, seed, digest FROM recipes WHERE recipe = ?"
    rows = connection.execute(query, [recipe.name]).fetchall()
    if len(rows) != 1:
        yield Check(
            "recipe", ok=False, detail=f"the table recipes has {len(rows)} rows for {recipe.name}, instead of one"
        )
        return
    definition, built_with, digest = rows[0]
    same = definition == recipe.model_dump_json() and built_with == seed
    detail = f"built by recipe {recipe.name} and seed {built_with}"
    yield Check("recipe", same, detail if same else f"recipe or seed differ from those given (seed {seed}): {detail}")
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
    return Check("content", ok=False, detail=f"rows differ from those that were built in {counts}")


_UNORDERED = """
    SELECT split || ' ' || product_id
    FROM (SELECT split, product_id, lag((split, product_id)) OVER () AS earlier FROM built)
    WHERE earlier >= (split, product_id)
"""
