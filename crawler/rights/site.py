"""The usage signals of a whole host: robots.txt, ai.txt and tdmrep.json."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import urljoin

from crawler.net.robots import Robots, SiteOptOuts, best_matches, spelled, target_of
from crawler.rights.signals import Statement

__all__ = ["SITE_FILES", "GroupLines", "SiteSignals", "read_group"]

_RULES = frozenset({"allow", "disallow", "content-signal", "content-usage", "license", "crawl-delay", "request-rate"})
"""Labels that belong to a group; others, such as ``Sitemap``, neither belong to one nor end its list of crawlers."""
_LONGEST = 8_192
"""Characters of a value that are read."""


@dataclass(frozen=True, slots=True)
class GroupLines:
    """Rules as label, in lower case, and value, in the order of the file."""

    own: tuple[tuple[str, str], ...] = ()
    """Rules in the groups of the crawler: those that name it, else those of ``*``."""
    outside: tuple[tuple[str, str], ...] = ()
    """Rules before the first group, which apply to every crawler."""

    def values(self, label: str) -> tuple[str, ...]:
        """Return the values of a label in the crawler's groups."""
        return tuple(value for name, value in self.own if name == label)


def read_group(text: str, agent: str) -> GroupLines:
    """Return the rules for a crawler (RFC 9309, sections 2.2 and 2.2.1).

    Crawlers are compared by name without regard to case, groups of one crawler are joined, and a comment ends a line.

    Args:
        text: robots.txt.
        agent: Name of the crawler.
    """
    named: dict[str, list[tuple[str, str]]] = {}
    outside: list[tuple[str, str]] = []
    crawlers: list[str] = []
    heading = False
    for line in text.lstrip("\ufeff").splitlines():
        label, colon, value = line.partition("#")[0].partition(":")
        rule = (label.strip().lower(), value.strip()[:_LONGEST])
        if colon and rule[0] == "user-agent":
            crawlers = [*(crawlers if heading else ()), rule[1].lower()]
            heading = True
            named.setdefault(rule[1].lower(), [])
        elif colon and rule[0] in _RULES:
            heading = False
            for crawler in crawlers:
                named[crawler].append(rule)
            if not crawlers:
                outside.append(rule)
    return GroupLines(tuple(named.get(agent.lower(), named.get("*", ()))), tuple(outside))


SITE_FILES = ("/robots.txt", "/.well-known/tdmrep.json", "/ai.txt")


class SiteSignals:
    """The signals of one host for one crawler.

    Args:
        home: Any URL of the host, against which relative URLs of licences are resolved.
        lines: Rules of robots.txt.
        robots: The same file's Allow and Disallow; None: there is none.
        opt_outs: ai.txt and tdmrep.json; None: there is neither.
    """

    def __init__(self, home: str, lines: GroupLines, robots: Robots | None, opt_outs: SiteOptOuts | None) -> None:
        self._robots, self._opt_outs = robots, opt_outs
        self._ruled = [
            (name, [_with_path(value) for value in lines.values(name)]) for name in ("content-signal", "content-usage")
        ]
        # RSL 1.0, section 4.4: the licence of the crawler's own group, else the one for every crawler.
        outside = tuple(value for name, value in lines.outside if name == "license")
        named = lines.values("license") or outside
        self.licences: tuple[str, ...] = tuple(dict.fromkeys(urljoin(home, url) for url in named if url))

    @classmethod
    def read(cls, home: str, robots: str, tdmrep: str, ai: str, agent: str) -> Self:
        """Read the three files; an empty one says nothing."""
        opt_outs = SiteOptOuts.read(tdmrep, ai, agent) if tdmrep.strip() or ai.strip() else None
        return cls(home, read_group(robots, agent), Robots(robots, agent) if robots.strip() else None, opt_outs)

    def statements(self, url: str) -> list[Statement]:
        """Return the host's usage signals for a URL.

        Of Content-Signal and Content-Usage, the rules with the longest matching path count, all of them if several
        are equally long (draft-ietf-aipref-attach-05, section 3.1).
        """
        target = target_of(url)
        found: list[Statement] = []
        for name, rules in self._ruled:
            values = best_matches(rules, target)
            found += [Statement(name, "robots.txt", value) for value in dict.fromkeys(values)]  # type: ignore[arg-type]
        found += [Statement("rsl", "robots.txt", licence) for licence in self.licences]
        if self._robots is not None and not self._robots.allows(url):
            found.append(Statement("disallow", "robots.txt", "Disallow"))
        refusal = self._opt_outs.refusal(url) if self._opt_outs else None
        if refusal:
            place, _, value = refusal.partition(": ")
            found.append(Statement("ai.txt" if place == "ai.txt" else "tdm-reservation", place, value))
        return found


def _with_path(value: str) -> tuple[str, str]:
    """Split a rule into the path, which begins with a slash and may be left out, and the statement."""
    if not value.startswith("/"):
        return "", value
    path, *rest = value.split(maxsplit=1)
    return spelled(path), rest[0] if rest else ""
