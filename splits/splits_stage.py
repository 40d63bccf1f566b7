"""The stage ``splits``: decides the reserve and divides the catalogue by a recipe."""

import json
import time
from collections import Counter
from contextlib import closing

import pyarrow as pa

from m5data.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from m5data.version import __version__
from splits.builder import build
from splits.recipe import Recipe, load_recipe
from splits.record import digest_splits
from splits.reserve import Draw
from splits.settings import SplitSettings
from splits.source import Source, choose_level, read_source
from storage import Snapshot, Stage, Store
from storage.engine import open_engine

__all__ = ["READS", "run"]

READS = ("products", "duplicates", "labels", "matches", "media", "images", "reserve")
"""Tables that splits depend on; the reserve remembers what was decided."""

_MEMORY_LIMIT = "2GB"
"""Sorting 6.3 M products in less spills to disk."""


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
        with closing(stage.before.connection()) as connection:
            connection.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
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
        return stage.commit(StageReport("splits", kept + len(rejects), kept, dropped, seconds))


def _write(stage: Stage, recipe: Recipe, seed: int, source: Source, splits: pa.Table) -> None:
    stage.write("reserve", source.reserve)
    named = splits.add_column(0, "recipe", pa.repeat(pa.scalar(recipe.name), len(splits)))
    stage.write("splits", named, only=recipe.name)
    stage.write("recipes", _record(stage.before, recipe, seed, splits), only=recipe.name)
    reason = pa.repeat(pa.scalar("splits"), len(source.rejects))
    stage.write("rejects", source.rejects.add_column(0, "stage", reason), only="splits")


def _record(before: Snapshot, recipe: Recipe, seed: int, splits: pa.Table) -> pa.Table:
    """Return the row of the table ``recipes`` for these splits."""
    with closing(open_engine()) as engine:
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
