"""Usage signals: statements that a site and its pages serve, and their meaning.

A statement is one signal as it was served; :func:`decide` is the decision table.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from core.usage import UNKNOWN, Meaning, strictest
from crawler.rights.rsl import REFUSED, Content, read_licence, terms_for

__all__ = [
    "CONTENT_SIGNALS",
    "CONTENT_USAGES",
    "DIRECTIVES",
    "SIGNALS",
    "Licences",
    "Signal",
    "SignalName",
    "Statement",
    "content_signal",
    "content_usage",
    "decide",
]


SignalName = Literal[
    "content-signal", "content-usage", "rsl", "http-402", "disallow", "ai.txt",
    "noai", "noimageai", "noml", "noindex", "tdm-reservation",
]  # fmt: skip
SIGNALS: tuple[SignalName, ...] = get_args(SignalName)

_NO_LEARNING = Meaning(train="refused", evaluate="refused")
DIRECTIVES: Mapping[str, Meaning] = MappingProxyType(
    {
        "noai": _NO_LEARNING,  # DeviantArt, 2022: not for AI data sets
        "noimageai": _NO_LEARNING,
        "noml": _NO_LEARNING,  # noml.info
        "noindex": Meaning(search="refused"),
        "tdm-reservation": _NO_LEARNING,  # W3C TDMRep: rights in text and data mining are reserved
        "ai.txt": Meaning(train="refused"),  # spawning.ai: governs use for training
        "disallow": REFUSED,  # robots.txt no longer allows the page to be fetched
        "http-402": REFUSED,  # RFC 9110, 15.5.3, and Pay Per Crawl: not without payment
    }
)
"""Signals without a value of their own -> their meaning."""


class Statement(NamedTuple):
    """One signal as it was served."""

    name: SignalName
    place: str
    """E.g. ``robots.txt``, ``header``, ``page``, ``link``."""
    served: str
    """The value; for a licence outside the page, its URL."""


class Signal(NamedTuple):
    """One signal and its meaning for a page."""

    name: SignalName
    place: str
    served: str
    """As it was served; for a licence, also its terms."""
    meaning: Meaning


Licences = Callable[[str], tuple[Content, ...] | None]
"""URL of a licence -> its contents; None: it could not be read."""


def decide(statement: Statement, url: str, licences: Licences) -> Signal:
    """Return the meaning of a statement for a page.

    Args:
        statement: What was served.
        url: The page.
        licences: Finds the licences that statements name. One that is named but cannot be read refuses everything:
            there are terms, but they are unknown.
    """
    name, place, served = statement
    if name == "content-signal":
        meaning = content_signal(served)
    elif name == "content-usage":
        meaning = content_usage(served)
    elif name == "rsl" and place == "page":
        contents = read_licence(served)
        meaning = terms_for(contents, url)[0] if contents else REFUSED
    elif name == "rsl":
        contents = licences(served)
        meaning, terms = terms_for(contents, url, served) if contents else (REFUSED, "could not be read")
        served = f"{served}\n{terms}" if terms else served
    else:
        meaning = DIRECTIVES.get(name, UNKNOWN)
    return Signal(name, place, served, meaning)


CONTENT_SIGNALS: Mapping[tuple[str, str], Meaning] = MappingProxyType(
    {
        ("search", "yes"): Meaning(search="allowed"),
        ("search", "no"): Meaning(search="refused"),
        ("ai-input", "yes"): Meaning(evaluate="allowed"),
        ("ai-input", "no"): Meaning(evaluate="refused"),
        ("ai-train", "yes"): Meaning(train="allowed"),
        ("ai-train", "no"): Meaning(train="refused"),
        ("use", "immediate"): Meaning("refused", "refused", "refused", "refused"),
        ("use", "reference"): Meaning(display="refused"),
        ("use", "full"): Meaning(display="allowed"),
    }
)
"""Use and value of a Content-Signal -> its meaning; anything else has none.

Source: the Content Signals Policy (contentsignals.org, 2025-09-24): ``yes`` lets content be collected for a use, ``no``
forbids it, and a use that is not named is neither granted nor restricted. The key ``use`` (2026-06-30, Cloudflare's
documentation of the managed robots.txt) is the most that may be done with content: ``immediate`` (store and reuse
nothing), ``reference`` (index, excerpt and link back) or ``full`` (summarise and reproduce).
"""


def content_signal(value: str) -> Meaning:
    """Return the meaning of e.g. ``search=yes, ai-train=no``; if a use is named twice, the stricter value counts."""
    pairs = (part.partition("=") for part in value.lower().split(","))
    said = ((name.strip(), one.strip()) for name, _, one in pairs)
    return strictest(CONTENT_SIGNALS[pair] for pair in said if pair in CONTENT_SIGNALS)


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
"""Label and value of a Content-Usage (IETF's AI Preferences) -> its meaning; anything else has none.

Sources: draft-ietf-aipref-vocab-08 (2026-09-13) for the labels ``train-ai``, ``ai-use`` and ``search`` and their values
``y`` and ``n``; draft-ietf-aipref-attach-05 (2026-08-18) for where they occur. The value is a Dictionary of RFC 9651:
if a key is given twice, the last one counts; parameters and unknown keys are ignored; and a value that breaks the
syntax states no preference at all. Labels of earlier drafts are honoured if they refuse.
"""

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
    """Return the meaning of e.g. ``train-ai=n, search=y``; repeated header fields must be joined by commas before."""
    return strictest(CONTENT_USAGES.get(pair, UNKNOWN) for pair in _dictionary(value.strip(" \t")).items())


def _dictionary(text: str) -> dict[str, str]:
    """Return key -> bare value as written, empty if it is a list or true; {} if the text is not a Dictionary."""
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
