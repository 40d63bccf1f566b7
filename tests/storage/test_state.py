"""State: transactions that are on the disk when they are reported done."""

import sqlite3
from contextlib import closing

import pytest

from storage import Store


def test_connections_are_synced_and_write_ahead(store: Store) -> None:
    with closing(store.state.connect()) as connection:
        pragmas = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        assert pragmas == ["wal", 2]
        assert connection.execute("PRAGMA busy_timeout").fetchone()[0] == 30_000
        assert connection.isolation_level is None


def test_migrations_run_once_each_in_order(store: Store) -> None:
    first = ["CREATE TABLE frontier (url TEXT)", "INSERT INTO frontier VALUES ('a')"]
    for ddl in (first, first, [*first, "ALTER TABLE frontier ADD COLUMN depth INTEGER"]):
        store.state.migrate("crawler", ddl)
    with closing(store.state.connect()) as connection:
        assert connection.execute("SELECT url, depth FROM frontier").fetchall() == [("a", None)]


def test_a_failing_migration_changes_nothing(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError):
        store.state.migrate("crawler", ["CREATE TABLE frontier (url TEXT)", "CREATE TABLE frontier (url TEXT, b)"])
    store.state.migrate("crawler", ["CREATE TABLE frontier (other TEXT)"])
    with closing(store.state.connect()) as connection:
        assert connection.execute("SELECT other FROM frontier").fetchall() == []


def test_rooms_have_migrations_of_their_own(store: Store) -> None:
    for room in ("crawler", "annotate"):
        store.state.migrate(room, ["CREATE TABLE IF NOT EXISTS shared (a)"])
    with closing(store.state.connect()) as connection:
        count = connection.execute("SELECT count(*) FROM migrations WHERE statement LIKE '%shared%'").fetchone()
    assert count == (2,)
