"""Fixtures of the take-down's tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from m5data.workspace import Workspace
from storage import Store
from tests.storage.synthetic import noon
from tests.takedown.planted import plant


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "workspace", buckets=2, clock=noon)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted") / "workspace"
    plant(folder)
    return folder


@pytest.fixture
def folder(planted: Path, tmp_path: Path) -> Iterator[Path]:
    copy = tmp_path / "workspace"
    shutil.copytree(planted, copy)
    yield copy
    Workspace.open(copy).store.objects.close()
