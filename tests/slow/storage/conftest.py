"""Fixtures of the store's slow tests: those of the quick ones."""

from tests.storage.conftest import store
from tests.storage.remote.conftest import far, on_machine

__all__ = ["far", "on_machine", "store"]
