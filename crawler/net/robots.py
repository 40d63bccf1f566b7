"""Rules of a whole host: robots.txt (RFC 9309), ai.txt and tdmrep.json."""

import json
from typing import Literal, Self

from protego import Protego

from crawler.net.paths import matches, target_of

__all__ = ["MAX_ROBOTS_BYTES", "Robots", "SiteOptOuts", "robots_meaning"]

MAX_ROBOTS_BYTES = 512_000
"""At least 500 KiB must be read (RFC 9309, section 2.5); no honest file is longer."""


def robots_meaning(status: int) -> Literal["rules", "free", "unreachable"]:
    """Return the meaning of the status of robots.txt.

    2xx: the file holds rules. 4xx: no rules, everything may be fetched. 5xx, and no response (0): nothing may
    be fetched (section 2.3.1.4). 429 counts as 5xx, as for large crawlers: an overloaded server gave no permission.
    """
    if 200 <= status < 300:
        return "rules"
    return "free" if 300 <= status < 500 and status != 429 else "unreachable"


class Robots:
    """The rules of one host for one crawler.

    Args:
        text: robots.txt; empty: everything is allowed.
        agent: the name by which rules address the crawler.
    """

    def __init__(self, text: str, agent: str) -> None:
        self._rules = Protego.parse(text)
        self._agent = agent

    def allows(self, url: str) -> bool:
        """Return whether the URL may be fetched."""
        return bool(self._rules.can_fetch(url, self._agent))

    @property
    def delay_s(self) -> float:
        """Seconds between two requests (Crawl-delay, Request-rate); 0: the host does not say."""
        rate = self._rules.request_rate(self._agent)
        spacing = rate.seconds / rate.requests if rate and rate.requests else 0.0
        return max(self._rules.crawl_delay(self._agent) or 0.0, spacing)

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """Sitemaps named there, as written, in order."""
        return tuple(self._rules.sitemaps)


class SiteOptOuts:
    """Reservations of a whole host: ``/.well-known/tdmrep.json`` and ``/ai.txt``.

    Args:
        reserved: patterns of paths and whether text and data mining is reserved there, first match wins.
        ai: rules of ai.txt.
    """

    def __init__(self, reserved: tuple[tuple[str, bool], ...], ai: Robots) -> None:
        self._reserved = reserved
        self._ai = ai

    @classmethod
    def read(cls, tdmrep: str, ai: str, agent: str) -> Self:
        """Read both files; an empty or unreadable one reserves nothing.

        tdmrep.json (W3C TDMRep, section 6.1): a list of ``{"location": pattern, "tdm-reservation": 0 or 1}``.
        ai.txt (spawning.ai) has the form of robots.txt.
        """
        try:
            entries = json.loads(tdmrep) if tdmrep.strip() else []
        except (ValueError, RecursionError):
            entries = []
        entries = entries if isinstance(entries, list) else []
        return cls(
            tuple(
                (str(e["location"]), e.get("tdm-reservation") == 1)
                for e in entries
                if isinstance(e, dict) and isinstance(e.get("location"), str)
            ),
            Robots(ai, agent),
        )

    def refusal(self, url: str) -> str | None:
        """Return the file that keeps the URL out, None where neither does."""
        target = target_of(url)
        reserved = next((reserved for pattern, reserved in self._reserved if matches(pattern, target)), False)
        if reserved:
            return "tdmrep.json: tdm-reservation"
        return None if self._ai.allows(url) else "ai.txt: Disallow"
