"""Fixtures of killed take-downs, shared with the fast tests."""

from tests.takedown.conftest import folder

__all__ = ["folder"]
