"""Refusals of a host: robots.txt (RFC 9309), ai.txt, tdmrep.json, and the headers X-Robots-Tag and TDM-Reservation."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Self
from urllib.parse import quote

from core.texts import is_binary
from core.urls import absolute, spell_octets

__all__ = [
    "MAX_ROBOTS_BYTES",
    "GroupLines",
    "Robots",
    "SiteOptOuts",
    "best_matches",
    "honoured_opt_out",
    "is_page",
    "is_reserved",
    "matches",
    "pattern_of",
    "product_token",
    "read_group",
    "robots_meaning",
    "robots_tag_directives",
    "split_directives",
    "target_of",
]


MAX_ROBOTS_BYTES = 512_000
"""At least 500 KiB must be read (RFC 9309, section 2.5); no honest file is longer."""


def robots_meaning(status: int) -> Literal["rules", "free", "unreachable"]:
    """Return the meaning of the status of robots.txt, once redirects are followed.

    2xx: the file holds rules. 4xx: no rules, everything may be fetched. Anything else, and no response (0): nothing may
    be fetched (section 2.3.1.4). 429 counts as 5xx, as for large crawlers: an overloaded server gave no permission.
    """
    if 200 <= status < 300:
        return "rules"
    return "free" if 400 <= status < 500 and status != 429 else "unreachable"


@dataclass(frozen=True, slots=True)
class GroupLines:
    """What robots.txt says to one crawler: rules as label, in lower case, and value, in the order of the file."""

    own: tuple[tuple[str, str], ...] = ()
    """Rules in the groups of the crawler: those that name it, else those of ``*``."""
    outside: tuple[tuple[str, str], ...] = ()
    """Rules before the first group, which apply to every crawler."""
    sitemaps: tuple[str, ...] = ()
    """Sitemaps, as written."""

    def values(self, label: str) -> tuple[str, ...]:
        """Return the values of a label in the crawler's groups."""
        return tuple(value for name, value in self.own if name == label)


_RULES = frozenset({"allow", "disallow", "content-signal", "content-usage", "license"})
"""Labels that end a group's list of crawlers: those of RFC 9309 and of its extensions for usage and licences."""
_DELAYS = frozenset({"crawl-delay", "request-rate"})
_BEGINNINGS = (("user-agent", "user-agent"), ("disallow", "disallow"), ("allow", "allow"), ("sitemap", "sitemap"))
"""Beginning of a label -> its meaning; Google's parser is as lenient."""
_SLIPS = {
    **dict.fromkeys(("useragent", "user agent"), "user-agent"),
    **dict.fromkeys(("dissallow", "dissalow", "disalow", "diasllow", "disallaw"), "disallow"),
    "site-map": "sitemap",
}
_LONGEST = 8_192
"""Characters of a value that are read."""
_LINE_END = re.compile(r"\r\n|\r|\n")
_TAG = re.compile(r"<[^<>]*>")
_PRODUCT = re.compile(r"[A-Za-z0-9_-]+")


def read_group(text: str, agent: str) -> GroupLines:
    """Return the rules for a crawler (RFC 9309, sections 2.2 and 2.2.1).

    Crawlers are compared by :func:`product_token`, groups of one crawler are joined, and a comment ends a line.

    Args:
        text: robots.txt. Of an HTML page, which some hosts send instead, the text is read.
        agent: Name of the crawler.
    """
    named: dict[str, list[tuple[str, str]]] = {}
    outside: list[tuple[str, str]] = []
    sitemaps: list[str] = []
    crawlers: tuple[str, ...] = ()
    heading = False
    for label, value in _lines(text):
        if label == "user-agent":
            crawlers = (*(crawlers if heading else ()), *_crawlers(value))
            heading = True
            for crawler in crawlers:
                named.setdefault(crawler, [])
        elif label == "sitemap":
            sitemaps.append(value)
        elif label in _RULES or label in _DELAYS:
            heading = heading and label not in _RULES
            for rules in [named[crawler] for crawler in dict.fromkeys(crawlers)] if named else [outside]:
                rules.append((label, value))
    own = named.get(product_token(agent), named.get("*", ()))
    return GroupLines(tuple(own), tuple(outside), tuple(sitemaps))


def product_token(name: str) -> str:
    """Return the part of a crawler's name by which it is addressed, in lower case: ``m5data`` of ``M5data/1.0 (+url)``.

    RFC 9309 allows letters, ``_`` and ``-``. Names with digits exist, this crawler's among them.
    """
    found = _PRODUCT.match(name.strip())
    return found[0].lower() if found else ""


def _crawlers(value: str) -> Iterator[str]:
    """Yield the crawlers that a ``User-agent`` line names. The standard knows one a line; people list several."""
    for part in value.split(","):
        if part.strip().split(None, 1)[:1] == ["*"]:
            yield "*"
        elif token := product_token(part):
            yield token


