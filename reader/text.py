"""Cleaning of page texts, and vocabularies of shops in many languages.

A vocabulary is a file ``words/<name>.txt`` in the form of ``core.vocabulary``.
"""

import html
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files

from core.vocabulary import alternatives, anywhere_pattern, squash

__all__ = [
    "anywhere",
    "as_a_whole",
    "at_start",
    "fold",
    "key_of",
    "keys_of",
    "paragraphs",
    "plain",
    "squash",
    "starts",
    "storable",
]

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"))
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_BREAK = re.compile(r"<(?:br|/p|/li|/ul|/ol|/div|/tr|/h\d)\b[^<>]*>", re.IGNORECASE)


def fold(text: str) -> str:
    """Return ``text`` with white space collapsed to single spaces and without invisible characters."""
    folded = " ".join(text.split())
    return folded if folded.isascii() else " ".join(folded.translate(_INVISIBLE).split())


@lru_cache(maxsize=16_384)
def key_of(text: str) -> str:
    """Return a text without case, spaces and punctuation, for comparisons."""
    return _NO_WORD.sub("", text).casefold()


_NO_WORD = re.compile(r"\W+")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_NO_CHARACTER = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""Surrogates, which JSON can hold and UTF-8 cannot, and two noncharacters."""


def storable(text: str) -> str:
    """Return text that tables, files and databases can hold: without control characters and surrogates."""
    if text.isascii():
        return text if text.isprintable() else _CONTROL.sub("", text)
    return _NO_CHARACTER.sub("\ufffd", _CONTROL.sub("", text))


def plain(text: str) -> str:
    """Return text without tags and with entities decoded, including those encoded twice."""
    for _ in range(2):
        if "&" not in text:
            break
        text = html.unescape(text)
    if "<" in text:
        text = _TAG.sub("", _BREAK.sub(" ", _without_comments(text)))
    return fold(text)


def paragraphs(text: str) -> str:
    """Return text without tags and with entities decoded, a paragraph a line; empty ones are left out."""
    for _ in range(2):
        text = html.unescape(text)
    if "<" in text:
        text = _BREAK.sub("\n", _LINE_ENDS.sub(" ", _without_comments(text)) if _BREAK.search(text) else text)
    return "\n".join(line for part in text.splitlines() if (line := plain(part)))


_LINE_ENDS = re.compile(r"[\r\n]+")


def _without_comments(text: str) -> str:
    """Return text without comments, in one pass; an unterminated one is kept, as a regular expression would keep it."""
    kept: list[str] = []
    at = 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        kept.append(text[at:start])
        at = end + 3
    return "".join(kept) + text[at:]


@cache
def anywhere(*names: str) -> re.Pattern[str]:
    """Return a pattern for ``search`` that finds a word of the vocabularies in squashed text."""
    return anywhere_pattern(_read(names))


@cache
def as_a_whole(*names: str) -> re.Pattern[str]:
    """Return a pattern for ``fullmatch`` of squashed text with a word of the vocabularies."""
    return re.compile("|".join(part for part in alternatives(_read(names)) if part))


@cache
def at_start(*names: str) -> re.Pattern[str]:
    """Return a pattern for ``match`` of squashed text that starts with a word of the vocabularies."""
    return re.compile(f"\\W*(?:{'|'.join(part for part in alternatives(_read(names)) if part)})")


@cache
def keys_of(name: str) -> frozenset[str]:
    """Return the words of a vocabulary as ``key_of`` spells them squashed, to look up whole texts in."""
    lines = (line.partition(":")[2] for line in _text_of(name).splitlines() if not line.startswith("#"))
    return frozenset(key_of(squash(word)) for line in lines for word in line.split(","))


@cache
def starts(name: str, initial: str) -> re.Pattern[str]:
    """Return a pattern for ``match`` of squashed text that starts with a word of a vocabulary, and with a letter."""
    parts = (one for some in alternatives((_text_of(name),)) for one in some.split("|"))
    return re.compile("|".join(one for one in parts if one.startswith(initial)) or "(?!)")


def _text_of(name: str) -> str:
    return files("reader").joinpath(f"words/{name}.txt").read_text(encoding="utf-8")


def _read(names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        yield _text_of(name)
