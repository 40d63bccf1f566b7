"""Content-Usage: ``train-ai=n, search=y``, as the header or in robots.txt, of IETF's AI Preferences.

Sources: draft-ietf-aipref-vocab-08 (2026-09-13) for the labels ``train-ai``, ``ai-use`` and ``search`` and their values
``y`` and ``n``; draft-ietf-aipref-attach-05 (2026-08-18) for where they stand. The value is a Dictionary of RFC 9651:
of a key given twice the last counts, parameters and unknown keys are ignored, and a value that breaks the syntax states
no preference at all. Labels of earlier drafts are heeded where they refuse.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from m5data.usage import UNKNOWN, Meaning, strictest

__all__ = ["CONTENT_USAGES", "content_usage"]

_TRAIN_REFUSED = Meaning(train="refused")
CONTENT_USAGES: Mapping[tuple[str, str], Meaning] = MappingProxyType(
    {
        ("train-ai", "y"): Meaning(train="allowed"),
        ("train-ai", "n"): _TRAIN_REFUSED,
        ("ai-use", "y"): Meaning(evaluate="allowed"),
        ("ai-use", "n"): Meaning(evaluate="refused"),
        ("search", "y"): Meaning(search="allowed"),
        ("search", "n"): Meaning(search="refused"),
        # vocab-00 and -01: text and data mining, AI training, generative AI training, inference.
        ("tdm", "n"): Meaning(train="refused", evaluate="refused"),
        ("ai", "n"): _TRAIN_REFUSED,
        ("genai", "n"): _TRAIN_REFUSED,
        ("inference", "n"): Meaning(evaluate="refused"),
        # vocab-02 and -03: automated processing, generative AI training.
        ("bots", "n"): Meaning(train="refused", evaluate="refused"),
        ("train-genai", "n"): _TRAIN_REFUSED,
    }
)
"""Label and value -> what it means; anything else means nothing."""

_KEY = r"[a-z*][a-z0-9_.*-]*"
_TOKEN = r"[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*"  # noqa: S105 - a kind of value, no secret
_BARE = (
    rf'(?:{_TOKEN}|"(?:[ !#-\[\]-~]|\\["\\])*"|-?[0-9]{{1,15}}(?:\.[0-9]{{1,3}})?|:[A-Za-z0-9+/=]*:|\?[01]'
    r'|@-?[0-9]{1,15}|%"(?:[ !#$&-~]|%[0-9a-f]{2})*")'
)
_PARAMETERS = rf"(?:; *{_KEY}(?:={_BARE})?)*"
_ITEM = _BARE + _PARAMETERS
_LIST = rf"\( *(?:{_ITEM}(?: +{_ITEM})*)? *\){_PARAMETERS}"
_MEMBER = re.compile(rf"({_KEY})(?:=(?:({_BARE}){_PARAMETERS}|{_LIST})|{_PARAMETERS})")
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_LONGEST = 8_192


def content_usage(value: str) -> Meaning:
    """Return the meaning of a statement of preference; header fields of one name are joined by commas before."""
    return strictest(CONTENT_USAGES.get(pair, UNKNOWN) for pair in _dictionary(value.strip(" \t")).items())


def _dictionary(text: str) -> dict[str, str]:
    """Return key -> bare value as written, empty where it is a list or true; {}: the text is no Dictionary."""
    found: dict[str, str] = {}
    place = 0
    if len(text) > _LONGEST:
        return {}
    while member := _MEMBER.match(text, place):
        found[member[1]] = member[2] or ""
        if member.end() == len(text):
            return found
        comma = _COMMA.match(text, member.end())
        if comma is None:
            return {}
        place = comma.end()
    return {}
