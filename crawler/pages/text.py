"""Text of pages: white space and markup removed, and vocabularies of shops in many languages.

A vocabulary is a file ``words/<name>.txt`` with lines ``language: word, word, …``. A word matches the start of words
in languages that separate words and may continue (``farb`` finds ``Farbe``), unless it ends in a full stop (``typ.``).
In other languages it matches anywhere. Accents and case do not count. Inside a phrase, space, hyphen, underscore and
nothing at all are equal.
"""

import html
import re
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files

__all__ = ["anywhere", "as_a_whole", "at_start", "fold", "plain", "squash", "storable"]

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"))
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_BREAK = re.compile(r"<(?:br|/p|/li|/div|/tr|/h\d)\b[^<>]*>", re.IGNORECASE)


def fold(text: str) -> str:
    """Return ``text`` with white space collapsed to single spaces and without invisible characters."""
    folded = " ".join(text.split())
    return folded if folded.isascii() else " ".join(folded.translate(_INVISIBLE).split())


_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_NO_CHARACTER = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""Halves of characters, which JSON can hold and UTF-8 cannot, and two numbers that are no characters."""


def storable(text: str) -> str:
    """Return text as tables, files and databases can hold it: without control characters and halves of characters."""
    if text.isascii():
        return text if text.isprintable() else _CONTROL.sub("", text)
    return _NO_CHARACTER.sub("\ufffd", _CONTROL.sub("", text))


def plain(text: str) -> str:
    """Return text without tags and with entities decoded, also those encoded twice."""
    for _ in range(2):
        if "&" not in text:
            break
        text = html.unescape(text)
    if "<" in text:
        text = _TAG.sub("", _BREAK.sub(" ", _without_comments(text)))
    return fold(text)


def _without_comments(text: str) -> str:
    """Return text without comments, in one pass; one that does not end stays, as a pattern would leave it."""
    kept: list[str] = []
    at = 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        kept.append(text[at:start])
        at = end + 3
    return "".join(kept) + text[at:]


_UNSPACED = frozenset(("any", "ja", "ko", "th", "zh"))
"""Languages that do not separate words. ``any`` holds parts of names that are written as one word."""
_NO_ACCENT = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "đ": "d", "ı": "i"})
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u3099\u309a]")


@lru_cache(maxsize=4096)
def squash(text: str) -> str:
    """Return text in lower case and without accents, as the patterns of this module expect it."""
    low = text.casefold()
    return low if low.isascii() else _MARKS.sub("", unicodedata.normalize("NFKD", low)).translate(_NO_ACCENT)


@cache
def anywhere(*names: str) -> re.Pattern[str]:
    """Return a pattern for ``search`` that finds a word of the vocabularies in squashed text."""
    spaced, unspaced = _alternatives(names)
    return re.compile(f"(?<![^\\W_])(?:{spaced})|(?:{unspaced})" if unspaced else f"(?<![^\\W_])(?:{spaced})")


@cache
def as_a_whole(*names: str) -> re.Pattern[str]:
    """Return a pattern for ``fullmatch`` of squashed text with a word of the vocabularies."""
    return re.compile("|".join(part for part in _alternatives(names) if part))


@cache
def at_start(*names: str) -> re.Pattern[str]:
    """Return a pattern for ``match`` of squashed text that starts with a word of the vocabularies."""
    return re.compile(f"\\W*(?:{'|'.join(part for part in _alternatives(names) if part)})")


def _alternatives(names: tuple[str, ...]) -> tuple[str, str]:
    """Return the alternatives of languages with and without spaces between words."""
    spaced: dict[str, None] = {}
    unspaced: dict[str, None] = {}
    for name in names:
        for line in files("crawler.pages").joinpath(f"words/{name}.txt").read_text(encoding="utf-8").splitlines():
            language, _, words = line.partition(":")
            target = unspaced if language in _UNSPACED else spaced
            if not line.startswith("#"):
                target.update(dict.fromkeys(_compiled(word) for word in words.split(",") if word.strip()))
    return "|".join(spaced), "|".join(unspaced)


def _compiled(word: str) -> str:
    stem = squash(word.strip())
    whole = stem.endswith(".")
    return r"[\s_.-]*".join(map(re.escape, stem.rstrip(".").split())) + (r"(?![^\W_])" if whole else "")
