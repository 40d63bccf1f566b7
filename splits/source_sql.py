"""The SQL that reads a catalogue."""

from splits.recipe import Recipe
from splits.recipe_parts import LEVELS

__all__ = ["CATEGORIES_SQL", "TWINS_SQL", "found_sql"]

TWINS_SQL = """
    SELECT product_id, group_id, held_out, CASE WHEN NOT kept THEN twin END AS same_as
    FROM left_out LEFT JOIN (
        SELECT group_id, min(product_id) AS twin FROM duplicates
        WHERE kept GROUP BY group_id HAVING count(*) = 1
    ) USING (group_id)
    ORDER BY product_id
"""
"""Products outside the catalogue, a dropped duplicate with the one product of its group that was kept."""

CATEGORIES_SQL = " UNION ".join(
    f"SELECT '{level}' AS level, {level}_id AS id, {level}_name AS name FROM labels WHERE {level}_id >= 0"  # noqa: S608
    for level in LEVELS
)
"""Names of the categories that any product has."""


def found_sql(recipe: Recipe, measured: bool) -> str:  # noqa: FBT001
    """Return the query of all products: what the recipe needs to know of them, and what they lack.

    Args:
        recipe: Says what is required.
        measured: Whether extraction has measured the images; only those that it could read count then.
    """
    ids = ", ".join(f"coalesce(l.{level}_id, -1)::INTEGER AS {level}_id" for level in LEVELS)
    kept_apart = [name for name, wanted in _separations(recipe).items() if wanted]
    more = "".join(f", p.{name}" for name in kept_apart)
    stored = "images" if measured else "media WHERE kind = 'image' AND state = 'ok'"
    chosen = "[min(position)]" if recipe.image == "main" else "list(position ORDER BY position)"
    return f"""
        SELECT d.product_id, d.group_id, r.held_out, {ids}, coalesce(i.images, []) AS images{more},
               d.kept, {_lacks_sql(recipe)} AS lacks
        FROM duplicates d
        JOIN products p USING (product_id)
        JOIN reserve_now r ON r.group_id = d.product_id
        LEFT JOIN labels l USING (product_id)
        LEFT JOIN (SELECT product_id, {chosen} AS images FROM {stored} GROUP BY product_id) i USING (product_id)
        ORDER BY d.product_id
    """  # noqa: S608


def _separations(recipe: Recipe) -> dict[str, bool]:
    return {"merchant": recipe.separate.merchant, "first_seen": recipe.separate.time is not None}


def _lacks_sql(recipe: Recipe) -> str:
    tests = {
        "label": f"coalesce(l.{recipe.label}_id, -1) < 0",
        "caption": "coalesce(trim(p.caption), '') = ''",
        "image": "i.images IS NULL",
    }
    cases = " ".join(f"WHEN {tests[part]} THEN 'no_{part}'" for part in recipe.require)
    return f"CASE {cases} END" if cases else "NULL::VARCHAR"
