"""Checks that splits have the sizes and categories that their recipe asks for."""

from collections.abc import Iterator

import duckdb

from splits.assignment import floor_share
from splits.recipe import LEVELS, Classification, Part, Recipe, Retrieval, Size, sizes_of
from storage.check import Check, check_none

__all__ = ["check_recipe"]


def check_recipe(connection: duckdb.DuckDBPyConnection, recipe: Recipe) -> Iterator[Check]:
    """Yield the checks of sizes, and of the categories that queries and classification come from.

    A share is an upper bound: of its pool before other splits took theirs, or of a gallery as large as wanted.

    Args:
        connection: With the tables of ``splits.audit_views``.
        recipe: Recipe of the splits that are checked.
    """
    counts: dict[str, int] = dict(connection.sql("SELECT split, count(*) FROM entry GROUP BY split").fetchall())
    bases: dict[str, int] = counts | dict(connection.sql(_BASES).fetchall())
    most: dict[str, int] = {}
    for block in recipe.splits:
        for split, size in sizes_of(block):
            base = f"{recipe.sides[split]} pool" if size.of == "pool" else size.of
            most[split] = size.number or max(floor_share(size.share or 0.0, bases.get(base, 0)), size.least)
            yield _check_size(split, size, counts.get(split, 0), most[split])
        if isinstance(block, Retrieval):
            if block.matched is not None:
                yield _check_matched(connection, block, block.matched, most[block.gallery])
            yield from _check_asked(connection, recipe, block)
        if isinstance(block, Classification):
            yield from _check_coverage(connection, recipe, block)


_BASES = """
    SELECT 'catalogue', count(*) FROM fact WHERE usable
    UNION ALL SELECT 'evaluation pool', count(*) FROM fact WHERE usable AND held_out
    UNION ALL SELECT 'train pool', count(*) FROM fact WHERE usable AND cluster NOT IN (FROM held_cluster)
"""


def _check_size(split: str, size: Size, got: int, most: int) -> Check:
    if size.number is not None:
        return Check(f"size:{split}", got == most, f"{got:,} products; the recipe asks for {most:,}")
    wanted = f"{size.least:,} to {most:,} ({size.share} of {size.of})"
    return Check(f"size:{split}", size.least <= got <= most, f"{got:,} products; the recipe asks for {wanted}")


def _check_matched(connection: duckdb.DuckDBPyConnection, block: Retrieval, part: Part, gallery: int) -> Check:
    query = "SELECT count(*) FROM entry WHERE split = ? AND role = 'gallery'"
    got = int(connection.execute(query, [block.gallery]).fetchall()[0][0])
    most = part.number or max(floor_share(part.share or 0.0, gallery), 1)
    exact = part.number is not None
    asked = f"{most:,}" if exact else f"at most {most:,}, as far as there are so many"
    ok = got == most if exact else got <= most
    return Check(f"matched_size:{block.gallery}", ok, f"{got:,} matched products; the recipe asks for {asked}")


def _check_asked(connection: duckdb.DuckDBPyConnection, recipe: Recipe, block: Retrieval) -> Iterator[Check]:
    """Check that queries and their matches are of categories that may be asked for."""
    level = recipe.level_of(block)
    if block.min_category > 1:
        yield check_none(
            connection,
            f"min_category:{block.query}",
            f"SELECT product_id FROM entry WHERE split = $split AND {level}_id NOT IN "  # noqa: S608
            f"(SELECT {level}_id FROM fact WHERE usable AND {level}_id >= 0 GROUP BY ALL HAVING count(*) >= $least)",
            promise=f"every query is of a {level} with {block.min_category:,} products or more",
            params={"split": block.query, "least": block.min_category},
        )
    if block.categories != "all":
        chosen = " OR ".join(
            f"{name}_id IN (SELECT {name}_id FROM labels WHERE {name}_id >= 0 AND "  # noqa: S608
            f"{name}_name IN (FROM named))"
            for name in LEVELS
        )
        yield check_none(
            connection,
            f"categories:{block.query}",
            "WITH named AS (SELECT unnest($names)) SELECT product_id || ' in ' || split FROM entry "  # noqa: S608
            f"WHERE split IN ($query, $gallery) AND role <> 'distractor' AND NOT ({chosen})",
            promise="queries and what is right for them are of the chosen categories",
            params={
                "names": list(block.categories),
                "query": block.query,
                "gallery": block.gallery,
            },
        )


def _check_coverage(connection: duckdb.DuckDBPyConnection, recipe: Recipe, block: Classification) -> Iterator[Check]:
    """Check that the same categories, each large enough, are in both splits, and as many as asked for."""
    level = recipe.level_of(block)
    yield check_none(
        connection,
        f"coverage:{block.test}",
        f"""
        WITH place AS (SELECT label, bool_or(split = $train) AS trained, bool_or(split = $test) AS tested
                       FROM entry WHERE split IN ($train, $test) GROUP BY label),
             large AS (SELECT {level}_id::VARCHAR AS label FROM fact WHERE usable AND {level}_id >= 0
                       GROUP BY ALL HAVING count(*) >= $least)
        SELECT coalesce(label, 'no label') FROM place
        WHERE NOT (trained AND tested) OR label IS NULL OR label NOT IN (SELECT label FROM large)
        """,  # noqa: S608
        promise=f"every category is in both splits and has {block.min_category:,} products or more",
        params={"train": block.train, "test": block.test, "least": block.min_category},
    )
    query = "SELECT count(DISTINCT label) FROM entry WHERE split = ?"
    got = int(connection.execute(query, [block.test]).fetchall()[0][0])
    wanted = f"{block.categories:,}" if block.categories else "all that are large enough"
    ok = block.categories is None or got == block.categories
    yield Check(f"categories:{block.test}", ok, f"{got:,} categories; the recipe asks for {wanted}")
