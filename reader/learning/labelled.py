"""Labelled pages, turned into examples: candidates, their evidence, and which are right."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from core.errors import PageError
from reader.document import read_document
from reader.evidence import OF_SHOP, key_of
from reader.facts import Facts
from reader.media_candidates import image_key
from reader.model import FIELDS, evidence_hash
from reader.price_candidates import UNSTATED
from reader.reading import Reading

__all__ = [
    "SYNTHETIC_SHOPS",
    "Example",
    "LabelledPage",
    "answer",
    "examples_of",
    "labelled_by_markup",
    "page_examples",
    "without_markup",
]

SYNTHETIC_SHOPS = "synthetic lessons"
"""Prefix of the shop names of ``lessons``."""
_SURE = (
    *("m:", UNSTATED),
    *(f"{where}:{kind}" for where in ("kind", "at") for kind in ("json-ld", "microdata", "opengraph")),
)
"""Prefixes of evidence that is true in nearly every shop: markup, and amounts that follow from each other."""


@dataclass(frozen=True, slots=True)
class LabelledPage:
    """A page and its right answers."""

    shop: str
    url: str
    body: bytes
    truth: Mapping[str, frozenset[str]] | None
    """Field -> right answers (as ``answer`` returns them); a missing field is unknown, an empty set means none.
    None if the page is not a product page."""
    markup: bool = True
    """Whether the page still has its markup."""


@dataclass(frozen=True, slots=True)
class Example:
    """The candidates of one field of one page."""

    shop: str
    page: int
    """Number of the page."""
    field: str
    markup: bool
    evidence: tuple[npt.NDArray[np.int64], ...]
    """Hashes of the evidence of each place of each candidate; of what is true in nearly every shop, with bit 32 set."""
    owners: npt.NDArray[np.int64]
    """Index of the candidate of each place."""
    right: npt.NDArray[np.bool_]
    """Whether each candidate is right."""
    answers: tuple[str, ...]
    truth: frozenset[str]


_LD = re.compile(r"<script[^>]*application/ld\+json[^>]*>.*?</script>", re.DOTALL | re.IGNORECASE)
_META = re.compile(
    r"<meta[^>]+(?:property|name|itemprop)=[\"']?(?:og:|product:|twitter:|price|sku|brand|availability)[^>]*>",
    re.IGNORECASE,
)
_ITEM = re.compile(
    r"\s(?:itemprop|itemtype|itemscope|itemid|typeof|vocab)(?:=(?:\"[^\"]*\"|'[^']*'|[^\s>]+))?", re.IGNORECASE
)


def without_markup(html: str) -> str:
    """Return a page without JSON-LD, microdata, RDFa and meta elements such as OpenGraph."""
    return _ITEM.sub(" ", _META.sub("", _LD.sub("", html)))


def answer(field: str, value: object) -> str:
    """Return a value in its form for comparison."""
    if field == "price":
        return f"{Decimal(str(value)):.2f}"
    if field == "category" and isinstance(value, tuple | list):
        return " > ".join(key_of(str(name)) for name in value)
    if field == "image_urls":
        return image_key(str(value))
    return str(value) if field in ("currency", "availability", "page") else key_of(str(value))


def labelled_by_markup(shop: str, url: str, body: bytes) -> LabelledPage | None:
    """Return a page labelled by its JSON-LD or microdata; None if that shows no product.

    Raises:
        PageError: The page cannot be parsed.
    """
    reading = Reading(read_document(body, url))
    said = [one for one in reading.page.marked if one.origin != "opengraph" and one.caption and one.prices]
    if not said:
        return None
    truth = {field: values for field, values in _said(said[0]).items() if values}
    path = next((one.value for one in reading.candidates("category") if one.origin in ("json-ld", "microdata")), None)
    if path:
        truth["category"] = frozenset((answer("category", path),))
    return LabelledPage(shop, url, body, truth)


def _said(facts: Facts) -> dict[str, frozenset[str]]:
    single = {
        "caption": facts.caption,
        "currency": facts.currency,
        "availability": facts.availability,
        "brand": facts.brand,
    }
    single |= {"native_id": facts.sku, "gtin": facts.gtin, "mpn": facts.mpn}
    found = {field: frozenset((answer(field, value),)) for field, value in single.items() if value}
    found["price"] = frozenset(answer("price", price) for price in facts.prices)
    found["image_urls"] = frozenset(answer("image_urls", url) for url in facts.image_urls)
    return found


def examples_of(pages: Iterable[LabelledPage]) -> Iterator[Example]:
    """Yield the examples of pages, each page both as is and without its markup."""
    for number, page in enumerate(pages):
        yield from page_examples(page, number)


def page_examples(page: LabelledPage, number: int) -> Iterator[Example]:
    """Yield the examples of one page, both as is and without its markup."""
    bare = without_markup(page.body.decode("utf-8", "replace")).encode("utf-8", "replace")
    for one in (page, replace(page, body=bare, markup=False)):
        yield from _of_page(one, number)


def _of_page(page: LabelledPage, number: int) -> Iterator[Example]:
    try:
        reading = Reading(read_document(page.body, page.url))
    except PageError:
        return
    for field in FIELDS:
        if field == "page":
            truth = frozenset(("product",) if page.truth is not None else ())
        elif page.truth is None or field not in page.truth:
            continue
        else:
            truth = page.truth[field]
        found = reading.candidates(field)
        answers = tuple(answer(field, one.value) for one in found)
        taught = truth if field != "caption" or page.markup else _without_shop(reading, truth)
        right = np.array([one in taught for one in answers], dtype=bool)
        if truth and field not in ("page", "availability") and not right.any() and not _shown(reading, field, truth):
            continue
        places = [(owner, place) for owner, one in enumerate(found) for place in one.readings()]
        hashes = tuple(
            np.array(sorted(evidence_key(one) for one in place if not one.startswith(OF_SHOP)), dtype=np.int64)
            for _, place in places
        )
        owners = np.array([owner for owner, _ in places], dtype=np.int64)
        yield Example(page.shop, number, field, page.markup, hashes, owners, right, answers, truth)


def _without_shop(reading: Reading, truth: frozenset[str]) -> frozenset[str]:
    """Return the captions to learn: the heading replaces a caption that repeats the title with the shop name."""
    heading = key_of(reading.seen.text_of(reading.seen.title)) if reading.seen.title is not None else ""
    title = key_of(reading.document.title)
    return frozenset(heading if heading and one == title and one.startswith(heading) else one for one in truth)


def _shown(reading: Reading, field: str, truth: frozenset[str]) -> bool:
    """Return whether a right answer is visible on the page; if none is, the reader is not at fault."""
    if field in ("image_urls", "currency", "category"):
        return False
    if field == "price":
        return any(
            one.replace(".", "") in reading.page.shown or one.removesuffix(".00") in reading.page.shown for one in truth
        )
    return any(one in reading.page.shown for one in truth)


def evidence_key(piece: str) -> int:
    """Return the key of a piece of evidence in examples: its hash, with bit 32 set if it holds in nearly every shop."""
    return evidence_hash(piece) | (1 << 32 if piece.startswith(_SURE) else 0)
