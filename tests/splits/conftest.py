"""Fixtures for the tests of splits."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from core.stage import StageReport
from storage import Store
from tests.splits.synthetic import NOON

Fill = Callable[[Mapping[str, pa.Table]], Store]


@pytest.fixture
def fill(tmp_path: Path) -> Fill:
    """Return a function that replaces tables of a new store."""
    store = Store.create(tmp_path / "workspace", buckets=2, clock=lambda: NOON)

    def write(tables: Mapping[str, pa.Table]) -> Store:
        with store.stage("synthetic", settings=str(store.snapshot().number)) as stage:
            for name, table in tables.items():
                stage.write(name, table)
            stage.commit(StageReport("synthetic", 0, 0))
        return store

    return write
