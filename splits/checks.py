"""The checks of a certificate: ground truth, leaks from train to evaluation, sizes and categories of the recipe."""

from collections.abc import Iterator

import duckdb

from core.check import Check, check_none
from core.product_keys import contradicts_sql
from splits.assignment import floor_share
from splits.recipe import LEVELS, Classification, Part, Recipe, Retrieval, Sample, Size, names_of, sizes_of

__all__ = ["check_leaks", "check_recipe", "check_truth"]


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


_PLACE = "e.product_id || ' in ' || e.split"


def check_leaks(connection: duckdb.DuckDBPyConnection, recipe: Recipe) -> Iterator[Check]:
    """Yield the checks of disjointness, groups, GTINs, matches, reserve and separation.

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


_GTINS = f"""
    WITH known AS (SELECT e.product_id, e.split, e.side, k.gtin14, k.brand, k.mpn
                   FROM entry e JOIN keyed k USING (product_id) WHERE e.side <> 'none')
    SELECT 'GTIN ' || a.gtin14 || ': ' || min(a.product_id || ' in ' || a.split)
           || ', ' || min(b.product_id || ' in ' || b.split)
    FROM known a JOIN known b ON a.gtin14 = b.gtin14 AND a.side = 'train' AND b.side = 'evaluation'
    WHERE NOT {contradicts_sql("a", "b")} GROUP BY a.gtin14
    UNION ALL
    SELECT 'GTIN ' || gtin14 || ': ' || min(known.product_id || ' in ' || split)
           || ', ' || min(gone.product_id) || ' held out in an earlier version'
    FROM known JOIN gone USING (gtin14) WHERE side = 'train' GROUP BY gtin14
"""  # noqa: S608 - constants


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
    "gtins": ("no product of one GTIN is on both sides, nor trained on once any was held out", _GTINS),
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


def check_recipe(connection: duckdb.DuckDBPyConnection, recipe: Recipe) -> Iterator[Check]:
    """Yield the checks of sizes, and of the categories that queries and classification come from.

    A share is an upper bound: of its pool before other splits took theirs, or of a gallery of the wanted size.

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
    """Check that queries and their matches are of categories that may be queried."""
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
    """Check that the same categories, each large enough and as many as wanted, are in both splits."""
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
