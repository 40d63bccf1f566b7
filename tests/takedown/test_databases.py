import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import DataError
from takedown.databases import compact, erase_rows, erase_text
from takedown.words import Words

WORDS = Words(["https://shop.example/7"], ["PLANTED"], ["shop:7"])


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE judged (query TEXT, candidate TEXT, PRIMARY KEY (query, candidate)) WITHOUT ROWID"
        )
        connection.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT NOT NULL, data BLOB, n INTEGER)")
        connection.executemany("INSERT INTO judged VALUES (?, ?)", [("shop:7", "a"), ("b", "shop:7"), ("b", "shop:77")])
        rows = [("at https://shop.example/7", b"PLANTED", 7), ("fine", None, 7), ("shop:7, shop:77", b"\xff", 7)]
        connection.executemany("INSERT INTO log (text, data, n) VALUES (?, ?, ?)", rows)
        connection.commit()
    return path


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()


def test_rows_with_a_value_go(database: Path) -> None:
    assert erase_rows(database, ["shop:7"]) == 2
    assert rows(database, "judged") == [("b", "shop:77")]
    assert len(rows(database, "log")) == 3


def test_texts_and_bytes_are_blanked_in_place(database: Path) -> None:
    assert erase_text(database, WORDS, kept=["judged"]) == 2
    assert rows(database, "log") == [(1, "at ", b"", 7), (2, "fine", None, 7), (3, ", shop:77", b"\xff", 7)]


def test_rows_that_would_become_one_go(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO judged VALUES ('b', '')")
    erase_text(database, WORDS, kept=["log"])
    assert ("b", "") in rows(database, "judged")
    assert not any("shop:7" in row for row in rows(database, "judged"))


def test_no_page_of_the_file_holds_it_afterwards(database: Path) -> None:
    erase_rows(database, ["shop:7"])
    erase_text(database, WORDS)
    compact(database)
    left = b"".join(path.read_bytes() for path in database.parent.iterdir())
    assert [word for word in (b"PLANTED", b"shop.example/7", b"shop:7,") if word in left] == []


def test_a_reader_in_the_way_is_named(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("takedown.databases.WAIT_S", 0.05)
    with closing(sqlite3.connect(database)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM log").fetchone()
        with pytest.raises(DataError, match=r"another program reads from it|database is locked"):
            compact(database)