def is_page(text: str) -> bool:
    """Return whether a text is an HTML page or other markup, as hosts send it for every URL that they do not know."""
    return text[:1024].lstrip("\ufeff \t\r\n").startswith("<")


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield label, in lower case, and value of each line. Without a colon, one space divides them, as for Google."""
    text = text.removeprefix("\ufeff")
    for line in _LINE_END.split(_TAG.sub("\n", text) if is_page(text) else text):
        content = line.partition("#")[0].strip()
        label, colon, value = content.partition(":")
        if not colon:
            words = content.split()
            if len(words) != 2:
                continue
            label, value = words
        label = label.strip().lower()
        known = next((meaning for start, meaning in _BEGINNINGS if label.startswith(start)), _SLIPS.get(label, label))
        yield known, value.strip()[:_LONGEST]


_SEVERAL = re.compile(r"\s+(?:disallow\s*:\s*)?(?=/)", re.IGNORECASE)
"""Between paths that share a line. No path has a space, so that together they would refuse nothing."""
_SECONDS_SAID = re.compile(r"(\d*[.,]?\d+(?:e\d)?)\.?(?:\s|s|$)", re.IGNORECASE)
_RATE = re.compile(r"(\d+)\s*/\s*(\d+)\s*([smhd]?)", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Robots:
    """The rules of one host for one crawler.

    Args:
        text: robots.txt; empty: everything is allowed.
        agent: the name by which rules address the crawler.
    """

    def __init__(self, text: str, agent: str) -> None:
        self.lines = read_group(text, agent)
        """The rules of the crawler's groups."""
        self._paths = [
            (pattern_of(path), label)
            for label, value in self.lines.own
            if label in ("allow", "disallow")
            for path in (_SEVERAL.split(value) if label == "disallow" else (value,))
            if path
        ]

    def allows(self, url: str) -> bool:
        """Return whether the URL may be fetched: the rule with the longest pattern decides, of two ``allow``."""
        found = best_matches(self._paths, target_of(url))
        return not found or "allow" in found

    @property
    def delay_s(self) -> float:
        """Seconds between two requests (Crawl-delay, Request-rate); 0: the host does not say."""
        delays = [_number(value) for value in self.lines.values("crawl-delay")]
        rates = [found for value in self.lines.values("request-rate") if (found := _RATE.match(value))]
        delays += [int(one[2]) * _SECONDS[one[3].lower()] / int(one[1]) for one in rates if int(one[1])]
        return max(delays, default=0.0)

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """Sitemaps that the file names, as written, in order."""
        return self.lines.sitemaps


def _number(text: str) -> float:
    """Return the seconds of a ``Crawl-delay``, such as ``2.5``, ``2,5`` or ``10s``; 0 if it is no positive number."""
    found = _SECONDS_SAID.match(text)
    return float(found[1].replace(",", ".")) if found else 0.0


class SiteOptOuts:
    """Reservations of a whole host: ``/.well-known/tdmrep.json`` and ``/ai.txt``.

    Args:
        reserved: patterns of paths and whether text and data mining is reserved there, first match wins.
        ai: rules of ai.txt.
        unreadable: the file that cannot be read, and why; nothing of the host may be used then.
    """

    def __init__(self, reserved: tuple[tuple[str, bool], ...], ai: Robots, unreadable: str = "") -> None:
        self._reserved = reserved
        self._ai = ai
        self._unreadable = unreadable

    @classmethod
    def read(cls, tdmrep: str, ai: str, agent: str, unread: str = "") -> Self:
        """Read both files; an empty one, and an HTML page in its place, reserves nothing.

        tdmrep.json (W3C TDMRep, section 6.1): a list of ``{"location": pattern, "tdm-reservation": 0 or 1}``.
        ai.txt (spawning.ai) has the form of robots.txt.

        Args:
            tdmrep: Text of the one.
            ai: Text of the other.
            agent: Name of the crawler.
            unread: A file that exists perhaps, but could not be fetched, and why.
        """
        reserved: tuple[tuple[str, bool], ...] = ()
        unreadable = unread or ("ai.txt: not a text file" if is_binary(ai) else "")
        if tdmrep.strip() and not is_page(tdmrep):
            try:
                reserved = _reservations(json.loads(tdmrep.removeprefix("\ufeff")))
            except (ValueError, RecursionError) as error:
                unreadable = f"tdmrep.json: {' '.join(str(error).split())[:200]}"
        return cls(reserved, Robots(ai, agent), unreadable)

    def refusal(self, url: str) -> str | None:
        """Return the file that keeps the URL out; None if neither does."""
        if self._unreadable:
            return f"{self._unreadable}; what it reserves is unknown, so ask the shop's owner to correct it"
        target = target_of(url)
        reserved = next((reserved for pattern, reserved in self._reserved if matches(pattern, target)), False)
        if reserved:
            return "tdmrep.json: tdm-reservation"
        return None if self._ai.allows(url) else "ai.txt: Disallow"


