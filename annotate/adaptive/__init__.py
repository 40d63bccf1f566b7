"""Fewer judgements for the same error: ask again only where it is still open, and there first."""

from annotate.adaptive.consequences import find_consequences
from annotate.adaptive.doubt import Doubt, doubt, rests

__all__ = ["Doubt", "doubt", "find_consequences", "rests"]
