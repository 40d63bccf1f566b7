"""The template of a shop: where on its pages a field was right, and where it was wrong.

One page tells little; many pages of a shop repeat their template. The place of a candidate is its path of tags and
classes, or of keys in a script, with the label before it. Where markup confirms what stands at a place, pages without
markup are believed there too. ``crawler.records.templates`` learns templates from stored pages.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from crawler.pages.model import Candidate
    from crawler.pages.reading import Reading

__all__ = ["NAME_OF_SHOP", "TAUGHT", "Lean", "Observation", "Template", "observe", "places_of"]

TAUGHT = ("caption", "price", "currency", "native_id", "brand", "gtin", "mpn", "image_urls")
"""Fields that the pages of a shop teach each other."""
NAME_OF_SHOP = "the shop's name"
"""Place of every candidate for the brand that is called like the shop."""
_SURE = 0.95
"""Probability from which a page teaches others."""
_LIKELY = 0.5
"""The same where markup says so too."""
_PIECES = (
    *("here:", "c-here:", "name:", "how:", "turn:first", "turn:later", "title:html", "title:open", "piece:", "leads:"),
    *("url", "url-part:"),
)
"""Beginnings of the evidence that makes up a place."""

Lean = tuple[str, str, float]
"""Field, place, and what a candidate there gains or loses: the logarithm of its odds."""


class Observation(NamedTuple):
    """What one page that is sure of a field says about the places of its candidates."""

    value: str
    marked: bool
    """JSON-LD or microdata state the value."""
    right: tuple[str, ...]
    """Places where the value stands."""
    wrong: tuple[str, ...]
    """Places where others stand."""


class Template:
    """Places of the fields of one shop.

    Args:
        leans: What is known of each place.
    """

    def __init__(self, leans: tuple[Lean, ...]) -> None:
        self._leans: dict[str, dict[str, float]] = {}
        for field, place, weight in leans:
            self._leans.setdefault(field, {})[place] = weight

    def leans(self, field: str, candidates: Sequence["Candidate"]) -> list[float]:
        """Return what the template adds to each score; nothing where the page has markup of its own."""
        known = self._leans.get(field)
        if not known or any(one.is_stated for one in candidates):
            return [0.0] * len(candidates)
        return [_lean(known, places_of(field, one)) for one in candidates]


def _lean(known: Mapping[str, float], places: Iterable[str]) -> float:
    """Return what is known of the best of some places."""
    found = [known[place] for place in places if place in known]
    return max(found) if found and max(found) > 0 else min(found, default=0.0)


def places_of(field: str, candidate: "Candidate") -> frozenset[str]:
    """Return the places of a candidate outside markup."""
    found = {
        " ".join(sorted({piece for piece in evidence if piece.startswith(_PIECES) and "|" not in piece}))
        for evidence in candidate.places
        if not any(piece.startswith("m:") for piece in evidence)
    }
    if field == "currency":
        found.add(f"is:{candidate.value}")
    if field == "brand" and candidate.has("shop"):
        found.add(NAME_OF_SHOP)
    return frozenset(found - {""})


def observe(reading: "Reading") -> Mapping[str, Observation]:
    """Return what a page teaches of each field that it is sure of; nothing unless it shows a product."""
    if not reading.kind.startswith("product"):
        return {}
    found = {}
    for field in TAUGHT:
        candidates = reading.candidates(field)
        stated = [one for one in candidates if one.is_stated]
        choice = reading.model.choose(field, stated or candidates)
        if choice is None or choice.probability < (_LIKELY if stated else _SURE):
            continue
        best = choice.candidate
        wrong = {place for one in candidates if one is not best for place in places_of(field, one)}
        right = places_of(field, best)
        found[field] = Observation(str(best.value), bool(stated), tuple(sorted(right)), tuple(sorted(wrong)))
    return found
