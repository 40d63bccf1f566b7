"""Fixtures for the tests of the take-down."""

from pathlib import Path

import pytest

from storage import Store
from tests.storage.synthetic import noon


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "workspace", buckets=2, clock=noon)
