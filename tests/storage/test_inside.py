"""Paths that data names stay inside their folder, and links are refused."""

import os
import re
import shutil
from pathlib import Path

import duckdb
import pytest

from core.errors import CorruptObjectError, WorkspaceError
from core.paths import UnsafePathError, files_below, inside, is_plain
from storage import Store
from storage.copying import copy_files
from storage.inside import check_links, oddities
from storage.untrusted import check_untrusted
from tests.storage.synthetic import commit, noon, products


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "a//b", "a/./b", "a\0b", "a\nb", "\udcff", "a/", "é" * 128],
)
def test_names_that_lead_out_are_refused(name: str, tmp_path: Path) -> None:
    assert not is_plain(name)
    with pytest.raises(UnsafePathError, match="does not name a file inside it"):
        inside(tmp_path, name)


@pytest.mark.parametrize("name", ["a", "a/b.parquet", "..a", "a..b/c", "é 画/*?[x]", ".m5data/record.json"])
def test_plain_names_are_paths_below_the_folder(name: str, tmp_path: Path) -> None:
    assert inside(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize("name", ["link", "link/file", "folder/link", "folder/link/x"])
def test_links_on_the_way_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for place in ("link", "folder/link"):
        (tmp_path / place).symlink_to(tmp_path.parent)
    with pytest.raises(UnsafePathError, match="a link, and m5data follows none"):
        inside(tmp_path, name)


def test_links_are_not_followed_in_search(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret").write_text("x")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_text("x")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "other").symlink_to(tmp_path / "out" / "secret")
    assert list(files_below(tmp_path / "in")) == [tmp_path / "in" / "file"]
    assert list(files_below(tmp_path / "in" / "link")) == []


PLACES = [
    *("tables", "objects", "versions", "logs", "reports", "receipts", "certificates", "frontiers", "shards", "prefect"),
    *("tables/products", "tables/products/bucket=0", "tables/products/_delta_log", "tables/products/notes"),
    *("objects/page-000001.warc.gz", "logs/run.jsonl", "state.sqlite", "index.sqlite-wal", "lock", "secret.key"),
    *("frontiers/shop.sqlite", "shards/demo", "shards/demo/parquet", "takedown.journal"),
]


@pytest.mark.parametrize("place", PLACES)
def test_workspace_with_a_link_in_place_of_its_files_is_refused(store: Store, tmp_path: Path, place: str) -> None:
    path = store.root / place
    (tmp_path / "victim").mkdir()
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.symlink_to(tmp_path / "victim")
    with pytest.raises(WorkspaceError, match="a link, and m5data follows none inside a workspace"):
        Store.open(store.root, clock=noon)
    assert list((tmp_path / "victim").iterdir()) == []


@pytest.mark.parametrize("place", ["state.sqlite", "logs/run.jsonl", "objects/media-000001.warc", "frontiers/s.sqlite"])
def test_file_with_a_second_name_is_not_changed_in_place(store: Store, tmp_path: Path, place: str) -> None:
    (tmp_path / "victim").write_text("mine")
    path = store.root / place
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.hardlink_to(tmp_path / "victim")
    with pytest.raises(
        UnsafePathError, match=re.escape(f"{path}: a file with 2 names (hard links). Put a file of its")
    ):
        Store.open(store.root)


@pytest.mark.parametrize("place", ["logs/run.jsonl", "versions/00000007.json", "lock", "tables/products/x"])
def test_pipe_in_place_of_a_file_is_refused(store: Store, place: str) -> None:
    path = store.root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with pytest.raises(UnsafePathError, match="a pipe, a socket or a device"):
        Store.open(store.root)


def test_oddities_are_listed_by_path(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    for name in ("inner/A", "inner/a", "line\nbreak", "plain"):
        (folder / name).write_text("x")
    (folder / "second").hardlink_to(folder / "plain")
    (folder / "way").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    assert list(oddities(folder)) == [
        f"{folder}/line\nbreak: its name has control characters, or is no text",
        f"{folder}/pipe: a pipe, a socket or a device",
        f"{folder}/plain: a file with 2 names (hard links)",
        f"{folder}/second: a file with 2 names (hard links)",
        f"{folder}/way: a link to /etc",
        f"{folder}/inner/a: on some file systems the same name as A",
    ]
    with pytest.raises(UnsafePathError, match="break: its name has control characters"):
        check_untrusted(folder)


def test_links_that_people_made_beside_are_no_fault(store: Store, tmp_path: Path) -> None:
    (store.root / "my-images").symlink_to(tmp_path)
    check_links(store.root)


@pytest.mark.parametrize("place", ["notes", "mine/deep/link", "tables/products/deep/notes"])
def test_copy_with_a_link_is_refused_before_it_begins(store: Store, tmp_path: Path, place: str) -> None:
    (tmp_path / "secret").write_text("not yours")
    link = store.root / place
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(tmp_path / "secret")
    with pytest.raises(UnsafePathError, match=f"{place}: a link, and a copy holds no files from elsewhere"):
        copy_files(store.root, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("path", ["../../other.parquet", "/etc/passwd", "bucket=0/..%2F..%2Fx.parquet"])
def test_log_that_names_a_file_elsewhere_is_damaged(store: Store, path: str) -> None:
    commit(store, {"products": products(["shop:1", "shop:2", "shop:3"])})
    entry = next(iter(sorted((store.root / "tables/products/_delta_log").glob("*.json"))))
    text = entry.read_text()
    start = text.index('"path":"') + len('"path":"')
    entry.write_text(text[:start] + path + text[text.index('"', start) :])
    with pytest.raises(CorruptObjectError, match="is not a file of the table"):
        Store.open(store.root).snapshot().table("products")


def test_path_of_a_log_is_no_pattern(store: Store) -> None:
    commit(store, {"products": products(["shop:1", "shop:2", "shop:3"])})
    log = store.root / "tables/products/_delta_log"
    for entry in log.glob("*.json"):
        entry.write_text(re.sub(r"(bucket=\d+/)[^\"]*[.]parquet", r"\1*.parquet", entry.read_text()))
    with pytest.raises(duckdb.IOException, match=r"No files found that match the pattern .*\[\*\][.]parquet"):
        Store.open(store.root).snapshot().table("products")
