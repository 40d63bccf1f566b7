"""Refusals of a host: robots.txt (RFC 9309), ai.txt, tdmrep.json, and the headers X-Robots-Tag and TDM-Reservation."""

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, Self
from urllib.parse import quote

from protego import Protego

__all__ = [
    "MAX_ROBOTS_BYTES",
    "Robots",
    "SiteOptOuts",
    "best_matches",
    "honoured_opt_out",
    "is_reserved",
    "matches",
    "robots_meaning",
    "robots_tag_directives",
    "spelled",
    "split_directives",
    "target_of",
]


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
        """Sitemaps that the file names, as written, in order."""
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
        """Return the file that keeps the URL out; None if neither does."""
        target = target_of(url)
        reserved = next((reserved for pattern, reserved in self._reserved if matches(pattern, target)), False)
        if reserved:
            return "tdmrep.json: tdm-reservation"
        return None if self._ai.allows(url) else "ai.txt: Disallow"


_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
_PLAIN = "%/?:@!$&'()*+,;=-._~#[]"
"""Characters, besides letters and digits, that stay as they are."""


def target_of(url: str) -> str:
    """Return path and query of a URL, spelled for comparison with patterns."""
    return spelled("/" + url.split("/", 3)[3].partition("#")[0] if url.count("/") >= 3 else "/")


def matches(pattern: str, target: str) -> bool:
    """Return whether a pattern matches the start of a path.

    ``*`` stands for anything and ``$`` at the end for the end. The time grows with the lengths of both: patterns are
    untrusted, and a regular expression with many ``*`` could run for hours.

    Args:
        pattern: As written in the file.
        target: As returned by :func:`target_of`.
    """
    return _fits(_known(pattern), target)


def _fits(pattern: str, target: str) -> bool:
    ends = pattern.endswith("$")
    first, *rest = pattern.removesuffix("$").split("*")
    if not target.startswith(first):
        return False
    place = len(first)
    if not rest:
        return not ends or place == len(target)
    for piece in rest[:-1]:
        found = target.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    if ends:
        return len(target) - len(rest[-1]) >= place and target.endswith(rest[-1])
    return target.find(rest[-1], place) >= 0


def best_matches(rules: Iterable[tuple[str, str]], target: str) -> list[str]:
    """Return the values of the rules with the longest matching pattern; an empty pattern matches every path.

    Args:
        rules: Patterns as returned by :func:`spelled`, and their values.
        target: As returned by :func:`target_of`.
    """
    fitting = [(len(pattern), value) for pattern, value in rules if _fits(pattern, target)]
    longest = max((length for length, _ in fitting), default=0)
    return [value for length, value in fitting if length == longest]


def spelled(path: str) -> str:
    """Return a path with one spelling for each octet: escaped where it is reserved or not ASCII, else plain."""

    def plain(found: re.Match[str]) -> str:
        character = chr(int(found[1], 16))
        return character if character in _UNRESERVED else found[0].upper()

    return _ESCAPED.sub(plain, quote(path, safe=_PLAIN))


_known = lru_cache(4096)(spelled)  # patterns are few, paths many


_AGENT_PREFIX = re.compile(r"^([\w-]+)\s*:\s*(.*)$", re.DOTALL)
_VALUED = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})
_RESERVED = re.compile(r"\s*1\s*")


def robots_tag_directives(value: str, agent: str) -> list[str]:
    """Return the directives of an ``X-Robots-Tag`` for all crawlers or for ``agent``, in lower case.

    In ``noai, otherbot: noindex, nofollow``, a name applies to everything after it. Directives for other
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
    """Return where and how the headers of a file opt out, e.g. ``header x-robots-tag: noai``; None if they do not.

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
