"""Words of a text, as the content similarity counts them: jieba's segmentation, simtext's tokens."""

import re
from collections import Counter
from collections.abc import Iterator

from align.segmentation import cut_words

__all__ = ["count_words", "has_chinese"]

_CHINESE = re.compile("[\u4e00-\u9fff]")
# Tokens of scikit-learn's CountVectorizer, which simtext uses: two word characters or more.
_TOKEN = re.compile(r"\b\w\w+\b")


def has_chinese(text: str) -> bool:
    """Return whether a text holds at least one character of the main block of Chinese."""
    return _CHINESE.search(text) is not None


def count_words(text: str, *, segment: bool) -> Counter[str]:
    """Return how often each word stands in a text, lower-cased; one-character words do not count.

    The words are those of simtext 1.2, which MEP-3M's measure was taken with: the text is cut by
    jieba (``segment``), the pieces joined by spaces, and every run of at least two letters,
    digits or underscores in that is a word. So ``T恤`` is one word and ``3.5`` none.
    """
    if not segment:
        return Counter(_TOKEN.findall(text.lower()))
    counted: Counter[str] = Counter()
    for piece, times in Counter(cut_words(text)).items():
        for word in _tokens(piece):
            counted[word] += times
    return counted


def _tokens(piece: str) -> Iterator[str]:
    """Yield the words of a piece that stands between spaces."""
    if len(piece) > 1:
        yield from _TOKEN.findall(piece.lower())
