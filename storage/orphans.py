"""Vacuum of objects that no kept version, state or unfinished stage names."""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from itertools import chain, islice
from pathlib import Path

import duckdb
import pyarrow as pa

from core.engine import open_engine, quote
from storage.erasure.overwriting import erase_records, free_blanks
from storage.erasure.records import WarcRecord
from storage.files import FRONTIERS, INDEX, Layout, databases
from storage.location import FolderLocation, ObjectStore
from storage.objects.index import ObjectRef
from storage.objects.reader import Objects
from storage.objects.writer import object_rows
from storage.versions import Snapshot
from storage.working_copy import fetch_all, store_url_of

__all__ = ["REFERENCES", "find_orphans", "remove_orphans"]

REFERENCES = (
    ("products", "page_sha256"),
    ("media", "sha256"),
    ("frames", "video_sha256"),
    ("frames", "object"),
    ("audio", "video_sha256"),
    ("audio", "mp3"),
    ("audio", "mfcc"),
    ("images", "sha256"),
    ("image_text", "sha256"),
    ("spec_proposals", "sha256"),
    ("regions", "image_sha256"),
    ("regions", "feature"),
)
"""Every column that names an object, except those of the table ``objects``."""

_HASH = re.compile(rb"[0-9a-f]{64}")
_OWN_TABLES = frozenset({"objects", "object_segments", "migrations"})
_LONGEST = 1 << 24
"""Most bytes of records that are merged into one: a gzipped one is read as a whole."""
_BATCH = 50_000


def find_orphans(root: Path, objects: Objects, kept: Iterable[Snapshot]) -> tuple[ObjectRef, ...]:
    """Return the objects that nothing names, in the order of storage.

    Any text that looks like a hash, in the state, a frontier or the work of an unfinished stage, counts as a name.

    Args:
        root: The workspace's folder; its lock is held.
        objects: Its objects.
        kept: Dataset versions that stay.
    """
    fetch_all(root, f"{FRONTIERS}/")
    states = (_in_state(root / name) for name in databases(root) if name != INDEX)
    with closing(open_engine()) as engine:
        engine.execute("CREATE TEMP TABLE used (sha256 VARCHAR)")
        _use(engine, chain(*states, _in_spools(root)))
        _use_tables(engine, kept)
        engine.register("stored", object_rows(objects.index))
        rows = engine.execute('FROM stored ANTI JOIN used USING (sha256) ORDER BY segment, "offset"').fetchall()
    return tuple(ObjectRef(*row) for row in rows)


def remove_orphans(root: Path, objects: Objects, orphans: Iterable[ObjectRef], now: datetime) -> None:
    """Overwrite the records of orphans, free their disk blocks where possible, and remove them from the index.

    Later records in a segment do not move.
    """
    refs = sorted(orphans, key=lambda ref: (ref.segment, ref.offset))
    places = _merged(refs)
    erase_records(root, objects, places, [r.sha256 for r in refs], now)
    for place in places:
        free_blanks(Layout(root).objects / place.segment, place.offset, place.length, now)


def _merged(refs: Iterable[ObjectRef]) -> list[WarcRecord]:
    """Return the places of records, with neighbours merged, because only whole disk blocks can be freed."""
    places: list[WarcRecord] = []
    for ref in refs:
        last = places[-1] if places else WarcRecord("", 0, _LONGEST)
        follows = (last.segment, last.offset + last.length) == (ref.segment, ref.offset)
        if follows and last.length + ref.length <= _LONGEST:
            places[-1] = WarcRecord(ref.segment, last.offset, last.length + ref.length)
        else:
            places.append(WarcRecord(ref.segment, ref.offset, ref.length))
    return places


def _use_tables(engine: duckdb.DuckDBPyConnection, kept: Iterable[Snapshot]) -> None:
    """Collect the names in the columns of ``REFERENCES``; a table pinned by several versions is read once."""
    seen: set[tuple[str, int]] = set()
    for snapshot in kept:
        pinned = {(table, snapshot.tables[table]) for table, _ in REFERENCES if table in snapshot.tables}
        for table, _ in sorted(pinned - seen):
            engine.execute(snapshot.view("seen_now", table))
            for column in (name for of, name in REFERENCES if of == table):
                engine.execute(f"INSERT INTO used SELECT DISTINCT {column} FROM seen_now WHERE {column} IS NOT NULL")  # noqa: S608
            engine.execute("DROP VIEW seen_now")
        seen |= pinned


def _use(engine: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    rest = iter(names)
    while some := sorted(set(islice(rest, _BATCH))):
        engine.register("named_now", pa.table({"sha256": some}))
        engine.execute("INSERT INTO used SELECT sha256 FROM named_now")
        engine.unregister("named_now")


def _in_state(path: Path) -> Iterator[str]:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in names:
            if table not in _OWN_TABLES and not table.startswith("sqlite_"):
                rows = connection.execute(f"SELECT * FROM {quote(table)}")  # noqa: S608
                yield from (found for row in rows for cell in row for found in _hashes(cell))


def _in_spools(root: Path) -> Iterator[str]:
    """Yield the names in the results of unfinished stages; those of tasks are in the workspace's object store."""
    url = store_url_of(root)
    places: list[FolderLocation | ObjectStore] = [FolderLocation(root), *([ObjectStore(url)] if url else [])]
    for place in places:
        for name in place.list("spool"):
            yield from _hashes(place.read(name) or b"")


def _hashes(cell: object) -> Iterator[str]:
    data = cell.encode(errors="surrogateescape") if isinstance(cell, str) else cell
    if isinstance(data, bytes):
        yield from (found.decode() for found in _HASH.findall(data))
