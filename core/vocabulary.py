"""Vocabularies: patterns that find words of many languages in text, ignoring case and accents.

A vocabulary is text with lines ``language: word, word, …``. A word matches the start of words in languages that
separate words and may continue (``farb`` finds ``Farbe``), unless it ends in a full stop (``typ.``). In other languages
it matches anywhere. Between the words of a phrase, spaces, hyphens, underscores, full stops and nothing are equivalent.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["alternatives", "anywhere_pattern", "squash"]

_UNSPACED = frozenset(("any", "ja", "ko", "th", "zh"))
"""Languages that do not separate words. ``any`` holds parts of names that are written as one word."""
_NO_ACCENT = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "đ": "d", "ı": "i"})
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u3099\u309a]")


@lru_cache(maxsize=4096)
def squash(text: str) -> str:
    """Return text in lower case and without accents, as the patterns of this module expect it."""
    low = text.casefold()
    return low if low.isascii() else _MARKS.sub("", unicodedata.normalize("NFKD", low)).translate(_NO_ACCENT)


def anywhere_pattern(vocabularies: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for ``search`` that finds a word of the vocabularies in squashed text."""
    spaced, unspaced = alternatives(vocabularies)
    return re.compile(f"(?<![^\\W_])(?:{spaced})|(?:{unspaced})" if unspaced else f"(?<![^\\W_])(?:{spaced})")


def alternatives(vocabularies: Iterable[str]) -> tuple[str, str]:
    """Return the alternatives of languages with and without spaces between words."""
    spaced: dict[str, None] = {}
    unspaced: dict[str, None] = {}
    for vocabulary in vocabularies:
        for line in vocabulary.splitlines():
            language, _, words = line.partition(":")
            target = unspaced if language in _UNSPACED else spaced
            if not line.startswith("#"):
                target.update(dict.fromkeys(_compiled(word) for word in words.split(",") if word.strip()))
    return "|".join(spaced), "|".join(unspaced)


def _compiled(word: str) -> str:
    stem = squash(word.strip())
    whole = stem.endswith(".")
    return r"[\s_.-]*".join(map(re.escape, stem.rstrip(".").split())) + (r"(?![^\W_])" if whole else "")
