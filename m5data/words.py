"""Words of a text, as the content similarity and the report count them: jieba's segmentation, simtext's tokens."""

import re
import warnings
from collections import Counter
from functools import cache
from importlib import resources

with warnings.catch_warnings():
    # jieba 0.42 has invalid escapes in its patterns and looks for pkg_resources: both warn on import.
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    import jieba

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
    spaced = " ".join(_tokenizer().lcut(text)) if segment else text
    return Counter(_TOKEN.findall(spaced.lower()))


@cache
def _tokenizer() -> jieba.Tokenizer:
    """Return a tokenizer of our own with jieba's dictionary.

    Filled here and not by ``initialize``, which logs to the terminal and keeps a cache file in
    the shared temporary folder, where parallel runs meet and strangers may write.
    """
    tokenizer = jieba.Tokenizer()
    with (resources.files("jieba") / "dict.txt").open("rb") as lines:
        tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(lines)
    tokenizer.initialized = True
    return tokenizer
