"""Endless spaces of URLs (calendars, filters, session ids), abandoned once their pages yield nothing new."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from crawler.crawl.languages import language_tag

__all__ = ["Spaces", "UrlPattern", "place_of"]

_BARREN = 20
"""Consecutive pages of a space without anything new, such as 20 months of a calendar, after which it is abandoned."""
_BARREN_LISTING = 40
"""The same for next pages of listings, which may show many known products before a new one."""
_BARREN_PARAMETERS = 40
"""The same for pages, anywhere in the shop, whose query strings have the same parameters."""
_TRIALS = 3
"""Pages of each part of a space that are tried before the part is abandoned with its space."""
_DIGIT = re.compile(r"\d")
_DIGITS = re.compile(r"\d+")
_LETTERS = re.compile(r"[^\W\d_]+(?:[-_.+%][^\W\d_]+)*")
_CONTROLLERS = frozenset(
    {
        *("route", "controller", "view", "option", "action", "task", "mod", "module"),
        *("m", "c", "a", "do", "act", "cmd", "fc", "post_type"),
    }
)
"""Parameters that stand for a path: shops with a front controller have one path for all pages."""
_DEEP = 3
"""Number of path segments from which a path of words alone may belong to an endless space."""


@dataclass(frozen=True, slots=True)
class UrlPattern:
    """The place of a URL among the URLs of its shop."""

    space: str
    """Its path with placeholders for numbers and inner words, and the parameters that stand for a path."""
    part: str
    """Its kind within the space: names of its parameters, or the form of its path."""
    names: frozenset[str]
    """Names of its parameters."""

    def holds(self, other: "UrlPattern") -> bool:
        """Return whether another place is in the same space, narrowed down or widened by parameters."""
        return self.space == other.space and (self.names <= other.names or other.names <= self.names)


def place_of(url: str) -> UrlPattern | None:
    """Return the place of a URL; None if its space cannot be endless: few words, and no query string."""
    parts = urlsplit(url)
    segments = [segment for segment in parts.path.split("/") if segment]
    if segments and language_tag(segments[0]):
        segments = segments[1:]
    pairs = [pair.partition("=") for pair in parts.query.split("&") if pair]
    front = sorted(f"{name}={value}" for name, _, value in pairs if name.lower() in _CONTROLLERS)
    names = frozenset(name for name, _, _ in pairs if name.lower() not in _CONTROLLERS)
    numbered = any(_DIGIT.search(segment) for segment in segments)
    if names or front or numbered:
        shape = [("#" if _DIGIT.search(s) else s if not n else "*") for n, s in enumerate(segments)]
        last = _LETTERS.sub("a", _DIGITS.sub("0", segments[-1] if segments else ""))
        form = "?" + "&".join(sorted(names)) if names else "/" + last
        return UrlPattern("/" + "/".join(shape) + "".join(f"&{one}" for one in front), form, names)
    if len(segments) < _DEEP:
        return None
    return UrlPattern(f"/{segments[0]}/**", str(len(segments)), frozenset())


class Spaces:
    """Counts, for each space of a source, the consecutive pages that yielded nothing new.

    A page yields something new if it shows a product not seen before, or links to an unknown URL outside its space.
    Parts of a space that have not been tried yet get a few trials each, even if the rest of it is abandoned.

    Args:
        streaks: Counts of an earlier run: space and part -> consecutive pages.
    """

    def __init__(self, streaks: Mapping[tuple[str, str], int] | None = None) -> None:
        self._streaks = dict(streaks or {})
        self._changed: set[tuple[str, str]] = set()

    def gives_up(self, url: str, *, following: bool) -> str | None:
        """Return the name of the abandoned space that a URL belongs to; None if it is worth a request.

        Args:
            url: The URL, never requested before.
            following: Whether it is the next page of a listing.
        """
        place = place_of(url)
        if place is None:
            return None
        listing = following and len(place.names) < 2  # filtered listings have next pages, too
        if self._is_barren(place, _BARREN_LISTING if listing else _BARREN):
            return place.space
        if not place.names or listing or self._streaks.get(_tried_here(place), 0) < _TRIALS:
            return None
        return place.part if self._streaks.get(_everywhere(place), 0) >= _BARREN_PARAMETERS else None

    def _is_barren(self, place: UrlPattern, most: int) -> bool:
        """Return whether a space and this part of it have yielded nothing new for long enough."""
        tried = self._streaks.get((place.space, place.part), 0) >= _TRIALS
        return tried and self._streaks.get((place.space, ""), 0) >= most

    def in_doubt(self, url: str) -> bool:
        """Return whether it matters that the page of a URL shows a new product."""
        place = place_of(url)
        return place is not None and self._streaks.get((place.space, place.part), 0) >= _TRIALS - 1

    def note(self, url: str, new: Iterable[str], *, product: bool) -> bool:
        """Count a page that was fetched for the first time; return whether it revives an abandoned space.

        Args:
            url: Its URL.
            new: The unknown URLs that it links to.
            product: Whether it shows a product not seen before.
        """
        place = place_of(url)
        if place is None:
            return False
        outside = wholly_outside = product
        for one in new:
            if outside and wholly_outside:
                break
            other = place_of(one)
            outside = outside or other is None or not place.holds(other)
            wholly_outside = wholly_outside or other is None or not _nested(place.names, other.names)
        revived = outside and self._streaks.get((place.space, ""), 0) >= _BARREN
        self._count((place.space, place.part), fruitful=outside)
        self._count((place.space, ""), fruitful=outside)
        if place.names:
            self._count(_everywhere(place), fruitful=wholly_outside)
            self._count(_tried_here(place), fruitful=wholly_outside)
        return revived

    def changed(self) -> list[tuple[str, str, int]]:
        """Return space, part and count of each streak that changed since the last call."""
        rows = [(*key, self._streaks[key]) for key in sorted(self._changed)]
        self._changed.clear()
        return rows

    def _count(self, key: tuple[str, str], *, fruitful: bool) -> None:
        before = self._streaks.get(key, 0)
        self._streaks[key] = 0 if fruitful else before + 1
        if self._streaks[key] != before:
            self._changed.add(key)


def _everywhere(place: UrlPattern) -> tuple[str, str]:
    return ("", place.part)


def _tried_here(place: UrlPattern) -> tuple[str, str]:
    return ("", place.space + place.part)


def _nested(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(other) and (one <= other or other <= one)
