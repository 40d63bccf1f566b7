"""The lines of robots.txt that hold for one crawler, of rules that a reader of Allow and Disallow skips."""

from dataclasses import dataclass

__all__ = ["GroupLines", "read_group"]

_RULES = frozenset({"allow", "disallow", "content-signal", "content-usage", "license", "crawl-delay", "request-rate"})
"""Labels that belong to a group; others, such as ``Sitemap``, neither belong to one nor end its list of crawlers."""
_LONGEST = 8_192
"""Characters of a value that are read."""


@dataclass(frozen=True, slots=True)
class GroupLines:
    """Rules as label, in lower case, and value, in the order of the file."""

    own: tuple[tuple[str, str], ...] = ()
    """Of the groups of the crawler: those that name it, else those of ``*``."""
    outside: tuple[tuple[str, str], ...] = ()
    """Before the first group: they hold for every crawler."""

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
