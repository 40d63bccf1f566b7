"""Opt-outs in HTTP headers: X-Robots-Tag and TDM-Reservation, read alike for pages and media."""

import re
from collections.abc import Iterable

__all__ = ["honoured_opt_out", "is_reserved", "robots_tag_directives", "split_directives"]

_AGENT_PREFIX = re.compile(r"^([\w-]+)\s*:\s*(.*)$", re.DOTALL)
_VALUED = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})
_RESERVED = re.compile(r"\s*1\s*")


def robots_tag_directives(value: str, agent: str) -> list[str]:
    """Return the directives of an ``X-Robots-Tag`` for all crawlers or for ``agent``, in lower case.

    In ``noai, otherbot: noindex, nofollow`` a name holds for all that follows it. Directives for other
    agents do not count.

    Args:
        value: the header; repeated ones joined by commas.
        agent: the crawler's name, in lower case.
    """
    directives: list[str] = []
    addressed = True
    for part in value.split(","):
        named = _AGENT_PREFIX.match(part.strip())
        if named and named[1].lower() not in _VALUED:
            addressed = named[1].lower() in (agent, "*")
            rest = named[2]
        else:
            rest = part
        if addressed:
            directives += split_directives(rest)
    return directives


def split_directives(content: str) -> list[str]:
    """Return comma-separated directives in lower case; ``none`` stands for ``noindex`` and ``nofollow``."""
    words = [word.strip().lower() for word in content.split(",")]
    return [d for word in words if word for d in (("noindex", "nofollow") if word == "none" else (word,))]


def is_reserved(value: str) -> bool:
    """Return whether a ``TDM-Reservation`` reserves text and data mining (W3C TDMRep, section 6.2)."""
    return _RESERVED.fullmatch(value) is not None


def honoured_opt_out(tags: Iterable[str], reservation: str, agent: str, honoured: frozenset[str]) -> str | None:
    """Return where and how the headers of a file opt out, e.g. ``header x-robots-tag: noai``; None where they do not.

    Args:
        tags: values of ``X-Robots-Tag``.
        reservation: value of ``TDM-Reservation``.
        agent: the crawler's name, in lower case.
        honoured: the directives that keep a file out.
    """
    said = honoured.intersection(robots_tag_directives(",".join(tags), agent))
    if said:
        return f"header x-robots-tag: {min(said)}"
    if "tdm-reservation" in honoured and is_reserved(reservation):
        return "header tdm-reservation: tdm-reservation"
    return None
