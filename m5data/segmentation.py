"""Words of a text: jieba's segmentation, several times as fast, and simtext's tokens."""

import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib import resources
from math import log

with warnings.catch_warnings():
    # jieba 0.42 warns on import: invalid escapes in its patterns, and pkg_resources.
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    from jieba import Tokenizer, re_han_default, re_skip_default
    from jieba.finalseg import cut as cut_unknown

__all__ = ["count_words", "cut_words", "has_chinese"]

_PREFIX = 0.0
"""Weight of a text that begins words and is not a word; the weights of words are negative."""
_NEVER = float("-inf")
_CACHED_RUNS = 1 << 16
"""Runs of single characters whose segmentation is cached."""
_CHINESE = re.compile("[\u4e00-\u9fff]")
# Tokens of scikit-learn's CountVectorizer, which simtext uses: two word characters or more.
_TOKEN = re.compile(r"\b\w\w+\b")


def cut_words(text: str) -> Iterator[str]:
    """Yield the words of ``jieba.lcut(text)`` in order, from jieba's own dictionary and weights.

    The most probable path equals jieba's to the last bit of the sums, and ties go to the longer word
    as in jieba. This is faster because each logarithm is taken once instead of once per word of the
    text, and the hidden Markov model runs once per run of single characters.
    """
    for block in re_han_default.split(text):
        if re_han_default.match(block):
            yield from _cut_block(block)
        elif block:
            for piece in re_skip_default.split(block):
                if re_skip_default.match(piece):
                    yield piece
                else:
                    yield from piece


def _cut_block(block: str) -> Iterator[str]:
    """Yield the words of a block without separators."""
    ends = _best_ends(block, *_weights())
    known = _weights()[0]
    start, single = 0, 0
    while start < len(block):
        end = ends[start]
        if end - start > 1:
            yield from _cut_single(block[single:start], known)
            yield block[start:end]
            single = end
        start = end
    yield from _cut_single(block[single:], known)


def _best_ends(block: str, weights: Mapping[str, float], unknown: float) -> list[int]:
    """Return the end of the word that begins at each character, on the most probable path."""
    length = len(block)
    scores = [0.0] * (length + 1)
    ends = list(range(1, length + 1))
    find = weights.get
    for start in range(length - 1, -1, -1):
        best = (find(block[start]) or unknown) + scores[start + 1]
        stop = start + 2
        weight = find(block[start:stop]) if stop <= length else None
        if weight is not None:
            if not find(block[start]):
                best = _NEVER  # jieba: a mere prefix is not a word if a longer word follows
            while weight is not None:
                if weight and weight + scores[stop] >= best:
                    best, ends[start] = weight + scores[stop], stop
                stop += 1
                weight = find(block[start:stop]) if stop <= length else None
            if best == _NEVER:
                best = unknown + scores[start + 1]
        scores[start] = best
    return ends


def _cut_single(run: str, weights: Mapping[str, float]) -> Iterator[str]:
    """Yield the words of a run of single characters, which may contain unknown words."""
    if len(run) < 2 or weights.get(run):
        yield from run
    else:
        yield from _cut_unknown(run)


@lru_cache(_CACHED_RUNS)
def _cut_unknown(run: str) -> tuple[str, ...]:
    return tuple(cut_unknown(run))


@cache
def _weights() -> tuple[dict[str, float], float]:
    """Return the log probability of each word (``_PREFIX`` for mere prefixes), and that of a count of 1."""
    with (resources.files("jieba") / "dict.txt").open("rb") as lines:
        counts, total = Tokenizer.gen_pfdict(lines)
    rest = log(total)
    return {word: log(count) - rest if count else _PREFIX for word, count in counts.items()}, log(1) - rest


def has_chinese(text: str) -> bool:
    """Return whether a text contains a character of the main Chinese block."""
    return _CHINESE.search(text) is not None


def count_words(text: str, *, segment: bool) -> Counter[str]:
    """Return the number of occurrences of each word of a text, in lower case, without one-character words.

    Words are those of simtext 1.2, which MEP-3M used: jieba segments the text (if ``segment``), the
    pieces are joined by spaces, and every run of at least two letters, digits or underscores is a
    word. So ``T恤`` is one word, and ``3.5`` is none.
    """
    if not segment:
        return Counter(_TOKEN.findall(text.lower()))
    counted: Counter[str] = Counter()
    for piece, times in Counter(cut_words(text)).items():
        for word in _tokens(piece):
            counted[word] += times
    return counted


def _tokens(piece: str) -> Iterator[str]:
    """Yield the words of one piece of a segmented text."""
    if len(piece) > 1:
        yield from _TOKEN.findall(piece.lower())
