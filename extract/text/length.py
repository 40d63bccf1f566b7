"""The length of a caption."""

import unicodedata

__all__ = ["length"]


def length(text: str) -> int:
    """Return a text's length in characters, as people count: no white space, no combining marks.

    The papers give caption lengths (20-40 words in M5Product, 49 characters on average in
    MEP-3M) without saying how they count.
    """
    return sum(1 for sign in text if not sign.isspace() and not unicodedata.combining(sign))
