"""Words of a text: jieba's segmentation at several times its speed, and simtext's tokens."""

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources

import rjieba

with warnings.catch_warnings():
    # jieba 0.42 warns on import: invalid escapes in its patterns, and pkg_resources.
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    from jieba import Tokenizer, re_han_default

__all__ = ["count_words", "cut_words", "has_chinese"]

_CHINESE = re.compile("[\u4e00-\u9fff]")
# Signs that are part of no word in rjieba or jieba, so both split texts with them alike.
_PLAIN_TEXT = re.compile("[\u4e00-\u9fd5a-zA-Z0-9 !()*,/:;<=>?@~，。、：；！？（）【】《》]*")
# Blocks with signs within words, as jieba's own pattern finds them; then the separators of other blocks.
_SIGNED = re.compile(
    r"(?<![\u4e00-\u9fd5a-zA-Z0-9+#&._%\-])[\u4e00-\u9fd5a-zA-Z0-9]*[+#&._%\-][\u4e00-\u9fd5a-zA-Z0-9+#&._%\-]*"
)
_PART = re.compile("[^\u4e00-\u9fd5a-zA-Z0-9]+")
# Tokens of scikit-learn's CountVectorizer, which simtext uses: two word characters or more.
_TOKEN = re.compile(r"\b\w\w+\b")


def cut_words(text: str) -> Iterator[str]:
    """Yield the words of ``jieba.lcut(text)`` in order.

    rjieba, jieba in Rust, returns the same words for blocks of letters, digits and Chinese characters. It splits signs
    within a word differently (``3.5``, ``U.S.``), so jieba itself segments blocks with signs.
    """
    if _PLAIN_TEXT.fullmatch(text):
        yield from rjieba.cut(text)
        return
    plain = ""
    for block in re_han_default.split(text):
        if _PLAIN_TEXT.fullmatch(block):
            plain += block
            continue
        yield from rjieba.cut(plain)
        plain = ""
        yield from _jieba().cut(block)
    yield from rjieba.cut(plain)


@cache
def _jieba() -> Tokenizer:
    """Return jieba with its dictionary, without writing its cache file."""
    tokenizer = Tokenizer()
    with (resources.files("jieba") / "dict.txt").open("rb") as lines:
        tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(lines)
    tokenizer.initialized = True
    return tokenizer


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
    # Only letters, digits and Chinese characters can form words of two characters; all others separate words.
    pieces = Counter(rjieba.cut(_PART.sub(" ", _SIGNED.sub(" ", text))))
    for block in _SIGNED.findall(text):
        pieces.update(_jieba().cut(block))
    counted: Counter[str] = Counter()
    for piece, times in pieces.items():
        for word in _tokens(piece):
            counted[word] += times
    return counted


@lru_cache(1 << 17)
def _tokens(piece: str) -> tuple[str, ...]:
    """Return the words of one piece of a segmented text."""
    return tuple(_TOKEN.findall(piece.lower())) if len(piece) > 1 else ()
