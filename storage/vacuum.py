"""Vacuum: the dataset versions that stay, and the files and objects that none of them needs."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from deltalake import DeltaTable

from core.engine import open_engine
from core.files import TEMPORARY, sync_file, sync_folder
from core.paths import files_below
from core.stage import StageReport
from core.table_spec import TableSpec
from storage.erasure.tables import data_files
from storage.files import Layout
from storage.objects.index import ObjectRef
from storage.objects.writer import object_rows
from storage.orphans import find_orphans, remove_orphans
from storage.store import Store
from storage.tables import TABLES
from storage.tables.delta import DeltaLog
from storage.versions import VersionRecord

__all__ = ["Findings", "Keeping", "StaleFiles", "choose_versions", "find_unneeded", "remove_unneeded"]


@dataclass(frozen=True, slots=True)
class Keeping:
    """The rule for versions that stay without being named."""

    newest: int
    """Number of newest versions; at least 1."""
    days: float
    """Age in days within which versions stay."""


def choose_versions(
    versions: Sequence[VersionRecord],
    keeping: Keeping,
    now: datetime,
    named: Collection[int],
    named_by: Callable[[VersionRecord], Collection[int]],
) -> frozenset[int]:
    """Return the numbers of the versions that are kept.

    Args:
        versions: All committed versions, newest first.
        keeping: How many versions stay, and up to which age.
        now: Current time.
        named: Versions named outside the tables; missing ones are ignored.
        named_by: Returns the versions that a kept version's tables name; these stay too.
    """
    since = now - timedelta(days=keeping.days)
    known = {version.number: version for version in versions}
    waiting = {version.number for version in versions[: keeping.newest]}
    waiting |= {version.number for version in versions if version.created is not None and version.created >= since}
    waiting |= known.keys() & set(named)
    kept: set[int] = set()
    while waiting:
        number = waiting.pop()
        kept.add(number)
        waiting |= (known.keys() & set(named_by(known[number]))) - kept
    return frozenset(kept)


@dataclass(frozen=True, slots=True)
class StaleFiles:
    """Files that no kept version needs."""

    versions: tuple[Path, ...]
    """Files of dataset versions."""
    data: tuple[Path, ...]
    """Data files of tables."""
    log: tuple[Path, ...]
    """Entries and checkpoints of Delta logs."""
    drafts: tuple[Path, ...]
    """Temporary files that killed processes left."""
    checkpoints: tuple[tuple[str, int], ...]
    """Table and Delta version of each checkpoint that replaces the removed entries before it."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that a vacuum removes."""

    kept: frozenset[int]
    """Dataset versions that stay."""
    files: StaleFiles
    objects: tuple[ObjectRef, ...]
    """Objects that nothing uses."""
    lines: tuple[tuple[str, int, int], ...]
    """Name, count and bytes of each kind of finding."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remove."""
        files = self.files
        return not (files.versions or files.data or files.log or files.drafts or self.objects)


def find_unneeded(store: Store, keeping: Keeping, exported: Collection[int], now: datetime) -> Findings:
    """Return what no kept version needs; the caller holds the lock.

    Args:
        store: The workspace's store.
        keeping: How many versions stay, and up to which age.
        exported: Versions that exports come from; they stay.
        now: Current time.
    """
    versions = store.versions()
    kept = choose_versions(versions, keeping, now, exported, lambda version: _built_from(store, version))
    files = _find_stale_files(store.root, versions, kept)
    orphans = find_orphans(store.root, store.objects, [store.snapshot(number) for number in sorted(kept)])
    return Findings(kept, files, orphans, _count(files, orphans))


def remove_unneeded(store: Store, findings: Findings, now: datetime) -> None:
    """Remove findings; the caller holds the lock."""
    _remove_stale_files(store.root, findings.files)
    if findings.objects:
        remove_orphans(store.root, store.objects, findings.objects, now)
        _publish(store, len(findings.objects))


def _built_from(store: Store, version: VersionRecord) -> list[int]:
    """Return the versions that the splits of a version were built from."""
    if "recipes" not in version.tables:
        return []
    rows = store.snapshot(version.number).table("recipes", ["version"])
    return [int(number) for number in rows["version"].to_pylist()]


