"""The state's transactions are on disk once they are reported done."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import CorruptObjectError
from core.stage import StageReport
from storage import State, Store


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


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "header", "other"])
def test_a_lost_state_is_named_and_never_made_anew(store: Store, damage: str) -> None:
    path = store.root / "state.sqlite"
    with closing(store.state.connect()) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _damage(path, damage)
    before = path.read_bytes() if path.exists() else None
    for use in (store.state.connect, store.state.connect_reading, lambda: store.state.migrate("a", ())):
        with pytest.raises(CorruptObjectError, match=r"state\.sqlite: .*m5data repair") as caught:
            use()
        assert "\n" not in str(caught.value)
    assert store.state.damage()
    assert (path.read_bytes() if path.exists() else None) == before


def _damage(path: Path, damage: str) -> None:
    whole = path.read_bytes()
    path.unlink()
    if damage == "other":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE other (a)")
    elif damage != "missing":
        path.write_bytes({"empty": b"", "cut": whole[:50], "header": b"x" * 4096 + whole[4096:]}[damage])


def test_a_page_of_noise_is_found_by_the_check(store: Store) -> None:
    assert store.state.damage() is None
    with closing(store.state.connect()) as connection:
        connection.execute(
            "CREATE TABLE many AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
            "SELECT i, hex(randomblob(200)) AS more FROM n"
        )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = store.root / "state.sqlite"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20_000] + b"\xa5" * 20_000)
    found = store.state.damage()
    assert found
    assert "\n" not in found


@pytest.mark.parametrize("unpublished", [False, True])
def test_an_older_index_of_objects_is_filled_or_told(store: Store, *, unpublished: bool) -> None:
    with store.lock():
        store.objects.close()
    kept = (store.root / "index.sqlite").read_bytes()
    with store.stage("fill", settings="") as stage:
        with store.objects.writer("media") as media:
            known = media.put(b"bytes", mime="image/jpeg", url="http://a.example/")
        stage.commit(StageReport("fill", 0, 0))
    if unpublished:
        with store.lock(), store.objects.writer("media") as media:
            media.put(b"more", mime="image/jpeg", url="http://a.example/more")
    store.objects.close()
    for path in store.root.glob("index.sqlite*"):
        path.unlink()
    (store.root / "index.sqlite").write_bytes(kept)
    before = {path: path.read_bytes() for path in (store.root / "objects").iterdir()}
    again = Store.open(store.root)
    if unpublished:
        with pytest.raises(CorruptObjectError, match="has more than the newest dataset version"), again.lock():
            pass
    else:
        with again.lock():
            assert again.objects.read(known) == b"bytes"
    assert {path: path.read_bytes() for path in (store.root / "objects").iterdir()} == before


def test_foreign_files_beside_segments_and_log_entries_stay(store: Store) -> None:
    own = [store.root / "objects/notes.txt", store.root / "objects/mine/page.warc"]
    for path in own:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    with store.lock():
        pass
    assert [path.read_text() for path in own] == ["mine", "mine"]


def test_a_disk_that_cannot_be_written_is_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.state.migrate("crawler", ["CREATE TABLE frontier (url TEXT)"])
    with closing(store.state.connect()) as connection:
        connection.execute("INSERT INTO frontier VALUES ('a')")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    monkeypatch.setattr(State, "is_writable", False)
    store.state.migrate("align", ["CREATE TABLE never (a)"])
    with closing(store.state.connect()) as connection:
        assert connection.execute("SELECT url FROM frontier").fetchall() == [("a",)]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM frontier")
    assert store.objects.index.last() == 0
