"""The stage ``splits``: decides the reserve and divides the catalogue by a recipe."""

import json
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.components import components
from core.engine import widen
from core.errors import MissingInputError
from core.product_keys import KEYED_PRODUCTS
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from core.version import __version__
from splits.builder import build
from splits.catalogue import CATEGORIES, MATCHES, OUTSIDE, Catalogue, first_of_group, pairs_of, sort_by_id
from splits.drawing import Flags, Rows, hash_ids
from splits.outlook import describe_splits
from splits.recipe import LEVELS, Level, Recipe, load_recipe
from splits.settings import SplitSettings
from storage import Snapshot, Stage, Store
from storage.split_digest import digest_splits

__all__ = ["READS", "RESERVE", "Decided", "Draw", "decide", "hold_out", "read_source", "run"]

RESERVE = pa.schema(
    [
        pa.field("group_id", pa.string(), nullable=False),
        pa.field("held_out", pa.bool_(), nullable=False),
        pa.field("since", pa.int32(), nullable=False),
        pa.field("gtin14", pa.string()),
    ]
)
"""One row per product; ``group_id`` is the product's own id, which names the group it leads or would lead."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Parameters of the draw of new units."""

    share: float
    """Probability that a unit is held out; above 0, below 1."""
    salt: str
    """Makes the draw of one dataset independent of another's."""
    version: int
    """Dataset version that new decisions are recorded under."""


def hold_out(groups: pa.Table, matches: pa.Table, previous: pa.Table, draw: Draw) -> pa.Table:
    """Decide which products are held out.

    Args:
        groups: product_id and group_id of every product, dropped duplicates too; and gtin14, if it counts.
        matches: Judged pairs, as in ``Catalogue.matches``.
        previous: The table ``reserve`` of the last run; empty the first time. A new product inherits the decision on
            one with its gtin14 that is no longer there.
        draw: Share, salt and version.

    Returns:
        The new table ``reserve``, sorted by group_id, which also joins with product_id.
    """
    groups = sort_by_id(groups, "product_id")
    previous = _with_gtins(previous).select(RESERVE.names).cast(RESERVE)
    return sort_by_id(pa.concat_tables([previous, decide(groups, matches, previous, draw).fresh]), "group_id")


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision which products are held out."""

    held: Flags
    """Whether each product is held out."""
    fresh: pa.Table
    """Rows of ``reserve`` for the products that were not decided before."""


def decide(groups: pa.Table, matches: pa.Table, previous: pa.Table, draw: Draw) -> Decided:
    """Decide which products are held out; arguments as for ``hold_out``, products sorted by id."""
    ids = groups["product_id"]
    places = pc.index_in(ids, value_set=previous["group_id"])
    known = pc.is_valid(places).to_numpy()
    was_held = pc.fill_null(previous["held_out"].take(places), fill_value=False).to_numpy()
    unit = _units(ids, groups["group_id"], matches)
    gtins = _with_gtins(groups)["gtin14"]
    gone = _gone(previous, ids)
    decided = known | _is_among(gtins, gone["gtin14"])
    inherited = was_held | _is_among(gtins, gone.filter(gone["held_out"])["gtin14"])
    held = np.where(known, was_held, _decide(ids, unit, decided, inherited, draw))
    new = pa.array(~known)
    fresh = ids.filter(new), pa.chunked_array([held[~known]])
    version = pa.repeat(pa.scalar(draw.version, pa.int32()), len(fresh[0]))
    return Decided(held, pa.table([*fresh, version, gtins.filter(new)], schema=RESERVE))


def _with_gtins(table: pa.Table) -> pa.Table:
    """Return a table with a column ``gtin14``, of NULL if it had none."""
    none = pa.nulls(len(table), pa.string())
    return table if "gtin14" in table.column_names else table.append_column("gtin14", none)


def _gone(previous: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    """Return the rows of ``reserve`` with a GTIN whose products are no longer there."""
    keyed = _with_gtins(previous).filter(pc.is_valid(_with_gtins(previous)["gtin14"]))
    return keyed.filter(pc.invert(pc.is_in(keyed["group_id"], value_set=ids)))


def _is_among(values: pa.ChunkedArray, known: pa.ChunkedArray) -> Flags:
    found: Flags = pc.and_(pc.is_valid(values), pc.is_in(values, value_set=known)).to_numpy()
    return found


def _units(ids: pa.ChunkedArray, groups: pa.ChunkedArray, matches: pa.Table) -> Rows:
    """Return the first row of each product's unit."""
    first = first_of_group(ids, groups)
    left, right = pairs_of(ids, matches)["matched"]
    return components(len(ids), first[left], first[right])[first]