def _publish(store: Store, removed: int) -> None:
    """Commit a version whose table ``objects`` no longer lists the removed ones."""
    with store.stage("vacuum", settings="") as stage, open_engine() as engine:
        stage.write("objects", engine.from_arrow(object_rows(store.objects.index, upto=stage.before.record.indexed)))
        stage.commit(StageReport("vacuum", removed, removed))


def _count(files: StaleFiles, objects: tuple[ObjectRef, ...]) -> tuple[tuple[str, int, int], ...]:
    """Return name, count and bytes of each kind of finding."""
    lists = {
        "dataset versions": files.versions,
        "data files": files.data,
        "log entries": files.log,
        "drafts": files.drafts,
    }
    counted = [(name, len(paths), sum(_size(path) for path in paths)) for name, paths in lists.items()]
    return (*counted, ("objects", len(objects), sum(ref.length for ref in objects)))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


_LONG = 10
"""Shortest gap of log entries that is worth a checkpoint, which is as large as some of them."""
_NUMBERED = re.compile(r"(\d{20})\.(json|crc|checkpoint(\.[\w.-]+)?\.parquet)")


def _find_stale_files(root: Path, versions: Collection[VersionRecord], kept: Collection[int]) -> StaleFiles:
    """Return the files that no kept version needs.

    Args:
        root: The workspace's folder; its lock is held.
        versions: All committed dataset versions.
        kept: Numbers of those that stay.
    """
    layout = Layout(root)
    data: list[Path] = []
    log: list[Path] = []
    checkpoints: list[tuple[str, int]] = []
    for spec in TABLES.values():
        pinned = {v.tables[spec.name] for v in versions if v.number in kept and spec.name in v.tables}
        if not pinned:
            continue
        data += _unused(layout, spec, pinned)
        for first, after in _gaps(sorted(pinned)):
            entries = sorted(_entries_between(layout.table(spec.name) / "_delta_log", first, after))
            log += entries
            checkpoints += [(spec.name, after)] * bool(entries)
    gone = tuple(layout.versions / f"{v.number:08}.json" for v in versions if v.number not in kept)
    return StaleFiles(tuple(sorted(gone)), tuple(data), tuple(log), tuple(_drafts(layout)), tuple(checkpoints))


def _remove_stale_files(root: Path, files: StaleFiles) -> None:
    """Remove files; versions first, so that nobody opens one whose files are gone.

    If the process is killed, every kept version reads as before, and the next vacuum finds the rest.
    """
    layout = Layout(root)
    for path in (*files.versions, *files.drafts):
        path.unlink(missing_ok=True)
    sync_folder(layout.versions)
    for table, version in files.checkpoints:
        _checkpoint(layout.table(table), version)
    for path in (*files.log, *files.data):
        path.unlink(missing_ok=True)


def _unused(layout: Layout, spec: TableSpec, pinned: Collection[int]) -> Iterator[Path]:
    folder = layout.table(spec.name)
    log = DeltaLog(folder, spec)
    used = {file.path for version in pinned for file in log.files(version)}
    yield from (folder / file.path for file in data_files(layout, spec) if file.path not in used)


def _gaps(pinned: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first version of each long gap and the needed version after it; ``pinned`` is ascending."""
    yield 0, pinned[0]
    for before, after in pairwise(pinned):
        if after - before > _LONG:
            yield before + 1, after


def _entries_between(log: Path, first: int, after: int) -> Iterator[Path]:
    for path in log.iterdir():
        match = _NUMBERED.fullmatch(path.name)
        if match and first <= int(match[1]) < after:
            yield path


def _checkpoint(folder: Path, version: int) -> None:
    """Make the log readable from ``version`` on without earlier entries."""
    log = folder / "_delta_log"
    if not list(log.glob(f"{version:020}.checkpoint*")):
        DeltaTable(folder, version=version).create_checkpoint()
    for path in log.glob(f"{version:020}.checkpoint*"):
        sync_file(path)
    sync_folder(log)


def _drafts(layout: Layout) -> Iterator[Path]:
    """Yield temporary files of killed processes. Requires the lock."""
    yield from (path for path in files_below(layout.root) if path.name.startswith(".") and path.suffix == TEMPORARY)
