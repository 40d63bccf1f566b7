"""The part of a take-down that happens in the store: segments, state, tables."""

import json
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from crawler.takedown import forget_addresses, rename_pages
from m5data.forget_pages import PageCleaner
from m5data.forget_plan import Plan
from m5data.forget_search import users_of
from m5data.forget_tables import register_words, table_edits
from m5data.stage import StageReport
from splits.takedown import recorded_digests
from storage import Snapshot, Store
from storage.engine import open_engine, text
from storage.takedown import (
    Edit,
    Place,
    SegmentRecord,
    among,
    blank_places,
    correct_reports,
    erase_rows,
    erase_text,
    find_places,
    move_objects,
    replay,
    rewrite_pages,
    rewrite_tables,
)

__all__ = ["StoreCut", "cut_store", "search_segments", "taken_down_recipes"]

_SPARED = ("tombstones", "migrations", "objects", "object_segments", "exports")
"""Tables of the state that hold nothing of any page."""


@dataclass(frozen=True, slots=True)
class StoreCut:
    """What was found in the store."""

    records: int
    pages: int
    state_rows: int
    files: dict[str, int]


def search_segments(store: Store, plan: Plan) -> tuple[list[Place], list[Place]]:
    """Return the records of the target, and the stored pages of others that name it."""
    cleaner = PageCleaner((*plan.pages, *plan.media), plan.words)
    objects = frozenset(plan.objects)

    def is_item(record: SegmentRecord) -> bool:
        return record.sha256 in objects or cleaner.is_item(record.url)

    places = find_places(store.root, store.objects, is_item, cleaner.names_it)
    return places.items, places.mentions


def cut_store(store: Store, plan: Plan, groups: Mapping[str, str], now: datetime) -> StoreCut:
    """Take the target out of segments, state and tables, and commit a dataset version.

    Args:
        store: The workspace's storage, its lock held.
        plan: What goes.
        groups: Product -> what groups called after it are called from now on.
        now: Time of the take-down.
    """
    replay(store.root, now)
    items, mentions = search_segments(store, plan)
    cleaner = PageCleaner((*plan.pages, *plan.media), plan.words)
    renamed = rewrite_pages(store.root, store.objects, mentions, cleaner.clean)
    found = {place.sha256 for place in items} - {""}
    used = users_of(store, plan, found | set(plan.objects))
    shared = [place for place in items if place.sha256 in used]
    move_objects(store.root, store.objects, shared, {sha: url for sha, url in used.items() if url})
    gone = (found | set(plan.objects) | renamed.keys()) - used.keys()
    state_rows = _cut_state(store, plan, renamed)
    files = _cut_tables(store, plan, groups, renamed, gone | {place.sha256 for place in shared})
    records = blank_places(store.root, store.objects, [*items, *mentions], gone, now)
    if plan.products or plan.media or files or records:
        _commit(store, plan, files)
    return StoreCut(records - len(mentions), len(mentions), state_rows, files)


def taken_down_recipes(snapshot: Snapshot) -> dict[str, int]:
    """Return recipe -> the dataset version in which products of its splits were taken down last."""
    last = snapshot.stages.get("forget")
    return dict(json.loads(last.extra)) if last is not None else {}


def _cut_state(store: Store, plan: Plan, renamed: dict[str, str]) -> int:
    with closing(store.state.connect()) as state:
        rename_pages(state, renamed)
        rows = forget_addresses(state, (*plan.pages, *plan.media))
    path = store.root / "state.sqlite"
    rows += erase_rows(path, (*plan.products, *plan.objects), _SPARED)
    return rows + erase_text(path, plan.words, _SPARED)


def _cut_tables(
    store: Store, plan: Plan, groups: Mapping[str, str], renamed: dict[str, str], objects: Collection[str]
) -> dict[str, int]:
    edits = table_edits(plan, store.snapshot().record.buckets, groups=groups, pages=renamed, objects=objects)
    with closing(open_engine()) as engine:
        register_words(engine, plan.words)
        files = rewrite_tables(engine, store.root, edits)
        files |= rewrite_tables(engine, store.root, [_digests(store, plan)])
    correct_reports(store.root, plan.stages)
    return files


def _digests(store: Store, plan: Plan) -> Edit:
    """Return the edit that lets the recorded digests follow the rows, where they were those of the rows."""
    changed: dict[str, str] = {}
    for number, recipe in plan.sound:
        wanted, got = recorded_digests(store.snapshot(number), [recipe])[recipe]
        changed |= {wanted: got} if wanted != got else {}
    cases = " ".join(f"WHEN {text(old)} THEN {text(new)}" for old, new in sorted(changed.items()))
    values = {"digest": f"CASE digest {cases} ELSE digest END"} if cases else {}
    return Edit("recipes", touched=among("digest", changed), values=values)


def _commit(store: Store, plan: Plan, files: dict[str, int]) -> None:
    """Commit a version with new numbers for the tables that changed: stages that read them run again."""
    products = len(plan.products)
    recipes = {**taken_down_recipes(store.snapshot()), **dict.fromkeys(plan.recipes, store.snapshot().number + 1)}
    with store.stage("forget", settings="", extra=json.dumps(recipes, sort_keys=True)) as stage:
        for table in files:
            stage.touch(table)
        stage.commit(StageReport("forget", products, products))
