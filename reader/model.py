"""Candidates for the fields of a record, and the model that chooses among them.

A candidate is a value. All places of the page that hold the same value are one candidate, and each place has its
evidence (``reader.evidence``). The model is a table of weights for each field. The score of a place is the sum
of the weights of its evidence; that of a candidate is the logarithm of the sum of the exponentials of its places'
scores. The probability of a candidate is the softmax of the scores of all candidates and of "none of them", whose score
is 0, at the temperature that best calibrates the probabilities on shops that the model has not seen.
``reader/weights/README.md`` explains how the shipped weights were learned.
"""

import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile
from zlib import crc32

import numpy as np
from lxml import html
from numpy.typing import NDArray

from core.errors import SettingsError
from reader.template import Template

__all__ = [
    "FIELDS",
    "MODEL_FORMAT",
    "STATED",
    "Candidate",
    "Choice",
    "Model",
    "Pool",
    "evidence_hash",
    "kinds_model",
    "read_model",
    "shipped_model",
]

_MAX_PLACES = 6
"""Maximum places of one candidate whose evidence is collected; further places are only counted."""
_MAX_CANDIDATES = 150
STATED = ("m:json-ld", "m:microdata")
"""Evidence of a value that the page's own markup states."""


@dataclass(slots=True, eq=False)
class Candidate:
    """One value with its evidence."""

    value: object
    origin: str
    """Origin of its first place: ``json-ld``, ``microdata``, ``opengraph``, ``state``, ``html:…``, ``url``."""
    evidence: set[str] = field(default_factory=set)
    """Evidence that all places share."""
    places: list[frozenset[str]] = field(default_factory=list)
    """Evidence of each place, without duplicates."""
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
        """Whether JSON-LD or microdata states it."""
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
        """Add one place of a value. Of values with the same ``key``, the first or the ``better`` one is kept."""
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


FIELDS = (
    *("page", "caption", "price", "currency", "availability", "native_id", "brand", "gtin", "mpn", "category"),
    "image_urls",
)
"""Fields with a table of weights, named as in a record; ``page`` decides whether a page is a product page."""
MODEL_FORMAT = 2
_MAX_CACHED = 200_000
"""Maximum pieces of evidence whose weights are cached by their text."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A candidate and its probability."""

    candidate: Candidate
    probability: float


def evidence_hash(evidence: str) -> int:
    """Return the 32-bit key of the weight of a piece of evidence."""
    return crc32(evidence.encode("utf-8", "replace"))


@dataclass
class _Table:
    weights: Mapping[int, float]
    temperature: float
    known: "_Known" = field(init=False)

    def __post_init__(self) -> None:
        self.known = _Known(self.weights)

    def score(self, candidate: Candidate) -> float:
        """Return the score of a candidate: the logarithm of the summed odds of its places."""
        shared = self.total(candidate.evidence)
        scores = [shared + self.total(place - candidate.evidence) for place in candidate.places] or [shared]
        top = max(scores)
        return (top + math.log(math.fsum(math.exp(score - top) for score in scores))) / self.temperature

    def total(self, evidence: Iterable[str]) -> float:
        """Return the sum of the weights of pieces of evidence, rounded so that it does not depend on their order."""
        return math.fsum(map(self.known.__getitem__, evidence))


class _Known(dict[str, float]):
    """Weights of pieces of evidence by their text."""

    def __init__(self, weights: Mapping[int, float]) -> None:
        super().__init__()
        self._weights = weights

    def __missing__(self, evidence: str) -> float:
        found = self._weights.get(evidence_hash(evidence), 0.0)
        if len(self) < _MAX_CACHED:
            self[evidence] = found
        return found


