"""Choice of one page per product, where several pages show it."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.records import Reject
from crawler.crawl.stored_pages import StoredPageRow
from crawler.records.page_outcome import Claims, PageOutcome
from crawler.settings import CrawlSettings

__all__ = ["FORM", "ChosenPage", "ChosenPages", "choose_products", "url_form", "why_same_product"]

_TAKEN_DOWN = "taken_down"
"""Kind of pages that are never reported, not even as dropped."""
_DETAILS = {
    "listing": "a page that lists products",
    "other": "no product on the page",
    "soft_404": "the page says that there is nothing, with status 200",
}


@dataclass(frozen=True, slots=True)
class ChosenPage:
    """The page that a product is read from."""

    page: StoredPageRow
    native_id: str
    """Unique in the source."""
    url: str
    """URL of the product: the canonical one, unless pages of different products share that."""


@dataclass(frozen=True, slots=True)
class ChosenPages:
    """Chosen pages, rejects, and outcomes of pages with a product."""

    products: dict[str, ChosenPage]
    """Product id -> its page, in order of id."""
    rejects: tuple[Reject, ...]
    """Sorted by URL."""
    outcomes: dict[tuple[str, str], PageOutcome]
    """Source and URL -> outcome of a page with a product, with the id and URL of the page chosen for it."""


def choose_products(
    pages: Sequence[StoredPageRow], outcomes: Mapping[tuple[str, str], PageOutcome], settings: CrawlSettings
) -> ChosenPages:
    """Choose a page for each product; every other page is a reject.

    Two pages show the same product if they have the same canonical URL or the same id, and their other claims agree
    (``why_same_product``). The page at the canonical URL is preferred, then one named in a sitemap, then the first by
    URL.

    Args:
        pages: All pages.
        outcomes: Source and URL -> outcome of the page.
        settings: Settings with the URL patterns of product pages (``product_urls``) of each source.
    """
    patterns = {
        name: tuple(re.compile(pattern) for pattern in source.product_urls) for name, source in settings.sources.items()
    }
    products: list[_Product] = []
    rejects: list[tuple[str, Reject]] = []
    for page in pages:
        outcome = outcomes[page.source, page.url]
        product_urls = patterns.get(page.source, ())
        claims, kind = outcome.claims, outcome.kind
        if kind == "product" and claims and not (product_urls and not _matches(product_urls, page.url, claims.url)):
            products.append(_Product(page, outcome, claims))
        elif kind != _TAKEN_DOWN:
            expected = _matches(product_urls, page.url) if product_urls else page.listed and kind != "listing"
            rejects.append((page.source, _reject(page, outcome, expected=expected)))
    rejects += _merge(products)
    chosen = {f"{p.page.source}:{p.native_id}": p.chosen() for p in products if p.same_as is None}
    shown = {(p.page.source, p.page.url): p.outcome_of() for p in products}
    return ChosenPages(dict(sorted(chosen.items())), tuple(_distinct(rejects)), shown)


def _distinct(rejects: Iterable[tuple[str, Reject]]) -> Iterator[Reject]:
    """Yield rejects sorted by URL; repetitions of one by further sources name their source."""
    before: Reject | None = None
    for source, reject in sorted(rejects, key=lambda pair: (pair[1].item, pair[1].reason, pair[1].detail, pair[0])):
        yield reject if reject != before else replace(reject, detail=f"{reject.detail} (source {source})".strip())
        before = reject


def _reject(page: StoredPageRow, outcome: PageOutcome, *, expected: bool) -> Reject:
    # A product at a URL outside the source's product_urls does not count as one.
    kind = "other" if outcome.kind == "product" else outcome.kind
    if expected and kind in ("listing", "other"):
        return Reject(page.url, "not_a_product", "listed as a product, but the page shows none")
    return Reject(page.url, kind, outcome.detail or _DETAILS.get(kind, ""))


def _matches(patterns: Sequence[re.Pattern[str]], *urls: str) -> bool:
    return any(pattern.search(url) for url in urls for pattern in patterns)


@dataclass(slots=True)
class _Product:
    """A page with a product; ``same_as`` is the page chosen for the product, if that is another."""

    page: StoredPageRow
    outcome: PageOutcome
    claims: Claims
    same_as: "_Product | None" = None
    native_id: str = field(init=False)
    url: str = field(init=False)

    def __post_init__(self) -> None:
        self.native_id, self.url = self.claims.id, self.claims.url

    def chosen(self) -> ChosenPage:
        return ChosenPage(self.page, self.native_id, self.url)

    def outcome_of(self) -> PageOutcome:
        first = self.same_as or self
        return replace(self.outcome, native_id=first.native_id, identity=first.url)


_MOST_ALIKE = 20
"""Maximum products with one id or canonical URL that a page is compared with; more are the shop's mistake."""