def _reservations(entries: object) -> tuple[tuple[str, bool], ...]:
    """Return the patterns of tdmrep.json, and whether each reserves. Any value but zero does.

    Raises:
        ValueError: an entry is not of the form that the standard gives.
    """
    found: list[tuple[str, bool]] = []
    for entry in entries if isinstance(entries, list) else [entries or {}]:
        match _with_plain_names(entry):
            case {"location": str(location), "tdm-reservation": value}:
                found.append((location.strip(), _reserves(str(value))))
            case {"tdm-reservation": value}:
                raise ValueError(f"an entry that reserves {value!r} has no location")
            case dict(said) if not any(isinstance(value, dict | list) for value in said.values()):
                continue  # nothing is reserved
            case _:
                raise ValueError("an entry is not of the form {location, tdm-reservation}")
    return tuple(found)


def _with_plain_names(entry: object) -> object:
    if not isinstance(entry, dict):
        return entry
    return {str(name).strip().lower().replace("_", "-"): value for name, value in entry.items()}


def _reserves(value: str) -> bool:
    """Return whether a value reserves rights. Of values that the standard does not know, the careful reading counts."""
    return any(word.strip(" \t\"'").lower() not in _ZERO for word in re.split("[,;]", value))


_ZERO = frozenset({"0", "0.0", "false", "none", "no", "null", ""})
_PLAIN = "%/?:@!$&'()*+,;=-._~#"
"""Characters, besides letters and digits, that stay as they are."""


_ORIGIN = re.compile(r"^https?://[^/]*", re.IGNORECASE)


def target_of(url: str) -> str:
    """Return path and query of a URL as requested, spelled for comparison with patterns."""
    url = absolute("", url) or url
    target = "/" + url.split("/", 3)[3].partition("#")[0] if url.count("/") >= 3 else "/"
    return _spell(target).replace("*", "%2A").replace("$", "%24")


def pattern_of(path: str) -> str:
    """Return a pattern of a file, spelled for comparison; one that does not begin with a slash gets it.

    Of a whole URL, the path counts: the rules are for the host that serves them. Quotes around a pattern do not.
    """
    path = _spell(_ORIGIN.sub("", path.strip().strip("\"'")))
    ends = path.endswith("$")
    path = path.removesuffix("$").replace("$", "%24") + ("$" if ends else "")
    return path if path.startswith(("/", "*")) or not path else f"/{path}"


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
        rules: Patterns as returned by :func:`pattern_of`, and their values.
        target: As returned by :func:`target_of`.
    """
    fitting = [(len(pattern), value) for pattern, value in rules if _fits(pattern, target)]
    longest = max((length for length, _ in fitting), default=0)
    return [value for length, value in fitting if length == longest]


def _spell(path: str) -> str:
    """Return a path with one spelling for each octet: escaped where it is reserved or not ASCII, else plain."""
    return spell_octets(quote(path, safe=_PLAIN)).replace("%2E", ".")


_known = lru_cache(4096)(pattern_of)  # patterns are few, paths many


_AGENT_PREFIX = re.compile(r"^([\w*-][\w./-]*)\s*:\s*(.*)$", re.DOTALL)
_VALUED = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})


def robots_tag_directives(lines: Iterable[str], agent: str) -> list[str]:
    """Return the directives of ``X-Robots-Tag`` for all crawlers or for ``agent``, in lower case.

    A crawler's name addresses what follows it, up to the next name or the end of its line. A line that begins without a
    name is for all crawlers.

    Args:
        lines: values of the header, one for each line that was sent.
        agent: the crawler's name.
    """
    directives: list[str] = []
    for line in lines:
        addressed = True
        for part in line.split(","):
            rest = part
            named = _AGENT_PREFIX.match(part.strip())
            if named and named[1].lower() not in _VALUED:
                addressed = named[1] == "*" or product_token(named[1]) == product_token(agent)
                rest = named[2]
            if addressed:
                directives += split_directives(rest)
    return directives


def split_directives(content: str) -> list[str]:
    """Return directives in lower case, separated by commas, semicolons or spaces; ``none`` stands for two."""
    words = re.split(r"[\s,;]+", content.lower())
    return [d for word in words if word for d in (("noindex", "nofollow") if word == "none" else (word,))]


def is_reserved(values: Iterable[str]) -> bool:
    """Return whether a value of ``TDM-Reservation`` reserves text and data mining (W3C TDMRep, section 6.2)."""
    return any(map(_reserves, values))


def honoured_opt_out(
    tags: Iterable[str], reservations: Iterable[str], agent: str, honoured: frozenset[str]
) -> str | None:
    """Return where and how the headers of a file opt out, e.g. ``header x-robots-tag: noai``; None if they do not.

    Args:
        tags: values of ``X-Robots-Tag``, one for each line.
        reservations: values of ``TDM-Reservation``.
        agent: the crawler's name.
        honoured: the directives that keep a file out.
    """
    said = honoured.intersection(robots_tag_directives(tags, agent))
    if said:
        return f"header x-robots-tag: {min(said)}"
    if "tdm-reservation" in honoured and is_reserved(reservations):
        return "header tdm-reservation: tdm-reservation"
    return None
