"""Workspaces in an object store, opened by several machines, each a folder of working copies."""

from collections.abc import Callable
from pathlib import Path

import pytest

from storage import Store
from storage.remote_workspace import RemoteWorkspace
from storage.working_copy import WORKING_COPIES, working_copy
from tests.storage.failing_store import FailingStore, serve_failing_urls
from tests.storage.synthetic import noon

ADDRESS = "failing://bucket/shop"
OnMachine = Callable[[str], Path]


def make(folder: Path) -> Store:
    store = Store.create(folder, buckets=2, clock=noon)
    with store.persist_state():
        return store


def open_at(folder: Path) -> Store:
    home = RemoteWorkspace.of(folder)
    assert home is not None
    home.refresh()
    return Store.open(folder, clock=noon)


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> type[FailingStore]:
    """Return an empty object store."""
    serve_failing_urls(monkeypatch)
    return FailingStore


@pytest.fixture
def on_machine(far: type[FailingStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OnMachine:
    """Return a function that returns a machine's working copy by name."""

    def folder(name: str) -> Path:
        monkeypatch.setenv(WORKING_COPIES, str(tmp_path / name))
        return working_copy(ADDRESS)

    return folder
