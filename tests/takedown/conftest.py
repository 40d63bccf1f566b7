"""Fixtures for the tests of the take-down."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import Store
from tests.storage.synthetic import noon
from workspace import Workspace


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "workspace", buckets=2, clock=noon)


@pytest.fixture
def folder(planted_once: Path, tmp_path: Path) -> Iterator[Path]:
    copy = tmp_path / "workspace"
    shutil.copytree(planted_once, copy)
    yield copy
    Workspace.open(copy).store.objects.close()