def _decide(ids: pa.ChunkedArray, unit: Rows, known: Flags, was_held: Flags, draw: Draw) -> Flags:
    """Return for each product whether it is held out if it is new."""
    any_held, any_known = np.zeros_like(known), np.zeros_like(known)
    any_held[unit[was_held]] = True
    any_known[unit[known]] = True
    leads = np.zeros_like(known)
    leads[unit] = True
    rows = np.flatnonzero(leads & ~any_known)  # the units that are drawn: few in a later run
    drawn = np.zeros_like(known)
    drawn[rows] = hash_ids(ids.take(pa.array(rows)), draw.salt) < np.uint64(int(draw.share * 2**64))
    return any_held[unit] | drawn[unit]


READS = ("products", "duplicates", "labels", "matches", "media", "images", "reserve")
"""Tables that splits depend on; the reserve remembers earlier decisions."""

_MAX_MB = 2_000
"""Sorting 6.3 M products with less memory spills to disk."""


@dataclass(frozen=True, slots=True)
class Source:
    """Input of the stage."""

    catalogue: Catalogue
    reserve: pa.Table
    """Rows of ``reserve`` for the products that were not decided before."""
    rejects: pa.Table
    """item, reason and detail of each product that lacks what the recipe requires."""


def run(
    store: Store,
    settings: SplitSettings,
    *,
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
) -> StageReport:
    """Build the splits of one recipe; those of other recipes stay.

    Reads products that deduplication kept; drops those that lack what the recipe requires
    (``no_label``, ``no_caption``, ``no_image``); keeps the rest, in splits or ``unused``.

    Raises:
        SettingsError: The recipe does not exist or is wrong.
        MissingInputError: Products have not been through an earlier stage.
        RecipeError: The catalogue is too small for the recipe.
    """
    del clock  # splits carry no times
    began = time.monotonic()
    recipe = load_recipe(settings.recipe, store.root)
    with store.stage("splits", settings=settings.digest(), reads=READS, extra=recipe.model_dump_json()) as stage:
        if stage.unchanged:
            return stage.report_unchanged()
        draw = Draw(settings.reserve_share, settings.salt, stage.before.number + 1)
        with closing(stage.before.connection(READS)) as connection:
            widen(connection, _MAX_MB)
            recipe = choose_level(connection, recipe)
            source = read_source(connection, recipe, draw)
        kept, rejects = len(source.catalogue.products), source.rejects
        progress.start("splits", kept + len(rejects))
        splits = build(source.catalogue, recipe, settings.seed)
        _write(stage, recipe, settings.seed, source, splits)
        progress.advance(kept + len(rejects))
        progress.finish()
        dropped = dict(Counter(rejects["reason"].to_pylist()))
        seconds = time.monotonic() - began
        notes = describe_splits(source.catalogue, recipe, splits)
        return stage.commit(StageReport("splits", kept + len(rejects), kept, dropped, seconds, notes=notes))


def _write(stage: Stage, recipe: Recipe, seed: int, source: Source, splits: pa.Table) -> None:
    stage.write("reserve", source.reserve, within=())
    named = splits.add_column(0, "recipe", pa.repeat(pa.scalar(recipe.name), len(splits)))
    stage.write("splits", named, only=recipe.name)
    stage.write("recipes", _record(stage.before, recipe, seed, splits), only=recipe.name)
    reason = pa.repeat(pa.scalar("splits"), len(source.rejects))
    stage.write("rejects", source.rejects.add_column(0, "stage", reason), only="splits")


def _record(before: Snapshot, recipe: Recipe, seed: int, splits: pa.Table) -> pa.Table:
    """Return the row of the table ``recipes`` for these splits."""
    with closing(before.engines.lend()) as engine:
        engine.register("built", splits)
        digest = digest_splits(engine, "built")
    row = {
        "recipe": recipe.name,
        "definition": recipe.model_dump_json(),
        "seed": seed,
        "digest": json.dumps(digest, sort_keys=True),
        "code": __version__,
        "version": before.number,
        "tables": json.dumps(dict(sorted(before.tables.items()))),
    }
    return pa.Table.from_pylist([row])


