"""Fixtures for the tests of the store."""

from pathlib import Path

import psutil
import pytest

from storage import Store
from tests.storage.machines import far, on_machine
from tests.storage.synthetic import noon

__all__ = ["far", "has_ended", "on_machine", "store"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "workspace", buckets=4, clock=noon)


def has_ended(process: int) -> bool:
    """Return whether a process is gone or a zombie; it may disappear at any moment."""
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
