"""What a page says about being indexed, used for machine learning, or mined."""

import re
from collections.abc import Collection, Mapping

from crawler.pages.document import Document

__all__ = ["opt_outs", "page_opt_out"]

_AGENT_PREFIX = re.compile(r"^([\w-]+)\s*:\s*(.*)$", re.DOTALL)
_VALUED = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})
_RESERVED = re.compile(r"\s*1\s*")


def opt_outs(document: Document, agent: str = "m5data") -> Mapping[str, str]:
    """Return the directives that a page sets for all crawlers, or for ``agent`` by name.

    ``none`` counts as ``noindex`` and ``nofollow``; a text-and-data-mining reservation as
    ``tdm-reservation``. Which of them forbid what is the caller's to decide.

    Returns:
        Directive in lower case -> where it stood: ``header x-robots-tag``, ``meta robots``,
        ``meta <agent>``, ``header tdm-reservation`` or ``meta tdm-reservation``.
    """
    found: dict[str, str] = {}
    for directive in _from_header(document.headers.get("x-robots-tag", ""), agent.lower()):
        found.setdefault(directive, "header x-robots-tag")
    for name in ("robots", agent.lower()):
        for content in document.meta.get(name, ()):
            for directive in _split(content):
                found.setdefault(directive, f"meta {name}")
    if _RESERVED.fullmatch(document.headers.get("tdm-reservation", "")):
        found["tdm-reservation"] = "header tdm-reservation"
    elif any(_RESERVED.fullmatch(content) for content in document.meta.get("tdm-reservation", ())):
        found["tdm-reservation"] = "meta tdm-reservation"
    return found


def page_opt_out(document: Document, agent: str, honoured: Collection[str]) -> str | None:
    """Return where and how a page opts out, e.g. ``meta robots: noai``; None where it does not.

    Args:
        document: the page, with its headers.
        agent: the crawler's name; directives for other crawlers do not count.
        honoured: the directives that keep a page out.
    """
    said = opt_outs(document, agent)
    return next((f"{said[word]}: {word}" for word in sorted(said) if word in honoured), None)


def _from_header(value: str, agent: str) -> list[str]:
    """Read ``noai, otherbot: noindex, nofollow``: a name holds for all that follows it."""
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
            directives += _split(rest)
    return directives


def _split(content: str) -> list[str]:
    words = [word.strip().lower() for word in content.split(",")]
    return [d for word in words if word for d in (("noindex", "nofollow") if word == "none" else (word,))]
