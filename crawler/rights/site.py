"""The usage signals of a whole host: robots.txt, ai.txt and tdmrep.json."""

from typing import Self

from core.urls import absolute
from crawler.net.robots import Robots, SiteOptOuts, best_matches, pattern_of, target_of
from crawler.rights.signals import Statement

__all__ = ["SITE_FILES", "SiteSignals"]

SITE_FILES = ("/robots.txt", "/.well-known/tdmrep.json", "/ai.txt")


class SiteSignals:
    """The signals of one host for one crawler.

    Args:
        home: Any URL of the host, against which relative URLs of licences are resolved.
        robots: Rules of robots.txt.
        opt_outs: ai.txt and tdmrep.json; None: there is neither.
    """

    def __init__(self, home: str, robots: Robots, opt_outs: SiteOptOuts | None) -> None:
        self._robots, self._opt_outs = robots, opt_outs
        lines = robots.lines
        self._ruled = [
            (name, [_with_path(value) for value in lines.values(name)]) for name in ("content-signal", "content-usage")
        ]
        # RSL 1.0, section 4.4: the licence of the crawler's own group, else the one for every crawler.
        outside = tuple(value for name, value in lines.outside if name == "license")
        named = lines.values("license") or outside
        self.licences: tuple[str, ...] = tuple(dict.fromkeys(absolute(home, url) or url for url in named if url))

    @classmethod
    def read(cls, home: str, robots: str, tdmrep: str, ai: str, agent: str) -> Self:
        """Read the three files; an empty one says nothing."""
        opt_outs = SiteOptOuts.read(tdmrep, ai, agent) if tdmrep.strip() or ai.strip() else None
        return cls(home, Robots(robots, agent), opt_outs)

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
        if not self._robots.allows(url):
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
    return pattern_of(path), rest[0] if rest else ""
