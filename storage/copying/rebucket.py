"""The newest version of a workspace, written anew with another number of buckets."""

import math
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from m5data.stage import Clock, StageReport
from storage.engine import open_engine
from storage.layout import Layout
from storage.schemas import TABLES, TableSpec
from storage.snapshot import Snapshot
from storage.store import Store
from storage.versions import StageRecord, VersionRecord, read_version, write_version

__all__ = ["rebucket"]


def rebucket(snapshot: Snapshot, folder: Path, buckets: int, clock: Clock) -> Store:
    """Make the tables of a workspace in ``folder``, which has its other files already, and return it.

    The version keeps its number and what is known of stages: one that had nothing to do there has nothing
    to do here.

    Args:
        snapshot: What is copied.
        folder: The copy, without tables and versions.
        buckets: Hash buckets of its tables.
        clock: Source of times.
    """
    store = Store.create(folder, buckets=buckets, clock=clock)
    with store.stage("copy", settings="") as stage:
        for name in snapshot.tables:
            for old, new in _shares(TABLES[name], snapshot.record.buckets, buckets):
                with closing(open_engine()) as engine:
                    engine.execute(snapshot.view("old", name, only=old))
                    stage.write(name, engine.sql("FROM old"), only=new)
        stage.commit(StageReport("copy", 0, 0))
    _renumber(Layout(store.root), snapshot.record, buckets)
    return store


def _shares(spec: TableSpec, old: int, new: int) -> list[tuple[list[int] | None, list[int] | None]]:
    """Return which old buckets hold just the rows of which new ones, as many shares as there are.

    A bucket is a hash modulo the number of buckets, so buckets are the same modulo a common divisor.
    """
    if spec.bucket_of is None:
        return [(None, None)]
    common = math.gcd(old, new)
    return [(list(range(part, old, common)), list(range(part, new, common))) for part in range(common)]


def _renumber(layout: Layout, record: VersionRecord, buckets: int) -> None:
    """Make the one version of a copy the one it is a copy of."""
    made = read_version(layout, 1)
    stages = {name: _restated(stage, record.tables, made.tables) for name, stage in record.stages.items()}
    write_version(layout, replace(record, parent=0, buckets=buckets, tables=made.tables, stages=stages))
    if record.number != made.number:
        (layout.versions / f"{made.number:08}.json").unlink()


def _restated(stage: StageRecord, before: Mapping[str, int], now: Mapping[str, int]) -> StageRecord:
    """Return what a stage read as the copy's tables are numbered; -1 where the table has changed since."""
    reads = {name: now[name] if before.get(name) == version else -1 for name, version in stage.reads.items()}
    return replace(stage, reads=reads)
