"""Text: cleaned captions, their language and length, normalised texts, what captions say of tables."""

from extract.text.language import language
from extract.text.length import length, word_count
from extract.text.mentions import marked, value_parts
from extract.text.normal import clean, normalise
from extract.text.promotion import PROMOTIONS, drop_repeats

__all__ = [
    "PROMOTIONS",
    "clean",
    "drop_repeats",
    "language",
    "length",
    "marked",
    "normalise",
    "value_parts",
    "word_count",
]
