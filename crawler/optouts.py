"""Opt-outs: what a site or a page says against being collected for machine learning."""

import json
import re
from collections.abc import Collection
from typing import Self

from crawler.pages.document import Document
from crawler.pages.links import opt_outs
from crawler.robots import Robots

__all__ = ["SiteOptOuts", "page_opt_out"]


def page_opt_out(document: Document, agent: str, honoured: Collection[str]) -> str | None:
    """Return where and how a page opts out, e.g. ``meta robots: noai``; None where it does not.

    Args:
        document: the page, with its headers.
        agent: the crawler's name; directives for other crawlers do not count.
        honoured: the directives that keep a page out.
    """
    said = opt_outs(document, agent)
    return next((f"{said[word]}: {word}" for word in sorted(said) if word in honoured), None)


class SiteOptOuts:
    """Reservations of a whole host: ``/.well-known/tdmrep.json`` and ``/ai.txt``.

    Args:
        reserved: patterns of paths and whether text and data mining is reserved there, first match wins.
        ai: the rules of ai.txt.
    """

    def __init__(self, reserved: tuple[tuple[re.Pattern[str], bool], ...], ai: Robots) -> None:
        self._reserved = reserved
        self._ai = ai

    @classmethod
    def read(cls, tdmrep: str, ai: str, agent: str) -> Self:
        """Read both files; an empty or unreadable one says nothing.

        tdmrep.json (W3C TDMRep, section 6.1): a list of ``{"location": pattern, "tdm-reservation": 0 or 1}``.
        ai.txt (spawning.ai) has the form of robots.txt.
        """
        try:
            entries = json.loads(tdmrep) if tdmrep.strip() else []
        except (ValueError, RecursionError):
            entries = []
        entries = entries if isinstance(entries, list) else []
        return cls(
            tuple(_rule(e) for e in entries if isinstance(e, dict) and isinstance(e.get("location"), str)),
            Robots(ai, agent),
        )

    def refusal(self, url: str) -> str | None:
        """Return the file that keeps the address out, None where neither does."""
        path = "/" + url.split("/", 3)[3] if url.count("/") >= 3 else "/"
        reserved = next((reserved for pattern, reserved in self._reserved if pattern.match(path)), False)
        if reserved:
            return "tdmrep.json: tdm-reservation"
        return None if self._ai.allows(url) else "ai.txt: Disallow"


def _rule(entry: dict[str, object]) -> tuple[re.Pattern[str], bool]:
    """Compile one location: ``*`` stands for anything, ``$`` ends the path, else it is a prefix."""
    location = str(entry["location"])
    body = re.escape(location.removesuffix("$")).replace(r"\*", ".*")
    return re.compile(body + ("$" if location.endswith("$") else "")), entry.get("tdm-reservation") == 1
