"""Vacuum: files that no kept dataset version needs."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from deltalake import DeltaTable

from storage.erasure.tables import data_files
from storage.files import TEMPORARY, Layout, sync_file, sync_folder
from storage.state import ObjectRef
from storage.tables import TABLES, TableSpec
from storage.tables.delta import DeltaLog
from storage.versions import VersionRecord

__all__ = [
    "Findings",
    "Keeping",
    "StaleFiles",
    "choose_versions",
    "count_findings",
    "find_stale_files",
    "remove_stale_files",
]


@dataclass(frozen=True, slots=True)
class Keeping:
    """What keeps a version, apart from being named."""

    newest: int
    """So many newest versions; at least 1."""
    days: float
    """Versions committed within so many days."""


def choose_versions(
    versions: Sequence[VersionRecord],
    keeping: Keeping,
    now: datetime,
    named: Collection[int],
    named_by: Callable[[VersionRecord], Collection[int]],
) -> frozenset[int]:
    """Return the numbers of the versions that are kept.

    Args:
        versions: All that were committed, newest first.
        keeping: How many, and how young.
        now: Present moment.
        named: Versions that something outside the tables names; those that are gone do not matter.
        named_by: Returns what the tables of a kept version name: that is kept, too.
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
    """Of dataset versions."""
    data: tuple[Path, ...]
    """Of tables."""
    log: tuple[Path, ...]
    """Entries and checkpoints of Delta logs."""
    drafts: tuple[Path, ...]
    """Half-written files."""
    checkpoints: tuple[tuple[str, int], ...]
    """Table and Delta versions, ascending, from which its log can be read once the entries right before are gone."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that goes."""

    kept: frozenset[int]
    """Dataset versions that stay."""
    files: StaleFiles
    objects: tuple[ObjectRef, ...]
    """Objects that nothing uses."""
    lines: tuple[tuple[str, int, int], ...]
    """What, how many and how many bytes, as found."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remove."""
        files = self.files
        return not (files.versions or files.data or files.log or files.drafts or self.objects)


def count_findings(files: StaleFiles, objects: tuple[ObjectRef, ...]) -> tuple[tuple[str, int, int], ...]:
    """Return what goes, how many and how many bytes."""
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
"""Log entries from which a gap between needed versions is worth a checkpoint, which is as large as some of them."""
_NUMBERED = re.compile(r"(\d{20})\.(json|crc|checkpoint(\.[\w.-]+)?\.parquet)")


def find_stale_files(root: Path, versions: Collection[VersionRecord], kept: Collection[int]) -> StaleFiles:
    """Look for files that can go.

    Args:
        root: The workspace's folder; its lock is held.
        versions: All dataset versions that were committed.
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


def remove_stale_files(root: Path, files: StaleFiles) -> None:
    """Remove them: first versions, so that nobody opens one whose files are gone.

    Killed at any instant, every kept version reads as before, and what is left is found again.
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
    """Yield the first version of each long row that nobody needs, and the needed one after it; ``pinned`` ascending."""
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
    """Make the log readable from ``version`` on without what came before."""
    log = folder / "_delta_log"
    if not list(log.glob(f"{version:020}.checkpoint*")):
        DeltaTable(folder, version=version).create_checkpoint()
    for path in log.glob(f"{version:020}.checkpoint*"):
        sync_file(path)
    sync_folder(log)


def _drafts(layout: Layout) -> Iterator[Path]:
    """Yield half-written files; only whoever holds the lock may call them that."""
    for path in sorted(layout.root.rglob(f".*{TEMPORARY}")):
        if path.is_file():
            yield path
