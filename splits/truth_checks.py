"""Checks of the ground truth: labels, queries, galleries and images."""

from collections.abc import Iterator

import duckdb

from splits.recipe import LEVELS, Recipe, Retrieval, names_of
from storage.check import Check, check_none

__all__ = ["check_truth"]


def check_truth(connection: duckdb.DuckDBPyConnection, recipe: Recipe) -> Iterator[Check]:
    """Yield the checks of labels, roles and images, and of each retrieval's queries and gallery.

    Args:
        connection: With the tables of ``splits.audit_views``.
        recipe: Recipe of the splits that are checked.
    """
    yield check_none(
        connection, "labels", _labels_sql(recipe), promise="every label is that of the tables labels and matches"
    )
    yield check_none(connection, "roles", _roles_sql(recipe), promise="every row has a role of its split")
    yield check_none(
        connection,
        "images",
        _IMAGES[recipe.image],
        promise=f"every sample shows a stored image of its product ({recipe.image})",
    )
    for block in recipe.splits:
        if isinstance(block, Retrieval):
            yield from _check_retrieval(connection, block)


_IMAGES = {
    "main": """
        SELECT product_id || ' in ' || split || ', image ' || image_position FROM entry
        WHERE image_position <> coalesce(images, -1)
    """,
    "random": """
        SELECT product_id || ' in ' || split || ', image ' || image_position FROM entry
        WHERE NOT CASE WHEN images IS NULL THEN image_position = -1
                  ELSE list_contains(images, image_position) END
    """,
}


def _labels_sql(recipe: Recipe) -> str:
    """Return a query of the rows whose label or level differs from the tables."""
    levels = {name: "match" if _is_fine(b) else recipe.level_of(b) for b in recipe.splits for name in names_of(b)}
    level = " ".join(f"WHEN '{name}' THEN '{value}'" for name, value in levels.items())
    label = " ".join(f"WHEN '{name}' THEN nullif({name}_id, -1)::VARCHAR" for name in LEVELS)
    return f"""
        SELECT product_id || ' in ' || split || ', ' || label_level || ' ' || coalesce(label, 'none') FROM entry
        WHERE label_level <> CASE split {level} ELSE '{recipe.level}' END
           OR CASE WHEN role = 'distractor' THEN label IS NOT NULL
              ELSE label IS DISTINCT FROM CASE label_level {label} ELSE component END END
    """  # noqa: S608


def _is_fine(block: object) -> bool:
    return isinstance(block, Retrieval) and block.truth == "match"


def _roles_sql(recipe: Recipe) -> str:
    roles = {
        name: roles
        for block in recipe.splits
        if isinstance(block, Retrieval)
        for name, roles in ((block.query, "'query'"), (block.gallery, "'gallery', 'distractor'"))
    }
    allowed = " ".join(f"WHEN split = '{name}' THEN role IN ({listed})" for name, listed in roles.items())
    right = f"CASE {allowed} ELSE role = 'sample' END" if allowed else "role = 'sample'"
    return f"SELECT product_id || ' in ' || split || ', ' || role FROM entry WHERE NOT ({right})"  # noqa: S608


def _check_retrieval(connection: duckdb.DuckDBPyConnection, block: Retrieval) -> Iterator[Check]:
    asked = {"this": block.query, "that": block.gallery}
    found = {"this": block.gallery, "that": block.query}
    if block.need_match:
        promise = f"every query has a true match in {block.gallery}"
        yield check_none(connection, f"queries:{block.query}", _UNMATCHED, promise=promise, params=asked)
    promise = f"every labelled sample is right for a query of {block.query}"
    yield check_none(connection, f"matched:{block.gallery}", _UNMATCHED, promise=promise, params=found)
    promise = f"no distractor is, or may be, right for a query of {block.query}"
    wrong = _FALSE_DISTRACTORS[block.truth]
    yield check_none(connection, f"distractors:{block.gallery}", wrong, promise=promise, params=found)
    if block.near_duplicates == "remove":
        promise = f"no sample is in the duplicate group of a query of {block.query}"
        name = f"near_duplicates:{block.gallery}"
        yield check_none(connection, name, _NEAR_DUPLICATES, promise=promise, params=found)


_UNMATCHED = """
    SELECT product_id || ' (' || coalesce(label, 'no label') || ')' FROM entry
    WHERE split = $this AND role <> 'distractor' AND (label IS NULL OR label NOT IN
        (SELECT label FROM entry WHERE split = $that AND label IS NOT NULL))
"""

_NEAR_DUPLICATES = """
    SELECT product_id || ' (group ' || group_id || ')' FROM entry
    WHERE split = $this AND group_id IN (SELECT group_id FROM entry WHERE split = $that)
"""

_CATEGORY = (
    "CASE label_level " + " ".join(f"WHEN '{name}' THEN nullif({name}_id, -1)::VARCHAR" for name in LEVELS) + " END"
)

_FALSE_DISTRACTORS = {
    "category": f"""
        SELECT product_id || ' (' || coalesce({_CATEGORY}, 'no label') || ')' FROM entry
        WHERE split = $this AND role = 'distractor' AND ({_CATEGORY} IS NULL OR {_CATEGORY} IN
            (SELECT label FROM entry WHERE split = $that AND label IS NOT NULL))
    """,  # noqa: S608
    "match": """
        WITH asked AS (SELECT DISTINCT cluster FROM entry WHERE split = $that),
             doubt AS (SELECT a.cluster AS one, b.cluster AS other FROM matches m
                       JOIN fact a ON a.product_id = m.query JOIN fact b ON b.product_id = m.candidate
                       WHERE m.decision = 'undecided'),
             related AS (FROM asked UNION SELECT other FROM doubt SEMI JOIN asked ON one = cluster
                         UNION SELECT one FROM doubt SEMI JOIN asked ON other = cluster)
        SELECT product_id FROM entry
        WHERE split = $this AND role = 'distractor' AND cluster IN (FROM related)
    """,
}
