"""Files of versions, tables and logs that no kept version needs."""

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from deltalake import DeltaTable

from storage.delta import DeltaLog
from storage.durable import TEMPORARY, sync_file, sync_folder
from storage.erasure.tables import data_files
from storage.layout import Layout
from storage.schemas import TABLES, TableSpec
from storage.vacuum.findings import StaleFiles
from storage.versions import VersionRecord

__all__ = ["find_stale_files", "remove_stale_files"]

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
