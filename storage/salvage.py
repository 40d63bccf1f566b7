"""Copy what can still be read of a damaged state into a new one, row by row."""

import sqlite3
from contextlib import closing
from pathlib import Path

from m5data.errors import CorruptObjectError
from storage.engine import quote
from storage.state import State, transaction

__all__ = ["salvage"]

_OBJECTS = frozenset({"objects", "object_segments"})
"""Tables of the index of objects, which has a file of its own."""
_SCHEMA = """SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
AND tbl_name <> 'media_urls' ORDER BY type <> 'table', name"""
"""The queue of downloads, which stood here once, is made from the tables."""
_BATCH = 1000


def salvage(old: Path, new: State) -> dict[str, tuple[int, bool]]:
    """Copy the tables of a damaged state to a new one, which gets nothing where the list of tables is lost.

    Returns:
        Table -> rows copied, and whether these are all.
    """
    try:
        with closing(sqlite3.connect(f"{old.as_uri()}?mode=ro&immutable=1", uri=True)) as damaged:
            damaged.execute("PRAGMA writable_schema = ON")  # else a file that was cut short is not read at all
            schema = damaged.execute(_SCHEMA).fetchall()
            known = damaged.execute("SELECT room, statement FROM migrations").fetchall()
            with closing(new.connect()) as connection:
                connection.execute("PRAGMA foreign_keys = OFF")
                return _copy_tables(damaged, connection, schema, known)
    except (sqlite3.DatabaseError, CorruptObjectError):
        return {}


def _copy_tables(
    damaged: sqlite3.Connection,
    connection: sqlite3.Connection,
    schema: list[tuple[str, str, str]],
    known: list[tuple[str, str]],
) -> dict[str, tuple[int, bool]]:
    """Copy tables first, then create indexes and triggers, which would count copied rows again."""
    found = {}
    with transaction(connection):
        connection.executemany("INSERT OR IGNORE INTO migrations VALUES (?, ?)", known)
        for name, kind, sql in schema:
            if name == "migrations" or (kind == "index" and name in _OBJECTS):
                continue
            connection.execute(sql)
            if kind == "table" and name not in _OBJECTS:
                found[name] = _copy_rows(damaged, connection, name)
    return found


def _copy_rows(damaged: sqlite3.Connection, connection: sqlite3.Connection, name: str) -> tuple[int, bool]:
    count = 0
    try:
        rows = damaged.execute(f"SELECT * FROM {quote(name)}")  # noqa: S608
        places = ", ".join("?" * len(rows.description))
        while batch := rows.fetchmany(_BATCH):
            connection.executemany(f"INSERT OR IGNORE INTO {quote(name)} VALUES ({places})", batch)  # noqa: S608
            count += len(batch)
    except sqlite3.DatabaseError:
        return count, False
    return count, True
