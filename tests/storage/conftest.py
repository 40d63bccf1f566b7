"""Fixtures for the tests of the store."""

from pathlib import Path

import pytest

from storage import Store
from tests.storage.machines import far, on_machine
from tests.storage.synthetic import noon

__all__ = ["far", "on_machine", "store"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "workspace", buckets=4, clock=noon)
