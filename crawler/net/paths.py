"""Patterns of URL paths as robots.txt and the files modelled on it write them (RFC 9309, section 2.2.2)."""

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

__all__ = ["best_matches", "matches", "spelled", "target_of"]

_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
_PLAIN = "%/?:@!$&'()*+,;=-._~#[]"
"""Characters beside letters and digits that stay as they are."""


def target_of(url: str) -> str:
    """Return path and query of a URL, spelled as patterns are compared."""
    return spelled("/" + url.split("/", 3)[3].partition("#")[0] if url.count("/") >= 3 else "/")


def matches(pattern: str, target: str) -> bool:
    """Return whether a pattern matches the start of a path.

    ``*`` stands for anything and ``$`` at the end for the end. The time grows with the lengths of both: patterns are
    foreign, and a regular expression of many ``*`` could run for hours.

    Args:
        pattern: As the file has it.
        target: Of :func:`target_of`.
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
        rules: Patterns as :func:`spelled` has them, and their values.
        target: Of :func:`target_of`.
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