def read_source(connection: duckdb.DuckDBPyConnection, recipe: Recipe, draw: Draw) -> Source:
    """Read the catalogue for the splits of ``recipe``, and update the reserve.

    Args:
        connection: DuckDB with one view per table of the dataset version (``Snapshot.connection``).
        recipe: Recipe with the requirements on products.
        draw: Parameters of the draw of new units.

    Raises:
        MissingInputError: Products have not been through an earlier stage.
    """
    _check_inputs(connection, recipe)
    found = _read(connection, _found_sql(recipe, measured=_count(connection, "images") > 0))
    matches = _read(connection, "SELECT query, candidate, decision FROM matches ORDER BY query, candidate")
    reserve = _read(connection, "SELECT group_id, held_out, gtin14 FROM reserve")
    decided = decide(found, matches, reserve, draw)
    found = found.append_column("held_out", pa.array(decided.held))
    stand_ins = _stand_ins(found, _gone(reserve, found["product_id"]))
    found = found.filter(found["listed"])
    usable = pc.and_(found["kept"], pc.is_null(found["lacks"]))
    _check_labels(connection, recipe, pc.sum(usable).as_py() or 0)
    catalogue = Catalogue(
        products=found.filter(usable).select([name for name in found.column_names if name not in _CHECKED]),
        matches=matches.cast(MATCHES),
        outside=pa.concat_tables([_outside(connection, found.filter(pc.invert(usable))), stand_ins]),
        categories=_read(connection, _CATEGORIES).cast(CATEGORIES),
    )
    return Source(catalogue, decided.fresh, _rejects(found, recipe))


def _stand_ins(found: pa.Table, gone: pa.Table) -> pa.Table:
    """Return a product outside the catalogue in each group with the GTIN of a held-out product that is gone."""
    held = gone.filter(gone["held_out"])
    groups = pc.unique(found.filter(pc.is_in(found["gtin14"], value_set=pc.drop_null(held["gtin14"])))["group_id"])
    names = pc.binary_join_element_wise(groups, "gone", "@")
    flags = pa.repeat(pa.scalar(True), len(groups))  # noqa: FBT003 - Arrow's scalar
    return pa.table([names, groups, flags, pa.nulls(len(groups), pa.string())], schema=OUTSIDE)


_CHECKED = frozenset({"listed", "kept", "lacks", "gtin14"})
"""Columns that decide whether a product is in the catalogue, and what ties it to others."""


def _read(connection: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    return connection.sql(query).to_arrow_table()


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0])  # noqa: S608


def _check_inputs(connection: duckdb.DuckDBPyConnection, recipe: Recipe) -> None:
    products = _count(connection, "products")
    if not products:
        raise MissingInputError("splits: the table products is empty. Run m5data crawl or m5data ingest.")
    query = "SELECT count(*) FROM products ANTI JOIN duplicates USING (product_id)"
    missing = int(connection.sql(query).fetchall()[0][0])
    if missing:
        raise MissingInputError(
            f"splits: {missing:,} of {products:,} products are not in the table duplicates. Run m5data dedup."
        )
    if not _count(connection, "labels") and ("label" in recipe.require or _count(connection, _WITH_CATEGORY)):
        raise MissingInputError("splits: products have categories, and the table labels is empty. Run m5data align.")


_WITH_CATEGORY = "products WHERE len(category) > 0"


def choose_level(connection: duckdb.DuckDBPyConnection, recipe: Recipe) -> Recipe:
    """Return the recipe with its level chosen from the labels, if it asks for the deepest."""
    ids = ", ".join(f"{level}_id" for level in LEVELS)
    kept = "labels JOIN duplicates USING (product_id) WHERE kept"
    found = connection.sql(f"SELECT {ids}, count(*) FROM {kept} GROUP BY ALL").fetchall()  # noqa: S608
    sizes: dict[Level, Counter[int]] = {level: Counter() for level in LEVELS}
    for *numbers, products in found:
        for level, number in zip(LEVELS, numbers, strict=True):
            sizes[level][number] += products
    return recipe.at_deepest({level: [n for number, n in of.items() if number >= 0] for level, of in sizes.items()})


