"""Fixtures of killed take-downs: those of the fast tests."""

from tests.takedown.conftest import folder

__all__ = ["folder"]
