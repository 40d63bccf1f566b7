"""Fixtures of the store's slow tests: those of the quick ones."""

from tests.storage.conftest import far, on_machine, store

__all__ = ["far", "on_machine", "store"]
