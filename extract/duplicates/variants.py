"""Captions of variants: two that are nearly the same and yet name different products."""

import re

from extract.duplicates.similarity import alike
from m5data.segmentation import cut_words

__all__ = ["numbers_differ", "same_by_words"]

_ONE_WORD_MORE = 0.93
"""Least similarity of captions of which one has all words of the other."""

_NUMBER = re.compile(r"[a-z]*[0-9][a-z0-9]*(?:[.\-/][a-z0-9]+)*")


def numbers_differ(one: str, other: str) -> bool:
    """Return whether each of two normalised captions has a number or model that the other lacks.

    ``kdl40l5000`` and ``kdl46l5000`` are two products, however long the rest of their captions is.
    """
    left, right = set(_NUMBER.findall(one)), set(_NUMBER.findall(other))
    return bool(left - right and right - left)


def same_by_words(one: str, other: str) -> bool:
    """Return whether the words of two normalised captions alone tell that they name one product.

    They have the same words in any order, or one has all words of the other and at most about one more in fifteen, and
    the same numbers: ``clear case`` and ``clear case red`` are two products.
    """
    left, right = _words(one), _words(other)
    if left == right:
        return True
    more = (left <= right or right <= left) and alike(one, other) >= _ONE_WORD_MORE
    return more and set(_NUMBER.findall(one)) == set(_NUMBER.findall(other))


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in cut_words(text) if any(sign.isalnum() for sign in word))
