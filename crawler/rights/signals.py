"""Usage signals, from what a site and a page served to what it means.

A statement is one signal as it was served; :func:`meaning_of` is the decision table.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from crawler.rights.content_signal import content_signal
from crawler.rights.content_usage import content_usage
from crawler.rights.rsl import REFUSED, Content, read_licence, terms_for
from m5data.usage import UNKNOWN, Meaning

__all__ = ["DIRECTIVES", "SIGNALS", "Licences", "Signal", "SignalName", "Statement", "decide"]

SignalName = Literal[
    "content-signal", "content-usage", "rsl", "http-402", "disallow", "ai.txt",
    "noai", "noimageai", "noml", "noindex", "tdm-reservation",
]  # fmt: skip
SIGNALS: tuple[SignalName, ...] = get_args(SignalName)

_NO_LEARNING = Meaning(train="refused", evaluate="refused")
DIRECTIVES: Mapping[str, Meaning] = MappingProxyType(
    {
        "noai": _NO_LEARNING,  # DeviantArt, 2022: not for data sets of AI
        "noimageai": _NO_LEARNING,
        "noml": _NO_LEARNING,  # noml.info
        "noindex": Meaning(search="refused"),
        "tdm-reservation": _NO_LEARNING,  # W3C TDMRep: rights in text and data mining are reserved
        "ai.txt": Meaning(train="refused"),  # spawning.ai: what may be used to train
        "disallow": REFUSED,  # robots.txt no longer lets the page be fetched
        "http-402": REFUSED,  # RFC 9110, 15.5.3, and Pay Per Crawl: not without payment
    }
)
"""Signals without a value of their own -> what they mean."""


class Statement(NamedTuple):
    """One signal as it was served."""

    name: SignalName
    place: str
    """E.g. ``robots.txt``, ``header``, ``page``, ``link``."""
    served: str
    """The value; of a licence outside the page its URL."""


class Signal(NamedTuple):
    """One signal and what it means for a page."""

    name: SignalName
    place: str
    served: str
    """As it was served; of a licence also its terms."""
    meaning: Meaning


Licences = Callable[[str], tuple[Content, ...] | None]
"""URL of a licence -> its contents; None: it could not be read."""


def decide(statement: Statement, url: str, licences: Licences) -> Signal:
    """Return what a statement means for a page.

    Args:
        statement: What was served.
        url: The page.
        licences: Finds the licences that statements name. One that is named and cannot be read refuses everything:
            there are terms, and nobody knows them.
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
