"""One machine finds what another stored; conflicting commits are reported."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.errors import UsageError, WorkspaceError
from storage import Store
from storage.integrity import find_damage
from storage.lease import LEASE, _encode
from storage.location import ObjectStore
from storage.remote_workspace import RemoteWorkspace
from storage.working_copy import read_record, segment_file
from tests.storage.failing_store import FailingStore, Killed
from tests.storage.machines import ADDRESS, OnMachine, make, open_at
from tests.storage.synthetic import commit, data_files, ids, noon, products, table
from tests.storage.test_lease import ELSEWHERE
from workspace import Workspace

if TYPE_CHECKING:
    from obstore import GetOptions


def put(store: Store, data: bytes) -> str:
    with store.lock(), store.objects.writer("media") as writer:
        return writer.put(data, mime="image/png", url="http://shop.example/1.png")


def names(far: type[FailingStore], folder: str) -> list[str]:
    start = f"bucket/shop/{folder}"
    return [name.removeprefix(start) for name in far.objects() if name.startswith(start)]


def fetched(store: Store) -> list[Path]:
    return [path for path in store.root.glob("tables/**/*.parquet") if "_delta_log" not in path.parts]


def refused(folder: Path, match: str) -> None:
    with pytest.raises(WorkspaceError, match=match):
        open_at(folder)


def test_another_machine_finds_what_was_committed_and_goes_on(on_machine: OnMachine) -> None:
    first = make(on_machine("a"))
    commit(first, {"products": products(ids(5))})
    second = open_at(on_machine("b"))
    assert second.snapshot().table("products") == products(ids(5))
    commit(second, {"products": products(ids(6))}, settings="t")
    back = open_at(on_machine("a"))
    assert (back.snapshot().number, back.snapshot().table("products")) == (2, products(ids(6)))


def test_a_writer_sees_what_was_committed_since_it_was_opened(on_machine: OnMachine) -> None:
    first = make(on_machine("a"))
    second = open_at(on_machine("b"))
    commit(first, {"products": products(ids(5))})
    with second.lock():
        assert second.snapshot().table("products") == products(ids(5))


def test_the_same_tables_again_store_nothing(far: type[FailingStore], on_machine: OnMachine) -> None:
    store = make(on_machine("a"))
    put(store, b"picture")
    with store.lock():
        pass
    store.objects.close()
    before = far.objects()
    with open_at(on_machine("a")).lock():
        pass
    with open_at(on_machine("b")).lock():
        pass
    with open_at(on_machine("b")).lock():
        pass
    name = f"bucket/shop/{LEASE}"
    assert {**far.objects(), name: before[name]} == before


def test_a_version_that_was_not_stored_is_stored_by_the_next_writer(
    far: type[FailingStore], on_machine: OnMachine
) -> None:
    home = on_machine("a")
    store = make(home)
    commit(store, {"products": products(ids(3))})
    mark = (home / ".m5data/address").read_bytes()
    (home / ".m5data/address").unlink()  # the next commit goes only to the folder
    commit(Store.open(home, clock=noon), {"products": products(ids(4))}, settings="t")
    (home / ".m5data/address").write_bytes(mark)
    assert open_at(on_machine("b")).snapshot().number == 1
    with open_at(home).lock():
        pass
    assert "versions/00000002.json" in names(far, "")
    assert open_at(on_machine("b")).snapshot().table("products") == products(ids(4))


def test_of_two_machines_that_both_committed_the_second_begins_anew(
    on_machine: OnMachine, caplog: pytest.LogCaptureFixture
) -> None:
    commit(make(on_machine("c")), {"products": products(ids(3))})
    home = open_at(on_machine("a")).root
    (home / ".m5data/address").rename(home / "address")
    commit(Store.open(home, clock=noon), {}, settings="own")
    (home / "address").rename(home / ".m5data/address")
    commit(open_at(on_machine("b")), {"products": products(ids(2))}, settings="t")
    assert open_at(home).snapshot().table("products") == products(ids(2))
    assert "never stored (versions/00000002.json)" in caplog.text
    aside = home.with_name(f"{home.name}.own-1")
    assert f"Its own work is in {aside}" in caplog.text
    assert Store.open(aside).snapshot().number == 2
    assert Store.open(aside).snapshot().table("products") == products(ids(3))


def test_uncommitted_work_gives_way_to_another_machine(on_machine: OnMachine) -> None:
    store = make(on_machine("a"))
    with store.objects.writer("media") as writer:  # without the lock: as if its process had been killed
        mine = writer.put(b"mine alone", mime="image/png", url="http://shop.example/1.png")
    store.spool("records").put("1", "x", {})
    store.objects.close()
    other = open_at(on_machine("b"))
    sha = put(other, b"theirs")
    commit(other, {"products": products(ids(2))})
    back = open_at(on_machine("a"))
    with back.lock():
        assert mine not in back.objects
        assert back.objects.read(sha) == b"theirs"
    assert not list(back.root.glob("spool/*"))


def test_settings_changed_on_one_machine_stay_and_on_two_are_told(on_machine: OnMachine) -> None:
    store = make(on_machine("a"))
    (store.root / "m5data.toml").write_text("one = 1")
    with store.lock():
        pass
    other = open_at(on_machine("b"))
    (other.root / "m5data.toml").write_text("one = 2")
    commit(store, {"products": products(ids(2))})
    assert open_at(on_machine("b")).snapshot().number == 1
    assert (other.root / "m5data.toml").read_text() == "one = 2"
    (store.root / "m5data.toml").write_text("one = 3")
    commit(store, {"products": products(ids(3))}, settings="t")
    home = on_machine("b")
    assert (open_at(home).root / "m5data.toml").read_text() == "one = 3"
    assert (home.with_name(f"{home.name}.own-1") / "m5data.toml").read_text() == "one = 2"


def test_a_segment_comes_when_an_object_in_it_is_read(far: type[FailingStore], on_machine: OnMachine) -> None:
    store = make(on_machine("a"))
    sha = put(store, b"picture")
    with store.lock(), store.objects.writer("page") as writer:
        page = writer.put(b"<html>", mime="text/html", url="http://shop.example/")
    far.downloads.clear()
    other = open_at(on_machine("b"))
    segments = other.root / "objects"
    assert list(segments.iterdir()) == []
    assert not any("objects" in name for name in far.downloads)
    assert [other.objects.read(sha), other.objects.read(sha)] == [b"picture"] * 2
    assert [path.suffix for path in segments.iterdir()] == [".warc"]
    assert sum("objects" in name for name in far.downloads) == 1
    assert other.objects.page(page).body == b"<html>"
    assert next(segments.glob("page-*.warc.gz")).stat().st_mode & 0o777 == 0o600


def test_a_data_file_comes_when_its_rows_are_read(far: type[FailingStore], on_machine: OnMachine) -> None:
    commit(make(on_machine("a")), {"products": products(ids(9))})
    other = open_at(on_machine("b"))
    assert fetched(other) == []
    assert list(find_damage(other.root)) == []
    far.downloads.clear()
    one = other.snapshot().sql("SELECT product_id FROM products WHERE product_id = 'shop:7'")
    assert one["product_id"].to_pylist() == ["shop:7"]
    assert len(fetched(other)) == sum(name.endswith(".parquet") for name in far.downloads) == 1
    with ThreadPoolExecutor(4) as pool:
        tables = [*pool.map(lambda _: other.snapshot().table("products"), range(4))]
    assert tables == [products(ids(9))] * 4
    assert len(fetched(other)) == sum(name.endswith(".parquet") for name in far.downloads) == 2


def test_a_view_fetches_the_tables_that_it_reads(far: type[FailingStore], on_machine: OnMachine) -> None:
    del far
    held = table("reserve", [{"group_id": "shop:0", "held_out": True, "since": 1}])
    commit(make(on_machine("a")), {"products": products(ids(1)), "reserve": held})
    other = open_at(on_machine("b"))
    assert other.snapshot().sql("SELECT caption FROM ledger")["caption"].to_pylist() == ["present"]
    assert [path.parent.parent.name for path in fetched(other)] == ["products"]


def test_unread_files_stay_there_and_read_ones_are_not_stored(far: type[FailingStore], on_machine: OnMachine) -> None:
    first = make(on_machine("a"))
    sha = put(first, b"picture")
    commit(first, {"products": products(ids(9))})
    before = far.objects()
    other = open_at(on_machine("b"))
    other.objects.read(sha)
    other.snapshot().table("products", only=[0])
    puts = far.writes
    with other.lock():
        pass
    assert far.writes == puts + 3  # of the lease: creation refused, taken, released
    assert {**far.objects(), f"bucket/shop/{LEASE}": before[f"bucket/shop/{LEASE}"]} == before
    commit(other, {"products": products(ids(8))}, settings="t")
    last = open_at(on_machine("c"))
    assert [last.snapshot(number).table("products") for number in (1, 2)] == [products(ids(9)), products(ids(8))]


def test_what_another_machine_removed_is_told_where_it_was_not_read(on_machine: OnMachine) -> None:
    store = make(on_machine("a"))
    commit(store, {"products": products(ids(3))})
    old = open_at(on_machine("b")).snapshot()
    with store.lock():
        for path in data_files(store, "products"):
            path.unlink()
    with pytest.raises(WorkspaceError, match=r"another machine has changed tables/products/.* Open it again"):
        old.table("products")


def test_a_machine_without_a_segment_begins_another_and_both_are_kept(
    far: type[FailingStore], on_machine: OnMachine
) -> None:
    first = put(make(on_machine("a")), b"one")
    other = open_at(on_machine("b"))
    second = put(other, b"two")
    assert len(list((other.root / "objects").iterdir())) == 1
    assert len(names(far, "objects/")) == 2
    third = open_at(on_machine("c"))
    assert [third.objects.read(sha) for sha in (first, second)] == [b"one", b"two"]
    assert list(third.verify_objects()) == []


def test_a_segment_that_was_removed_meanwhile_is_told(far: type[FailingStore], on_machine: OnMachine) -> None:
    sha = put(make(on_machine("a")), b"one")
    other = open_at(on_machine("b"))
    for name in [name for name in far.objects() if "objects/media" in name]:
        far.remove(name)
    with pytest.raises(WorkspaceError, match=r"another machine has changed objects/media-\w+\.warc"):
        other.objects.read(sha)
    assert not segment_file(other.root, "media-000009.warc").exists()


def test_a_pull_that_was_killed_goes_on(
    far: type[FailingStore], on_machine: OnMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make(on_machine("a"))
    commit(store, {"products": products(ids(3))})
    other = open_at(on_machine("b"))
    commit(store, {"products": products(ids(9))}, settings="t")
    commit(store, {"products": products(ids(7))}, settings="u")
    answered = FailingStore.get

    def killed_at_the_version(self: FailingStore, name: str, *, options: "GetOptions | None") -> object:
        if name == "versions/00000003.json":
            raise Killed
        return answered(self, name, options=options)

    monkeypatch.setattr(FailingStore, "get", killed_at_the_version)
    with pytest.raises(Killed):
        open_at(other.root)
    monkeypatch.setattr(FailingStore, "get", answered)
    assert read_record(other.root).incomplete
    far.downloads.clear()
    snapshot = open_at(other.root).snapshot()
    assert {"state.sqlite", "versions/00000003.json"} <= set(far.downloads)  # the state is never assumed unchanged
    assert not any(name.startswith("tables/") for name in far.downloads)
    assert snapshot.table("products") == products(ids(7))


def test_what_was_removed_here_is_removed_there(far: type[FailingStore], on_machine: OnMachine) -> None:
    store = make(on_machine("a"))
    (store.root / "reports").mkdir()
    (store.root / "reports/old.html").write_text("x")
    with store.lock():
        pass
    other = open_at(on_machine("b"))
    assert names(far, "reports/") == ["old.html"]
    (store.root / "reports/old.html").unlink()
    with store.lock():
        pass
    assert names(far, "reports/") == []
    assert not (open_at(other.root).root / "reports/old.html").exists()


def test_a_place_that_has_a_workspace_is_not_made_one(on_machine: OnMachine) -> None:
    make(on_machine("a"))
    home = RemoteWorkspace.of(on_machine("b"))
    assert home is not None
    with pytest.raises(WorkspaceError, match="already a workspace, at dataset version 0"):
        home.make_ready()


def test_a_workspace_of_an_older_version_is_refused(on_machine: OnMachine) -> None:
    ObjectStore(ADDRESS).write("lists/00000001.json", b"{}")
    refused(on_machine("a"), r"m5data 0\.1\.0 stored this workspace in another form\. Copy it to a folder")


def test_a_place_with_other_files_is_not_made_a_workspace(far: type[FailingStore], on_machine: OnMachine) -> None:
    ObjectStore(ADDRESS).write("notes.txt", b"mine")
    home = RemoteWorkspace.of(on_machine("a"))
    assert home is not None
    with pytest.raises(WorkspaceError, match=r"holds other files, notes\.txt for example"):
        home.make_ready()
    assert far.objects() == {"bucket/shop/notes.txt": b"mine"}


def test_a_create_that_was_killed_is_begun_again(far: type[FailingStore], on_machine: OnMachine) -> None:
    far.budget = 3
    with pytest.raises(Killed):
        Workspace.create(on_machine("a"))
    far.budget = None
    assert far.objects()
    # the lease of a process that died
    ObjectStore(ADDRESS).write(LEASE, _encode(replace(ELSEWHERE, renewed="2026-01-01T00:00:00+00:00")))
    Workspace.create(on_machine("b"))
    assert open_at(on_machine("c")).snapshot().number == 0


def test_a_store_that_was_emptied_is_told_and_nothing_here_is_removed(
    far: type[FailingStore], on_machine: OnMachine
) -> None:
    store = make(on_machine("a"))
    commit(store, {"products": products(ids(3))})
    far.empty()
    refused(store.root, "the workspace is gone from the store")
    home = RemoteWorkspace.of(store.root)
    assert home is not None
    with pytest.raises(WorkspaceError, match="the workspace is gone from the store"):
        home.make_ready()
    assert store.snapshot().table("products") == products(ids(3))


def test_a_server_of_answers_is_refused(on_machine: OnMachine, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="m5data copy DIR -w failing://bucket/shop"):
        make(on_machine("a")).require_local("m5data serve")
    Store.create(tmp_path / "folder").require_local("m5data serve")
