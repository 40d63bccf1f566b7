"""Template of a shop: where on its pages a field was right, and where it was wrong.

One page tells little; many pages of a shop repeat their template. The place of a candidate is its path of tags and
classes, or of keys in a script, with the label before it. If markup confirms the values at a place, the place is
trusted on pages without markup, too. ``crawler.records.templates`` learns templates from stored pages.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from reader.model import Candidate
    from reader.reading import Reading

__all__ = [
    "CHOSEN",
    "IDENTITIES",
    "NAME_OF_SHOP",
    "TAUGHT",
    "VALUE",
    "Observation",
    "Prior",
    "Template",
    "observe",
    "places_of",
]

TAUGHT = ("caption", "price", "currency", "native_id", "brand", "gtin", "mpn", "image_urls")
"""Fields for which templates are learned."""
IDENTITIES = ("native_id", "gtin", "mpn")
"""Fields whose value belongs to one product; one that several products have is none of any."""
CHOSEN = "chosen "
"""Prefix of an identity's observation that holds the value read, however certain."""
VALUE = "value:"
"""Prefix of the place of a value that several products of the shop have."""
NAME_OF_SHOP = "the shop's name"
"""Place of every candidate for the brand that is named like the shop."""
_SURE = 0.95
"""Probability from which a value is used to learn a template."""
_LIKELY = 0.5
"""The same for a value stated in markup."""
_PIECES = (
    *("here:", "c-here:", "name:", "how:", "turn:first", "turn:later", "title:html", "title:open", "piece:", "leads:"),
    *("url", "url-part:"),
)
"""Prefixes of the evidence that identifies a place."""

Prior = tuple[str, str, float]
"""Field, place, and weight added to the score of a candidate there, in log odds."""


class Observation(NamedTuple):
    """Places of the candidates for a field on one page that was read with confidence."""

    value: str
    marked: bool
    """Whether JSON-LD or microdata states the value."""
    right: tuple[str, ...]
    """Places with the value."""
    wrong: tuple[str, ...]
    """Places with other values."""


class Template:
    """Places of the fields of one shop.

    Args:
        leans: Weights of the known places.
    """

    def __init__(self, priors: tuple[Prior, ...]) -> None:
        self._leans: dict[str, dict[str, float]] = {}
        self._shared: set[tuple[str, str]] = set()
        for field, place, weight in priors:
            if place.startswith(VALUE):
                self._shared.add((field, place.removeprefix(VALUE)))
            else:
                self._leans.setdefault(field, {})[place] = weight

    def is_shared(self, field: str, value: object) -> bool:
        """Return whether several products of the shop have this value of a field that identifies one."""
        return (field, str(value)) in self._shared

    def priors(self, field: str, candidates: Sequence["Candidate"]) -> list[float]:
        """Return the weight that the template adds to each score; 0 if markup states the field."""
        known = self._leans.get(field)
        if not known or any(one.is_stated for one in candidates):
            return [0.0] * len(candidates)
        return [_lean(known, places_of(field, one)) for one in candidates]


def _lean(known: Mapping[str, float], places: Iterable[str]) -> float:
    """Return the highest weight of some places if it is positive, else the lowest."""
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
    """Return the observations of fields read with confidence; empty unless the page shows a product."""
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
    for field, read in (("native_id", reading.native_id), ("gtin", reading.gtin), ("mpn", reading.mpn)):
        if read is not None:
            found[f"{CHOSEN}{field}"] = Observation(read[0], marked=False, right=(), wrong=())
    return found
