"""What a host's robots.txt allows (RFC 9309)."""

from typing import Literal

from protego import Protego

__all__ = ["MAX_ROBOTS_BYTES", "Robots", "robots_answer"]

MAX_ROBOTS_BYTES = 512_000
"""At least 500 KiB must be read (RFC 9309, section 2.5); no honest file is longer."""


def robots_answer(status: int) -> Literal["rules", "free", "unreachable"]:
    """Say what the status of robots.txt means.

    2xx: the file holds rules. 4xx: there are none, all is free. 5xx, and no answer (0): nothing may
    be fetched (section 2.3.1.4). 429 is treated as 5xx, as large crawlers do: a server that is
    overrun did not give leave.
    """
    if 200 <= status < 300:
        return "rules"
    return "free" if 300 <= status < 500 and status != 429 else "unreachable"


class Robots:
    """The rules of one host for one crawler.

    Args:
        text: robots.txt; empty: everything is allowed.
        agent: the name that rules address the crawler by.
    """

    def __init__(self, text: str, agent: str) -> None:
        self._rules = Protego.parse(text)
        self._agent = agent

    def allows(self, url: str) -> bool:
        """Tell whether the address may be fetched."""
        return bool(self._rules.can_fetch(url, self._agent))

    @property
    def delay_s(self) -> float:
        """Seconds between two requests that the host asks for (Crawl-delay, Request-rate); 0 where it does not say."""
        rate = self._rules.request_rate(self._agent)
        spacing = rate.seconds / rate.requests if rate and rate.requests else 0.0
        return max(self._rules.crawl_delay(self._agent) or 0.0, spacing)

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """Sitemaps named there, as written, in order."""
        return tuple(self._rules.sitemaps)
