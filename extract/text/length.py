"""The length of a caption, in characters and in words."""

import unicodedata

from m5data.segmentation import cut

__all__ = ["length", "word_count"]


def length(text: str) -> int:
    """Return a text's length in characters, as people count: no white space, no combining marks.

    The papers give caption lengths (20-40 words in M5Product, 49 characters on average in
    MEP-3M) without saying how they count.
    """
    return sum(1 for sign in text if not sign.isspace() and not unicodedata.combining(sign))


def word_count(text: str) -> int:
    """Return a text's length in words: pieces that jieba cuts it into, those without a letter or digit left out."""
    return sum(1 for piece in cut(text) if any(sign.isalnum() for sign in piece))
