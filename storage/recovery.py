"""Put a workspace back to its newest dataset version, whatever a killed writer left."""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from storage.delta import DeltaLog
from storage.durable import TEMPORARY
from storage.layout import Layout
from storage.object_index import ObjectIndex
from storage.schemas import TABLES
from storage.segment import sweep_segments
from storage.spool import sweep_spool
from storage.versions import VersionRecord

__all__ = ["clear_staging", "recover"]


def recover(layout: Layout, pinned: VersionRecord, index: ObjectIndex, now: datetime) -> None:
    """Undo everything that ``pinned``, the newest version, does not know. Only under the lock.

    Spooled partitions stay: they are finished work.
    """
    for path in layout.versions.glob(f".*{TEMPORARY}"):
        path.unlink()
    sweep_spool(layout, pinned)
    clear_staging(layout, pinned, now)
    sweep_segments(layout.objects, index.segments())


def clear_staging(layout: Layout, pinned: VersionRecord, now: datetime) -> None:
    """Roll table commits that ``pinned`` does not know back, and remove files of unfinished commits."""
    for spec in TABLES.values():
        folder = layout.table(spec.name)
        if not folder.is_dir():
            continue
        if spec.name not in pinned.tables:
            shutil.rmtree(folder)
            continue
        log = DeltaLog(folder, spec)
        log.sweep()
        if log.head() != pinned.tables[spec.name]:
            log.converge(log.files(pinned.tables[spec.name]), now)
    for path in _unfinished(layout, pinned):
        path.unlink(missing_ok=True)
    if layout.staging.is_dir():
        shutil.rmtree(layout.staging)


def _unfinished(layout: Layout, pinned: VersionRecord) -> Iterator[Path]:
    """Yield data files that a commit was moving into place, unless ``pinned`` holds them after all."""
    if not layout.manifest.is_file():
        return
    for name, paths in json.loads(layout.manifest.read_bytes()).items():
        folder = layout.table(name)
        known = _pinned_paths(layout, name, pinned)
        yield from (folder / path for path in paths if path not in known)


def _pinned_paths(layout: Layout, name: str, pinned: VersionRecord) -> set[str]:
    if name not in pinned.tables:
        return set()
    files = DeltaLog(layout.table(name), TABLES[name]).files(pinned.tables[name])
    return {file.path for file in files}
