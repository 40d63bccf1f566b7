"""Similarity of captions: shared character runs, numbers and words."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.segmentation import cut_words

__all__ = ["alike", "alike_all", "code_points", "numbers_differ", "same_by_words", "shingles"]

_SHINGLE = 2
"""Characters per run; most Chinese words have two."""
_CODE_BITS = 21  # per Unicode character
_PAIRS = 1 << 16
"""Pairs compared together: a pair's number, a run's 42 bits and one bit for its side fit in 64 bits."""

Codes = NDArray[np.int64]


def shingles(text: str) -> frozenset[str]:
    """Return the runs of two characters of a normalised text, or a shorter text itself."""
    if len(text) < _SHINGLE:
        return frozenset({text} if text else ())
    return frozenset(text[start : start + _SHINGLE] for start in range(len(text) - _SHINGLE + 1))


def alike(one: str, other: str) -> float:
    """Return the Jaccard similarity of the runs of two normalised texts, 0 to 1; 0 if one is empty."""
    left, right = shingles(one), shingles(other)
    return len(left & right) / len(left | right) if left and right else 0.0


def alike_all(one: Sequence[str], other: Sequence[str]) -> NDArray[np.float64]:
    """Return ``alike`` of each pair of texts, [pairs]."""
    blocks = [
        _alike_block(one[start : start + _PAIRS], other[start : start + _PAIRS]) for start in range(0, len(one), _PAIRS)
    ]
    return np.concatenate([np.zeros(0), *blocks])


def _alike_block(one: Sequence[str], other: Sequence[str]) -> NDArray[np.float64]:
    """Sort the runs of both texts of all pairs together: a shared run occurs twice, once per side."""
    keys = np.concatenate([_pair_runs(one) << 1, _pair_runs(other) << 1 | 1])
    keys.sort()
    keys = keys[np.diff(keys, prepend=-1) != 0]
    runs = keys >> 1
    pair = runs >> 2 * _CODE_BITS
    both = np.bincount(pair[1:][runs[1:] == runs[:-1]], minlength=len(one))
    every = np.bincount(pair, minlength=len(one)) - both
    return np.where(every > 0, both / np.maximum(every, 1), 0.0)


def _pair_runs(texts: Sequence[str]) -> Codes:
    """Return the runs of all texts, each prefixed with its text's number; a text of one character has one run."""
    letters, lengths = code_points(texts)
    number = np.repeat(np.arange(len(texts)), lengths)
    following = np.append(letters[1:], 0)
    ends = np.cumsum(lengths)[lengths > 0] - 1
    following[ends] = 0
    within = np.ones(len(letters), dtype=np.bool_)
    within[ends[lengths[lengths > 0] >= _SHINGLE]] = False
    runs: Codes = (number << 2 * _CODE_BITS) | (letters << _CODE_BITS) | following
    return runs[within]


def code_points(texts: Sequence[str]) -> tuple[Codes, Codes]:
    """Return the characters of all texts as numbers, concatenated, and the length of each text."""
    letters = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.int64)
    return letters, np.fromiter(map(len, texts), np.int64, len(texts))


_ONE_WORD_MORE = 0.93
"""Minimum similarity of two captions if one has all words of the other."""

_NUMBER = re.compile(r"[a-z]*[0-9][a-z0-9]*(?:[.\-/][a-z0-9]+)*")


def numbers_differ(one: str, other: str) -> bool:
    """Return whether each of two normalised captions has a number or model that the other lacks.

    ``kdl40l5000`` and ``kdl46l5000`` are two products, however long the rest of their captions is.
    """
    left, right = set(_NUMBER.findall(one)), set(_NUMBER.findall(other))
    return bool(left - right and right - left)


def same_by_words(one: str, other: str) -> bool:
    """Return whether the words of two normalised captions alone show that they name one product.

    Either they have the same words in any order; or one has all words of the other and at most about one more in
    fifteen, with the same numbers: ``clear case`` and ``clear case red`` are two products.
    """
    left, right = _words(one), _words(other)
    if left == right:
        return True
    more = (left <= right or right <= left) and alike(one, other) >= _ONE_WORD_MORE
    return more and set(_NUMBER.findall(one)) == set(_NUMBER.findall(other))


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in cut_words(text) if any(sign.isalnum() for sign in word))
