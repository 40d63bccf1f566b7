"""Templates of sources, learned across many pages of one shop."""

import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby

from crawler.crawl.frontier import open_frontier
from crawler.crawl.stored_pages import StoredPageRow
from reader.template import CHOSEN, IDENTITIES, NAME_OF_SHOP, VALUE, Observation, Prior
from storage import Store

__all__ = [
    "TemplatePosition",
    "known_template",
    "priors_of",
    "read_template",
    "remember_template",
    "sample_of",
    "samples_digest",
    "teach",
]

_SAMPLE = 120
"""Maximum pages of a source to learn from, so that neither time nor memory grows with the shop."""
_FEW = 10
"""Number of pages below which a source has no template."""
_MIN = 3
"""Minimum pages on which a place was seen, and products that share an id which is none."""
_FEW_BRANDED = 8
"""Number of pages, all of one brand, from which a brand named like the shop is taken for the shop's name."""
_CLIP = 4.0
_MARKED, _AGREED = 2.0, 0.5
"""Weight of a place that markup confirms, and of one on which only confident readings agree."""
_CONSTANT = frozenset(("currency", "brand"))
"""Fields that may have the same value on all pages."""


@dataclass(frozen=True, slots=True)
class TemplatePosition:
    """A place of a field in the template of a source."""

    field: str
    place: str
    right: int
    """Pages with the value in the place."""
    wrong: int
    """Pages with something else in the place."""
    marked: bool
    """Whether markup confirms it; otherwise only confidently read pages agree."""
    weight: float


def sample_of(pages: Iterable[StoredPageRow]) -> dict[str, list[StoredPageRow]]:
    """Return the pages of each source from which to learn its template: always the same ones, and evenly spread.

    Args:
        pages: Stored pages, grouped by source.
    """
    found = {}
    for source, several in groupby(pages, key=lambda page: page.source):
        ordered = sorted(several, key=lambda page: hashlib.sha256(page.url.encode()).digest())
        if len(ordered) >= _FEW:
            found[source] = ordered[:_SAMPLE]
    return found


def samples_digest(sample: Sequence[StoredPageRow], reader: str) -> str:
    """Return a hash of everything that a template depends on."""
    return hashlib.sha256(repr((reader, [(page.url, page.sha256) for page in sample])).encode()).hexdigest()[:16]


def teach(pages: Iterable[Mapping[str, Observation]]) -> tuple[TemplatePosition, ...]:
    """Return the places learned from the pages of a source, sorted by field and place.

    If enough pages state a field in their markup, only these teach it. A place is trusted only if its values differ:
    a value that is on every page belongs to the shop. An id that several products have is none.
    """
    by_field: dict[str, list[Observation]] = defaultdict(list)
    named: dict[tuple[str, str], set[str]] = defaultdict(set)
    for page in pages:
        for field, one in page.items():
            by_field[field].append(one)
        for field in IDENTITIES:
            if (read := page.get(f"{CHOSEN}{field}")) and (caption := page.get("caption")):
                named[field, read.value].add(caption.value)
    found = [place for field, several in by_field.items() for place in _of_field(field, several)]
    found += [
        TemplatePosition(field, f"{VALUE}{value}", 0, len(captions), marked=False, weight=-_CLIP)
        for (field, value), captions in named.items()
        if len(captions) >= _MIN
    ]
    return tuple(sorted(found, key=lambda one: (one.field, one.place)))


def _of_field(field: str, several: Sequence[Observation]) -> Iterator[TemplatePosition]:
    marked = [one for one in several if one.marked]
    confirmed = len(marked) >= _MIN
    teachers = marked if confirmed else several
    right = Counter(place for one in teachers for place in one.right)
    wrong = Counter(place for one in teachers for place in one.wrong)
    values: dict[str, set[str]] = defaultdict(set)
    for one in teachers:
        for place in one.right:
            values[place].add(one.value)
    own = field == "brand" and not marked and len(teachers) >= _FEW_BRANDED and len({one.value for one in teachers}) < 2
    for place in sorted(right.keys() | wrong.keys()):
        hits, misses = right[place], wrong[place]
        if hits + misses < _MIN:
            continue
        # Rounded, so that one more page rarely changes the template and with it every page of the shop.
        odds = round(max(-_CLIP, min(_CLIP, math.log((hits + 0.5) / (misses + 0.5)))))
        if odds > 0 and len(values[place]) < 2 and field not in _CONSTANT:
            odds = 0
        weight = odds * (_MARKED if confirmed else _AGREED)
        if own and place == NAME_OF_SHOP:
            weight = -_CLIP
        if weight:
            yield TemplatePosition(field, place, hits, misses, confirmed, weight)


def priors_of(places: Iterable[TemplatePosition]) -> tuple[Prior, ...]:
    """Return the parts of a template that are needed to read a page."""
    return tuple((one.field, one.place, one.weight) for one in places)


def known_template(store: Store, source: str, digest: str | None = None) -> tuple[TemplatePosition, ...] | None:
    """Return the template that was learned last; None if there is none, or if its digest is not ``digest``."""
    with open_frontier(store, source) as connection:
        row = connection.execute("SELECT digest, places FROM source_templates WHERE source = ?", (source,)).fetchone()
    if row is None or digest not in (None, row[0]):
        return None
    return tuple(TemplatePosition(**one) for one in json.loads(row[1]))


def read_template(store: Store, source: str) -> tuple[TemplatePosition, ...]:
    """Return the template of a source in a workspace; empty if there is none."""
    return (known_template(store, source) or ()) if source in store.frontiers.names() else ()


def remember_template(store: Store, source: str, digest: str, places: Iterable[TemplatePosition]) -> None:
    """Keep the template of a source for the next run."""
    text = json.dumps([asdict(one) for one in places])
    with open_frontier(store, source) as connection:
        connection.execute("INSERT OR REPLACE INTO source_templates VALUES (?, ?, ?)", (source, digest, text))
