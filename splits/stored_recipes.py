"""The recipes whose splits a dataset version holds."""

from dataclasses import dataclass

from pydantic import ValidationError

from m5data.errors import DataError
from splits.recipe import Recipe
from storage import Snapshot

__all__ = ["StoredRecipe", "stored_recipes"]


@dataclass(frozen=True, slots=True)
class StoredRecipe:
    """How the splits of one recipe were made."""

    recipe: Recipe
    seed: int


def stored_recipes(snapshot: Snapshot) -> tuple[StoredRecipe, ...]:
    """Return what the splits of a dataset version were built by, in order of their names.

    Raises:
        DataError: Splits are there whose recipe is not, or is one of another version of this package.
    """
    rows = snapshot.sql(
        "SELECT recipe, definition, seed FROM (SELECT DISTINCT recipe FROM splits) FULL JOIN recipes "
        "USING (recipe) ORDER BY recipe"
    ).to_pylist()
    return tuple(_read(row["recipe"], row["definition"], row["seed"]) for row in rows)


def _read(name: str, definition: str | None, seed: int | None) -> StoredRecipe:
    if definition is None or seed is None:
        raise DataError(f"splits of recipe {name}: wanted a row in the table recipes, got none; build them again")
    try:
        return StoredRecipe(Recipe.model_validate_json(definition), seed)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise DataError(f"recipes.{name}: wanted a recipe, got other text at {where}; build its splits again") from None
