"""Small files of a workspace that are damaged: one line that names the file and the remedy."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import CorruptObjectError, M5DataError
from core.small_files import read_json
from storage import Store
from storage.files import Layout
from storage.versions import read_version
from takedown.forget import PENDING, finish_takedown
from tests.storage.synthetic import commit, products

DEEP = b"[" * 200_000
CONTENTS = [b"", b"{", b"[]", b"3", b"null", b'"x"', b"{}", b"\xff\xfe", DEEP, b'{"a": ' * 100_000, b'{"number": "1"}']


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: repr(content[:12]))
def test_damaged_version_is_named_in_one_line(store: Store, content: bytes) -> None:
    commit(store, {"products": products(["shop:1"])})
    path = store.root / "versions/00000001.json"
    path.write_bytes(content)
    with pytest.raises(
        CorruptObjectError, match=r"00000001.json: damaged \(.*\)\. Restore it from a backup, or run m5data"
    ):
        read_version(Layout(store.root), 1)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("number", 2), ("number", "1"), ("number", True), ("buckets", 0), ("buckets", 10**9), ("buckets", "4"),
        ("parent", "x"), ("tables", []), ("tables", {"products": "1"}), ("tables", {"products": None}), ("created", 5),
        ("created", "yesterday"), ("stages", []), ("stages", {"a": {}}), ("indexed", 1.5), ("unknown", 1),
    ],
)  # fmt: skip
def test_version_with_values_of_another_kind_is_damaged(store: Store, key: str, value: Any) -> None:  # noqa: ANN401
    commit(store, {"products": products(["shop:1"])})
    path = store.root / "versions/00000001.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), key: value}))
    with pytest.raises(CorruptObjectError, match=r"versions/00000001.json: damaged"):
        read_version(Layout(store.root), 1)


@pytest.mark.parametrize("content", [one for one in CONTENTS if one], ids=lambda content: repr(content[:12]))
@pytest.mark.parametrize("name", [PENDING, "staging/manifest.json", "workspace.json"])
def test_damaged_journal_stops_with_one_line(store: Store, name: str, content: bytes) -> None:
    commit(store, {"products": products(["shop:1"])})
    path = store.root / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    said = ""
    try:
        opened = Store.open(store.root)
        with opened.lock():
            finish_takedown(opened)
    except M5DataError as error:
        said = str(error)
    has_nothing_to_finish = (name, content) == ("staging/manifest.json", b"{}")
    assert (name in said, "\n" in said) == (not has_nothing_to_finish, False)


@pytest.mark.parametrize(
    "span", [["../state.sqlite", 0, 9], ["page-000001.warc.gz", -1, 9], ["x", 0, 1], [1, 2], "abc"]
)
def test_journal_of_erasing_names_only_ranges_of_segments(store: Store, span: Any) -> None:  # noqa: ANN401
    from storage.erasure import finish_erasing  # noqa: PLC0415
    from tests.storage.synthetic import NOON  # noqa: PLC0415

    (store.root / "takedown.journal").write_text(json.dumps([span]))
    with pytest.raises(CorruptObjectError, match=r"takedown.journal: damaged"):
        finish_erasing(store.root, NOON)


def test_large_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"[" + b" " * 1000 + b"]")
    with pytest.raises(CorruptObjectError, match=r"a.json: damaged \(larger than 1,000 bytes\). Remove it."):
        read_json(tmp_path / "a.json", list, "Remove it.", largest=1000)
    assert read_json(tmp_path / "a.json", list, "Remove it.", largest=1002) == []
