"""Candidates for the fields of a record, with the evidence of each of their places.

A candidate is a value. All places of the page that hold the same value are one candidate, and each place has its
evidence (``crawler.pages.evidence``).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from lxml import html

__all__ = ["STATED", "Candidate", "Pool"]

_MAX_PLACES = 6
"""Places of one candidate whose evidence is collected; the rest only count."""
_MAX_CANDIDATES = 150
STATED = ("m:json-ld", "m:microdata")
"""Evidence of a value that the page's own markup states."""


@dataclass(slots=True, eq=False)
class Candidate:
    """One value with its evidence."""

    value: object
    origin: str
    """Where it stands first: ``json-ld``, ``microdata``, ``opengraph``, ``state``, ``html:…``, ``url``."""
    evidence: set[str] = field(default_factory=set)
    """What holds wherever the value stands."""
    places: list[frozenset[str]] = field(default_factory=list)
    """Evidence of each place, those alike once."""
    count: int = 0
    """Number of places."""
    kinds: set[str] = field(default_factory=set)
    better: float = 0.0
    element: html.HtmlElement | None = None
    """Element of its first place in the HTML, if it is an image."""

    def readings(self) -> list[frozenset[str]]:
        """Return the evidence for the value at each of its places."""
        return [place | self.evidence for place in self.places] or [frozenset(self.evidence)]

    @property
    def is_stated(self) -> bool:
        """Whether JSON-LD or microdata state it."""
        return self.has(*STATED)

    def has(self, *evidence: str) -> bool:
        """Return whether any place has one of the pieces of evidence."""
        return any(not place.isdisjoint(evidence) for place in self.places)


class Pool:
    """Candidates of one field, each value once, in the order in which they were found."""

    def __init__(self) -> None:
        self._found: dict[object, Candidate] = {}

    def add(
        self,
        key: object,
        value: object,
        origin: str,
        evidence: Iterable[str],
        better: float | None = None,
        element: html.HtmlElement | None = None,
    ) -> None:
        """Add one place of a value. Of values with the same ``key`` the first stays, or the one that is ``better``."""
        one = self._found.get(key)
        if one is None:
            if len(self._found) >= _MAX_CANDIDATES:
                return
            one = self._found[key] = Candidate(value, origin, better=better or 0.0)
        elif better is not None and better > one.better:
            one.value, one.better = value, better
        if one.element is None:
            one.element = element
        one.count += 1
        kind = origin.partition(":")[0]
        one.kinds.add(kind)
        if len(one.places) < _MAX_PLACES and (place := frozenset((*evidence, f"at:{kind}"))) not in one.places:
            one.places.append(place)

    def candidates(self, *, kinds: bool = True) -> list[Candidate]:
        """Return the candidates with evidence of their number and order, and of the ``kinds`` of places if wanted."""
        found = list(self._found.values())
        for place, one in enumerate(found):
            one.evidence |= {
                "bias",
                f"places:{'one' if one.count == 1 else 'several'}",
                "first" if place == 0 else "later",
            }
            one.evidence.add(f"kinds:{len(one.kinds)}")
            if kinds:
                one.evidence.update(f"kind:{kind}" for kind in one.kinds)
            if len(found) == 1:
                one.evidence.add("alone")
        return found
