"""Text: normalised captions and specifications."""

from extract.text.length import length
from extract.text.normal import normalise
from extract.text.promotion import PROMOTIONS, drop_repeats

__all__ = ["PROMOTIONS", "drop_repeats", "length", "normalise"]
