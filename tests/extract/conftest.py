"""Synthetic images."""

from tests.media.conftest import encode, picture

__all__ = ["encode", "picture"]
