"""Content-Signal: ``search=yes, ai-input=no, ai-train=no`` in a group of robots.txt or in a header.

Source: the Content Signals Policy (contentsignals.org, 2025-09-24): ``yes`` lets content be collected for a use, ``no``
forbids it, and a use that is not named is neither granted nor restricted. The value ``use`` (2026-06-30, Cloudflare's
documentation of the managed robots.txt) is the most that may be done with content: ``immediate`` (store and reuse
nothing), ``reference`` (index, excerpt and link back) or ``full`` (summarise and reproduce).
"""

from collections.abc import Mapping
from types import MappingProxyType

from m5data.usage import Meaning, strictest

__all__ = ["CONTENT_SIGNALS", "content_signal"]

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
"""Use and value -> what it means; anything else means nothing."""


def content_signal(value: str) -> Meaning:
    """Return the meaning of a Content-Signal; of a use that is named twice the stricter value counts."""
    pairs = (part.partition("=") for part in value.lower().split(","))
    said = ((name.strip(), one.strip()) for name, _, one in pairs)
    return strictest(CONTENT_SIGNALS[pair] for pair in said if pair in CONTENT_SIGNALS)
