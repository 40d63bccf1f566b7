"""Copies of a workspace: file by file with its history, or its newest version with another number of buckets."""

import hashlib
import math
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from core.engine import open_engine, quote
from core.errors import CorruptObjectError
from core.files import sync_file
from core.paths import UnsafePathError, links_below
from core.stage import Clock, StageReport
from core.table_spec import TableSpec
from storage.files import DATABASES, FRONTIERS, OF_A_RUN, Layout, databases
from storage.location import OWN_FOLDER
from storage.state import State
from storage.store import Store
from storage.tables import TABLES
from storage.versions import ABSENT, Snapshot, StageRecord, VersionRecord, read_version, write_version
from storage.working_copy import fetch_all

__all__ = ["content_digest", "content_digests", "copy_files", "rebucket"]

_CHANGED = -2
"""Delta version that no table has."""
_NOT_COPIED = OF_A_RUN | {OWN_FOLDER}


def copy_files(source: Path, target: Path, *, without: Collection[str] = ()) -> int:
    """Copy a workspace's folder to ``target``, and return the number of bytes copied.

    Args:
        source: The workspace; its lock is held.
        target: Folder to create.
        without: Top-level names to leave out.

    Raises:
        CorruptObjectError: A copy reads back differently.
        UnsafePathError: The workspace has a link: a copy would hold what it points to.
    """
    fetch_all(source)
    skipped = {*_NOT_COPIED, *without}
    for link in links_below(source):
        if link.relative_to(source).parts[0] not in skipped:
            raise UnsafePathError(
                f"{link}: a link, and a copy holds no files from elsewhere. Remove it, or put the file in its place."
            )
    target.mkdir(parents=True)
    total = sum(_copy(path, target / path.relative_to(source)) for path in _files(source, skipped))
    for name in databases(source):
        if name not in skipped:
            (target / name).parent.mkdir(exist_ok=True)
            State(source / name).copy_to(target / name)
    return total


def _files(folder: Path, skipped: Collection[str]) -> Iterator[Path]:
    for top in sorted(folder.iterdir()):
        if top.name in skipped or top.name in (*DATABASES, FRONTIERS):
            continue
        yield top
        yield from sorted(top.rglob("*"))


def _copy(path: Path, target: Path) -> int:
    if path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, target, follow_symlinks=False)
    sync_file(target)
    if _digest(path) != _digest(target):
        raise CorruptObjectError(f"{target}: reads back differently than {path}. Check the disk and copy again.")
    return target.stat().st_size


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # read from the disk, not from memory
        return hashlib.file_digest(file, "sha256").digest()


def content_digests(snapshot: Snapshot) -> dict[str, tuple[int, int]]:
    """Return table -> its number of rows and the sum of their 64-bit hashes, independent of order and files.

    Equal tables have equal digests; different ones share a digest with a chance of about 1 in 10**19. Tables without
    rows are absent. DuckDB's hash changes between releases: compare within one process.
    """
    found = {name: content_digest(snapshot, name) for name in snapshot.tables}
    return {name: digest for name, digest in found.items() if digest[0]}


def content_digest(snapshot: Snapshot, name: str) -> tuple[int, int]:
    """Return the number of rows of a table and the sum of their hashes, as in ``content_digests``."""
    with closing(open_engine()) as engine:
        engine.execute(snapshot.view(name, name))
        columns = ", ".join(quote(column.name) for column in TABLES[name].columns)
        query = f"SELECT count(*), coalesce(sum(hash({columns})::HUGEINT), 0) FROM {quote(name)}"  # noqa: S608
        rows, digest = engine.execute(query).fetchall()[0]
        return int(rows), int(digest)


def rebucket(snapshot: Snapshot, folder: Path, buckets: int, clock: Clock) -> Store:
    """Write the tables of a workspace to ``folder``, which already has its other files, and return its store.

    The version keeps its number and the records of stages: a stage that was up to date stays up to date.

    Args:
        snapshot: The version to copy.
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
    """Return pairs of old and new buckets that hold the same rows.

    A bucket is a hash modulo the number of buckets, so buckets agree modulo a common divisor.
    """
    if spec.bucket_of is None:
        return [(None, None)]
    common = math.gcd(old, new)
    return [(list(range(part, old, common)), list(range(part, new, common))) for part in range(common)]


def _renumber(layout: Layout, record: VersionRecord, buckets: int) -> None:
    """Give the only version of a copy the number and the stage records of the original."""
    made = read_version(layout, 1)
    stages = {name: _restated(stage, record.tables, made.tables) for name, stage in record.stages.items()}
    write_version(layout, replace(record, parent=0, buckets=buckets, tables=made.tables, stages=stages))
    if record.number != made.number:
        (layout.versions / f"{made.number:08}.json").unlink()


def _restated(stage: StageRecord, before: Mapping[str, int], now: Mapping[str, int]) -> StageRecord:
    """Return a stage record with the copy's table versions; ``_CHANGED`` where the table has changed since."""
    reads = {
        name: now.get(name, ABSENT) if before.get(name, ABSENT) == version else _CHANGED
        for name, version in stage.reads.items()
    }
    return replace(stage, reads=reads)