def _check_labels(connection: duckdb.DuckDBPyConnection, recipe: Recipe, usable: int) -> None:
    """Raise an error if no product has the label that the recipe requires.

    Raises:
        MissingInputError: None has; the message says how many products have labels at each level.
    """
    if usable or "label" not in recipe.require:
        return
    there = {level: _count(connection, f"labels WHERE {level}_id >= 0") for level in LEVELS}
    if not there[recipe.level]:
        found = ", ".join(f"{level} {count:,}" for level, count in there.items())
        raise MissingInputError(
            f"splits: the recipe {recipe.name} requires labels of the level {recipe.level}, and no product has one "
            f'(products with a label: {found}). Set splits.recipe to a recipe with label = "deepest", such as default.'
        )


def _outside(connection: duckdb.DuckDBPyConnection, found: pa.Table) -> pa.Table:
    """Return the products outside the catalogue, each dropped duplicate with its kept twin."""
    connection.register("left_out", found.select(["product_id", "group_id", "held_out", "kept"]))
    return _read(connection, _TWINS).cast(OUTSIDE)


def _rejects(found: pa.Table, recipe: Recipe) -> pa.Table:
    lacking = found.filter(pc.and_(found["kept"], pc.is_valid(found["lacks"])))
    detail = pa.repeat(pa.scalar(f"recipe {recipe.name} requires it"), len(lacking))
    return pa.table({"item": lacking["product_id"], "reason": lacking["lacks"], "detail": detail})


_TWINS = """
    SELECT product_id, group_id, held_out, CASE WHEN NOT kept THEN twin END AS same_as
    FROM left_out LEFT JOIN (
        SELECT group_id, min(product_id) AS twin FROM duplicates
        WHERE kept AND group_id IN (SELECT group_id FROM left_out) GROUP BY group_id HAVING count(*) = 1
    ) USING (group_id)
    ORDER BY product_id
"""
"""Products outside the catalogue, each dropped duplicate with the only kept product of its group, if there is one."""

_CATEGORIES = " UNION ".join(
    f"SELECT '{level}' AS level, {level}_id AS id, {level}_name AS name FROM labels WHERE {level}_id >= 0"  # noqa: S608
    for level in LEVELS
)
"""Names of the categories that any product has."""


def _found_sql(recipe: Recipe, *, measured: bool) -> str:
    """Return the query of all products in ``duplicates``: the columns that the recipe needs, and what they lack.

    Args:
        recipe: Recipe with the requirements.
        measured: Whether extraction has measured the images; if so, only those that it could read count.
    """
    ids = ", ".join(f"coalesce(l.{level}_id, -1)::INTEGER AS {level}_id" for level in LEVELS)
    kept_apart = [name for name, wanted in _separations(recipe).items() if wanted]
    more = "".join(f", p.{name}" for name in kept_apart)
    stored = "images" if measured else "media WHERE kind = 'image' AND state = 'ok'"
    chosen = "[min(position)]" if recipe.image == "main" else "list(position ORDER BY position)"
    return f"""
        SELECT d.product_id, d.group_id, {ids}, coalesce(i.images, []) AS images{more},
               p.product_id IS NOT NULL AS listed, d.kept, {_lacks_sql(recipe)} AS lacks, k.gtin14
        FROM duplicates d
        LEFT JOIN products p USING (product_id)
        LEFT JOIN ({KEYED_PRODUCTS}) k USING (product_id)
        LEFT JOIN labels l USING (product_id)
        LEFT JOIN (SELECT product_id, {chosen} AS images FROM {stored} GROUP BY product_id) i USING (product_id)
        ORDER BY d.product_id
    """  # noqa: S608


def _separations(recipe: Recipe) -> dict[str, bool]:
    return {"merchant": recipe.separate.merchant, "first_seen": recipe.separate.time is not None}


def _lacks_sql(recipe: Recipe) -> str:
    tests = {
        "label": f"coalesce(l.{recipe.level}_id, -1) < 0",
        "caption": "coalesce(trim(p.caption), '') = ''",
        "image": "i.images IS NULL",
    }
    cases = " ".join(f"WHEN {tests[part]} THEN 'no_{part}'" for part in recipe.require)
    return f"CASE {cases} END" if cases else "NULL::VARCHAR"
