"""Read-only checks of a store: missing and damaged files, one line per finding."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.errors import M5DataError
from core.paths import UnsafePathError, inside, is_file_name
from storage.files import DOWNLOADS, FRONTIERS, INDEX, SEGMENT, STATE, Layout
from storage.frontiers import Frontiers
from storage.identity import check_key, read_identity
from storage.objects.index import ObjectIndex
from storage.state import State
from storage.tables import TABLES
from storage.tables.data_files import DataFile
from storage.tables.delta import DeltaLog
from storage.versions import VersionRecord, latest_number, read_version
from storage.working_copy import read_record, store_url_of

__all__ = ["Damage", "DamageKind", "damaged_tables", "find_damage", "surviving_files", "unread_files"]

DamageKind = Literal["identity", "key", "version", "state", "frontier", "index", "downloads", "segment", "table"]


@dataclass(frozen=True, slots=True)
class Damage:
    """One file, or group of files, that is missing or damaged."""

    kind: DamageKind
    name: str
    """Table, source or segment; empty for a kind of which there is only one."""
    detail: str
    """File, what is wrong, and what to do, in one line."""


def find_damage(root: Path) -> Iterator[Damage]:
    """Yield the files needed by the newest dataset version that are missing, of wrong length or unreadable.

    Contents are not read, except those of databases, which SQLite checks.
    """
    layout = Layout(root.absolute())
    yield from _identity(layout.root)
    record = None
    try:
        record = read_version(layout, latest_number(layout))
    except M5DataError as error:
        yield Damage("version", "", str(error))
    fault = _fault(layout, STATE)
    if fault is not None:
        yield Damage("state", "", fault)
    yield from _frontiers(layout, named=fault is None)
    if layout.index.exists():
        yield from _index(layout, record)
    elif fault is not None or not store_url_of(layout.root):
        yield Damage("index", "", f"{layout.index}: missing. {_ADVICE}")
    if layout.downloads.exists() and (fault := _fault(layout, DOWNLOADS)):
        yield Damage("downloads", "", fault)
    if record is not None:
        yield from damaged_tables(layout, record)


def damaged_tables(layout: Layout, record: VersionRecord) -> Iterator[Damage]:
    """Yield the tables of a dataset version whose log or data files are missing, damaged or of wrong length."""
    stored = read_record(layout.root).files  # a working copy fetches data files when they are read
    for name in sorted(set(record.tables) & set(TABLES)):
        try:
            files = DeltaLog(layout.table(name), TABLES[name]).files(record.tables[name])
        except (M5DataError, OSError) as error:
            yield Damage("table", name, f"{error}")
            continue
        lost = [
            path
            for path in unread_files(layout.table(name), files)
            if f"tables/{name}/{path}" not in stored or (layout.table(name) / path).exists()
        ]
        if lost:
            more = f" and {len(lost) - 1:,} more" if len(lost) > 1 else ""
            yield Damage("table", name, f"{layout.table(name) / lost[0]}{more}: missing or damaged. {_ADVICE}")


def unread_files(folder: Path, files: tuple[DataFile, ...]) -> list[str]:
    """Return the data files that are missing, have the wrong length, or lack Parquet's first and last bytes."""
    return [file.path for file in files if not _is_sound(folder / file.path, file.size)]


def surviving_files(layout: Layout, name: str, version: int) -> tuple[DataFile, ...] | None:
    """Return the data files of a table that can still be read; None: its log is lost."""
    try:
        files = DeltaLog(layout.table(name), TABLES[name]).files(version)
    except (M5DataError, OSError):
        return None
    lost = set(unread_files(layout.table(name), files))
    return tuple(file for file in files if file.path not in lost)


_ADVICE = "Restore it from a backup, or run m5data repair, first with --dry-run."
_MAGIC = b"PAR1"


def _is_sound(path: Path, size: int) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
            length = file.seek(0, 2)
            file.seek(max(0, length - len(_MAGIC)))
            return length == size and start == _MAGIC == file.read()
    except OSError:
        return False


def _fault(layout: Layout, name: str) -> str | None:
    """Return what is wrong with a database; one behind a link is not opened, because SQLite writes beside it."""
    try:
        return State(inside(layout.root, name)).damage()
    except UnsafePathError as error:
        return str(error)


def _identity(root: Path) -> Iterator[Damage]:
    try:
        identity = read_identity(root)
    except M5DataError as error:
        yield Damage("identity", "", str(error))
        return
    if identity.key is None:
        return
    try:
        check_key(root, identity)
    except M5DataError as error:
        yield Damage("key", "", str(error))


def _frontiers(layout: Layout, *, named: bool) -> Iterator[Damage]:
    """Check the frontiers that the state lists or, if it is damaged, those that exist."""
    there = sorted(path.stem for path in layout.frontiers.glob("*.sqlite"))
    stored = read_record(layout.root).files  # a working copy fetches them when they are read
    for name in Frontiers(layout.root, State(layout.state)).names() if named else there:
        if not is_file_name(name):
            yield Damage("frontier", name, f"{layout.state}: {name!r} is no name of a source. {_ADVICE}")
            continue
        elsewhere = name not in there and f"{FRONTIERS}/{name}.sqlite" in stored
        if not elsewhere and (fault := _fault(layout, f"{FRONTIERS}/{name}.sqlite")):
            yield Damage("frontier", name, fault)


def _index(layout: Layout, record: VersionRecord | None) -> Iterator[Damage]:
    """Compare the index of objects with the newest version and with the segments."""
    fault = _fault(layout, INDEX)
    if fault is not None:
        yield Damage("index", "", fault)
        return
    with contextlib.closing(ObjectIndex(layout, reading=True)) as index:
        try:
            known, assigned = index.segments(), index.assigned()
        except (sqlite3.DatabaseError, M5DataError) as error:
            yield Damage("index", "", f"{error}")
            return
    if record is not None and assigned < record.indexed:
        what = f"older than dataset version {record.number}, whose objects it does not know"
        yield Damage("index", "", f"{layout.index}: {what}. {_ADVICE}")
    elsewhere = store_url_of(layout.root) is not None
    for name, length in known.items():
        if not SEGMENT.fullmatch(name):
            yield Damage("index", name, f"{layout.index}: {name!r} is no name of a segment. {_ADVICE}")
            continue
        path = layout.objects / name
        if not path.is_file():
            if not elsewhere:  # a working copy fetches segments when they are read
                yield Damage("segment", name, f"{path}: missing. Mount its disk or restore it from a backup.")
        elif path.stat().st_size < length:
            cut = f"{path.stat().st_size:,} of {length:,} bytes"
            yield Damage("segment", name, f"{path}: only {cut}. Restore it from a backup.")
    unknown = sorted(path.name for path in layout.objects.glob("*") if SEGMENT.fullmatch(path.name))
    if record is not None and record.indexed and not known and unknown:
        yield Damage("index", "", f"{layout.index}: it knows none of {len(unknown):,} segments. {_ADVICE}")
