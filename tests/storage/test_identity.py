"""The format number of a workspace, and the protection of its key."""

import json
from pathlib import Path

import pytest

from core.errors import CorruptObjectError, WorkspaceError
from storage import Store
from storage.identity import FORMAT, KEY_FILE, Identity, load_or_create_key, read_identity, write_identity


def test_a_new_workspace_has_the_newest_format_and_no_key(store: Store) -> None:
    assert read_identity(store.root) == Identity(FORMAT, None)


@pytest.mark.parametrize(("number", "advice"), [(FORMAT - 1, "Make it again"), (FORMAT + 1, "Upgrade m5data")])
def test_another_format_is_refused_in_one_line(store: Store, number: int, advice: str) -> None:
    write_identity(store.root, Identity(number, None))
    with pytest.raises(WorkspaceError, match=advice) as caught:
        Store.open(store.root)
    assert "\n" not in str(caught.value)


def test_a_missing_record_is_named_with_its_remedy(store: Store) -> None:
    (store.root / "workspace.json").unlink()
    with pytest.raises(CorruptObjectError, match=r"workspace\.json: missing.*m5data repair"):
        Store.open(store.root)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "x", "key": null}', '{"format": 2}', "\0"])
def test_a_damaged_record_is_named(store: Store, content: str) -> None:
    (store.root / "workspace.json").write_text(content)
    with pytest.raises(CorruptObjectError, match=r"workspace\.json: damaged .*m5data repair"):
        Store.open(store.root)


def test_the_key_is_made_once_and_its_fingerprint_noted(store: Store) -> None:
    key = load_or_create_key(store.root)
    assert load_or_create_key(store.root) == key
    noted = json.loads((store.root / "workspace.json").read_text())["key"]
    assert noted
    assert noted not in key.hex()


@pytest.mark.parametrize("content", [None, b"", bytes(31), bytes(32)])
def test_a_lost_or_exchanged_key_is_refused_and_no_new_one_made(store: Store, content: bytes | None) -> None:
    key = load_or_create_key(store.root)
    path = store.root / KEY_FILE
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WorkspaceError, match="Restore the file from a backup or from a copy"):
        load_or_create_key(store.root)
    assert path.exists() == (content is not None)
    path.write_bytes(key)
    assert load_or_create_key(store.root) == key


def test_a_key_whose_note_a_kill_prevented_is_noted_later(store: Store) -> None:
    Path(store.root / KEY_FILE).write_bytes(bytes(range(32)))
    assert load_or_create_key(store.root) == bytes(range(32))
    assert read_identity(store.root).key
