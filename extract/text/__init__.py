"""Texts: cleaned captions, their language and length, and their agreement with specification tables."""

from extract.text.agreement import marked, value_parts
from extract.text.cleaning import (
    PROMOTIONS,
    clean,
    drop_repeats,
    language,
    length,
    normalise,
    normalise_all,
    word_count,
)

__all__ = [
    "PROMOTIONS",
    "clean",
    "drop_repeats",
    "language",
    "length",
    "marked",
    "normalise",
    "normalise_all",
    "value_parts",
    "word_count",
]
