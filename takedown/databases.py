"""Removal of an item from a SQLite file, whichever table contains it."""

import json
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from core.engine import quote
from core.errors import DataError
from takedown.words import Words

__all__ = ["compact", "erase_rows", "erase_text"]

WAIT_S = 30.0
"""Time for another program to finish reading."""

_GIVEN = "SELECT value FROM json_each(:values)"
_Value = str | bytes | int | float | None


def erase_rows(path: Path, values: Collection[str], kept: Collection[str] = ()) -> int:
    """Delete every row that has one of ``values`` as the whole text of a column; return their number.

    Args:
        path: SQLite file that nothing else writes to.
        values: Product ids and hashes of objects.
        kept: Tables that are left alone.
    """
    given = {"values": json.dumps(sorted(values))}
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        count = 0
        for table in _tables(connection, kept):
            found = " OR ".join(f"{column} IN ({_GIVEN})" for column in _columns(connection, table))
            count += connection.execute(f"DELETE FROM {quote(table)} WHERE {found}", given).rowcount  # noqa: S608
        return count


def erase_text(path: Path, words: Words, kept: Collection[str] = ()) -> int:
    """Blank the words in every text of every table; return how many rows were changed or deleted.

    If two rows of a table would then have the same key, its rows with the words are deleted instead. Blanked text is
    overwritten, not only unlinked.

    Args:
        path: SQLite file that nothing else writes to.
        words: Names of the item.
        kept: Tables that are left alone.
    """

    def names_it(value: _Value) -> bool:
        return isinstance(value, str | bytes) and words.found_in(_bytes(value))

    def blank(value: _Value) -> _Value:
        if isinstance(value, bytes):
            return words.blank(value)
        return words.blank(_bytes(value)).decode(errors="surrogateescape") if isinstance(value, str) else value

    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.create_function("names_it", 1, names_it, deterministic=True)
        connection.create_function("blank", 1, blank, deterministic=True)
        return sum(_erase(connection, table) for table in _tables(connection, kept))


def compact(path: Path) -> None:
    """Rewrite a SQLite file so that no page of it holds deleted data, and empty its write-ahead log.

    Raises:
        DataError: Another program is reading from it.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=WAIT_S)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("VACUUM")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError as error:
        raise DataError(f"{path}: {error}. End the program that uses it and run again.") from error
    if busy:
        raise DataError(f"{path}: another program reads from it. End that program and run again.")


def _erase(connection: sqlite3.Connection, table: str) -> int:
    columns = _columns(connection, table)
    found = " OR ".join(f"names_it({column})" for column in columns)
    changes = ", ".join(f"{column} = blank({column})" for column in columns)
    if not connection.execute(f"SELECT 1 FROM {quote(table)} WHERE {found} LIMIT 1").fetchall():  # noqa: S608
        return 0
    try:
        return connection.execute(f"UPDATE {quote(table)} SET {changes} WHERE {found}").rowcount  # noqa: S608
    except sqlite3.IntegrityError:
        return connection.execute(f"DELETE FROM {quote(table)} WHERE {found}").rowcount  # noqa: S608


def _tables(connection: sqlite3.Connection, kept: Collection[str]) -> list[str]:
    """Return the ordinary tables: neither SQLite's own nor virtual ones."""
    query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
    names = [name for (name,) in connection.execute(query)]
    return [name for name in names if not name.startswith("sqlite_") and name not in kept]


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [quote(row[1]) for row in connection.execute(f"PRAGMA table_info({quote(table)})")]


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode(errors="surrogateescape")
