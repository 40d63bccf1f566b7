"""Workspaces in an object store, each opened by several machines: folders of working copies."""

from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest

from storage.remote import working_copy
from storage.remote.local_copy import WORKING_COPIES
from tests.storage.remote.failing_store import FailingStore

ADDRESS = "failing://bucket/shop"
OnMachine = Callable[[str], Path]


@pytest.fixture
def far() -> Iterator[type[FailingStore]]:
    """An empty object store."""
    fsspec.register_implementation("failing", FailingStore, clobber=True)
    FailingStore.empty()
    yield FailingStore
    FailingStore.empty()


@pytest.fixture
def on_machine(far: type[FailingStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OnMachine:
    """Return the working copy of a machine by its name."""

    def folder(name: str) -> Path:
        monkeypatch.setenv(WORKING_COPIES, str(tmp_path / name))
        return working_copy(ADDRESS)

    return folder