class Model:
    """Weights of all fields.

    Args:
        tables: Field -> evidence hash -> weight.
        temperatures: Field -> temperature of its softmax.
        least: Field -> probability below which it stays empty.
        about: How the model was made; ``digest`` identifies its weights.
    """

    def __init__(
        self,
        tables: Mapping[str, Mapping[int, float]],
        temperatures: Mapping[str, float],
        least: Mapping[str, float],
        about: Mapping[str, object],
    ) -> None:
        self._tables = {name: _Table(tables.get(name, {}), temperatures.get(name, 1.0)) for name in {*FIELDS, *tables}}
        self.least = least
        self.about = about

    def choose(
        self, field_name: str, candidates: Sequence[Candidate], template: Template | None = None
    ) -> Choice | None:
        """Return the likeliest candidate, the first of equals; None if there are no candidates."""
        return max(self.odds(field_name, candidates, template), key=lambda one: one.probability, default=None)

    def odds(self, field_name: str, candidates: Sequence[Candidate], template: Template | None = None) -> list[Choice]:
        """Return each candidate with its probability; what they lack to 1 is that of "none of them"."""
        table = self._tables[field_name]
        scores = [table.score(one) for one in candidates]
        if template is not None:
            priors = template.priors(field_name, candidates)
            scores = [score + lean for score, lean in zip(scores, priors, strict=True)]
        top = max(0.0, *scores) if scores else 0.0
        total = math.exp(-top) + math.fsum(math.exp(score - top) for score in scores)
        return [Choice(one, math.exp(score - top) / total) for one, score in zip(candidates, scores, strict=True)]

    def probability(self, field_name: str, evidence: Iterable[str]) -> float:
        """Return the probability of a statement, such as "this is a product page"."""
        table = self._tables[field_name]
        score = table.total(evidence) / table.temperature
        return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, score))))

    def weights(self, field_name: str) -> Mapping[int, float]:
        """Return the weights of a field by the hashes of evidence."""
        return self._tables[field_name].weights

    def temperature(self, field_name: str) -> float:
        """Return the temperature of a field."""
        return self._tables[field_name].temperature

    def spoke(self, field_name: str, candidate: Candidate, most: int = 8) -> list[tuple[str, float]]:
        """Return the evidence with the largest weights of a candidate's best place, to explain a choice to people."""
        table = self._tables[field_name]
        best = max(candidate.readings(), key=table.total)
        weighed = [(one, table.known[one] / table.temperature) for one in best]
        return sorted(weighed, key=lambda pair: (-abs(pair[1]), pair[0]))[:most]


def read_model(path: Path) -> Model:
    """Read a model file.

    Raises:
        SettingsError: The file is missing, damaged, too large, or of another format.
    """
    try:
        _check_size(path)
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            if about["format"] != MODEL_FORMAT:
                raise SettingsError(
                    f"{path}: a reader model of format {str(about['format'])[:20]}; this version reads {MODEL_FORMAT}. "
                    "Teach it again with m5data learn-reader."
                )
            names = [key.removesuffix(".keys") for key in arrays if key.endswith(".keys")]
            tables = {name: _weights(arrays[f"{name}.keys"], arrays[f"{name}.weights"]) for name in names}
            return Model(tables, _shares(about["temperatures"], above=0.0), _shares(about["least"]), about)
    except _DAMAGE as error:
        what = " ".join((str(error) or type(error).__name__).split())[:120]
        raise SettingsError(f"{path}: not a reader model ({what}). Make one with m5data learn-reader.") from None


_DAMAGE = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError, OverflowError, MemoryError),
    *(BadZipFile, zlib.error),
)
"""What reading a file that is no model may raise."""
_MAX_UNPACKED = 256 << 20
"""Most bytes of a model's arrays; the shipped one has 1 MB."""


def _check_size(path: Path) -> None:
    """Raise a ``ValueError`` if an archive unpacks to too many bytes; no member unpacks to more than it states."""
    with ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
        if size > _MAX_UNPACKED:
            raise ValueError(f"its arrays take {size:,} bytes")


def _weights(keys: NDArray[Any], weights: NDArray[Any]) -> dict[int, float]:
    """Return a field's table; another form is a ``ValueError``."""
    values = weights.astype(float)
    if keys.ndim != 1 or keys.dtype.kind not in "iu" or not np.isfinite(values).all():
        raise ValueError("its weights are no table of numbers")
    return dict(zip(keys.tolist(), values.tolist(), strict=True))


def _shares(given: object, above: float | None = None) -> dict[str, float]:
    """Return field -> number; another form, or a number not above ``above``, is a ``ValueError``."""
    found = {str(name): float(value) for name, value in dict(given).items()}  # type: ignore[call-overload]  # JSON
    if not all(math.isfinite(value) and (above is None or value > above) for value in found.values()):
        raise ValueError("its numbers are out of range")
    return found


@cache
def shipped_model() -> Model:
    """Return the model that comes with m5data."""
    return _shipped("reader.npz")


@cache
def kinds_model() -> Model:
    """Return the model that tells listings from other pages without a product."""
    return _shipped("kinds.npz")


def _shipped(name: str) -> Model:
    return read_model(Path(str(files("reader").joinpath(f"weights/{name}"))))