def _merge(products: list[_Product]) -> list[tuple[str, Reject]]:
    """Pick one page per product, make the ids unique, and return the source and reject of every other page."""
    by_url: dict[tuple[str, str], list[_Product]] = {}
    by_id: dict[tuple[str, str], list[_Product]] = {}
    by_form: dict[tuple[str, str], list[_Product]] = {}
    rejects: list[tuple[str, Reject]] = []
    for one in sorted(products, key=_precedence):
        source = one.page.source
        sharing_url = by_url.setdefault((source, one.claims.url), [])
        sharing_id = by_id.setdefault((source, one.claims.id), [])
        sharing_form = by_form.setdefault((source, f"{url_form(one.claims.url)} {one.claims.caption}"), [])
        shared = {"canonical URL": sharing_url, "id": sharing_id, FORM: sharing_form}
        why = next((why for name, others in shared.items() if (why := _find_same(one, others, name))), "")
        if why and one.same_as:
            detail = f"the same product as {one.same_as.page.url}: {why}"
            rejects.append((source, Reject(one.page.url, "duplicate_url", detail)))
            continue
        if sharing_url:
            one.url = one.page.url
        if sharing_id:
            one.native_id = f"{one.claims.id}~{hashlib.sha256(one.page.url.encode()).hexdigest()[:8]}"
        sharing_url.append(one)
        sharing_id.append(one)
        sharing_form.append(one)
    return rejects


def _precedence(one: _Product) -> tuple[object, ...]:
    page = one.page
    return page.source, page.url != one.claims.url, not page.listed, page.url


def _find_same(one: _Product, others: Iterable[_Product], shared: str) -> str:
    """Set ``same_as`` to the first of the others that is the same product, and return why; empty if none is."""
    for other in list(others)[:_MOST_ALIKE]:
        if why := why_same_product(one.claims, other.claims, shared):
            one.same_as = other
            return why
    return ""


FORM = "URL except for its numbers"
"""Property shared by pages that may show sizes of one product."""
_DIGITS = re.compile(r"\d+")

_TOKEN = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]|[^\W_\u3040-\u30ff\u4e00-\u9fff]+")
"""A word, or a character of a language without spaces."""
_ALIKE = 0.6
"""Minimum share of the shorter caption's words in the longer one, for both to name the same product."""


def why_same_product(one: Claims, other: Claims, shared: str) -> str:
    """Return in words why two pages show the same product; empty if they have too little in common.

    A canonical URL, or an id written on the page, is the shop's claim, which is wrong where a template repeats one on
    all pages. So something else must agree: the GTIN, most words of the caption, or the main image. An id guessed from
    the URL is only our own claim: the whole caption must agree, and GTIN and price where both pages have them.

    Args:
        one: Claims of a page.
        other: Claims of the other page.
        shared: What they share: ``canonical URL``, ``id`` or ``FORM``.
    """
    guessed = one.guessed or other.guessed
    if shared == FORM:
        return _why_alike(one, other)
    if shared == "id" and guessed:
        return _why_guessed(one, other)
    both_gtins = bool(one.gtin and other.gtin)
    if shared == "id" and both_gtins and one.gtin != other.gtin:
        return ""
    both_captions = bool(one.caption and other.caption)
    signs = {
        f"the same {shared} and GTIN": both_gtins and one.gtin == other.gtin,
        f"the same {shared} and a similar caption": both_captions and _share(one.caption, other.caption) >= _ALIKE,
        f"the same {shared} and main image": bool(one.image) and one.image == other.image,
        "the same canonical URL and id": shared != "id" and one.id == other.id and not guessed,
        "the same canonical URL, and no captions to compare": shared != "id" and not both_captions,
    }
    return next((why for why, holds in signs.items() if holds), "")


def _why_guessed(one: Claims, other: Claims) -> str:
    pairs = ((one.gtin, other.gtin), (one.price, other.price))
    if any(a and b and a != b for a, b in pairs) or not one.caption or _words(one.caption) != _words(other.caption):
        return ""
    return "the same id in the URL, caption and price"


def _why_alike(one: Claims, other: Claims) -> str:
    """Return why two pages are sizes of one product: only numbers in their URLs tell them apart."""
    guessed = one.guessed and other.guessed and not one.gtin and not other.gtin
    said = bool(one.caption and one.price and one.image)
    alike = (one.caption, one.price, one.image) == (other.caption, other.price, other.image)
    return "the same caption, price, main image and URL except for its numbers" if guessed and said and alike else ""


def url_form(url: str) -> str:
    """Return a URL with every number replaced by 0."""
    return _DIGITS.sub("0", url)


def _share(one: str, other: str) -> float:
    first, second = set(_words(one)), set(_words(other))
    fewer = min(len(first), len(second))
    return len(first & second) / fewer if fewer else 0.0


def _words(text: str) -> list[str]:
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())
