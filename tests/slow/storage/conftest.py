"""Fixtures of the store's slow tests, shared with the fast ones."""

from tests.storage.conftest import far, on_machine, store

__all__ = ["far", "on_machine", "store"]
