"""Choice of one page per product, where several pages show it."""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from core.records import Reject
from crawler.crawl.stored_pages import StoredPageRow
from crawler.records.page_outcome import Claims, PageOutcome
from crawler.records.unmarked import doubt_about, marked_shares
from crawler.settings import CrawlSettings
from reader.url_ids import fallback_id, id_from_url

__all__ = ["OUTSIDE", "ChosenPage", "ChosenPages", "SharedId", "choose_products", "why_same_product"]

OUTSIDE = "outside_product_urls"
"""Reason for a product whose URL the settings do not take for one of a product."""
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
    """URL of the product: the canonical one, unless different products share that or no product is there."""


@dataclass(frozen=True, slots=True)
class ChosenPages:
    """Chosen pages, rejects, and outcomes of pages with a product."""

    products: dict[str, ChosenPage]
    """Product id -> its page, in order of id."""
    rejects: tuple[Reject, ...]
    """Sorted by URL."""
    outcomes: dict[tuple[str, str], PageOutcome]
    """Source and URL -> outcome of a page with a product, with the id and URL of the page chosen for it."""
    shared_ids: tuple["SharedId", ...] = ()
    """Ids that identify nothing, sorted by source and id."""
    outside: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    """Source -> number of products that match no ``product_urls``, and the first by URL."""


@dataclass(frozen=True, slots=True, order=True)
class SharedId:
    """An id that pages of several products of a source show, so that none of them has it."""

    source: str
    id: str
    products: int


def choose_products(
    pages: Sequence[StoredPageRow],
    outcomes: Mapping[tuple[str, str], PageOutcome],
    settings: CrawlSettings,
    dead: AbstractSet[tuple[str, str]] = frozenset(),
) -> ChosenPages:
    """Choose a page for each product; every other page is a reject.

    Two pages show the same product if they have the same canonical URL or the same id, and strong claims agree
    (``why_same_product``). The page at the canonical URL is preferred, then one named in a sitemap, then the first by
    URL. An id or a canonical URL that different products share identifies none: the id is then taken from the URL.
    Where nearly all product pages of a source have markup, an uncertain page without it is no product.

    Args:
        pages: All pages.
        outcomes: Source and URL -> outcome of the page.
        settings: Settings with the URL patterns of product pages (``product_urls``) of each source.
        dead: Source and URL of canonical URLs that do not exist (404, 410): their products have the page's own, as
            have those whose canonical URL leads to a page without a product.
    """
    patterns = {
        name: tuple(re.compile(pattern) for pattern in source.product_urls) for name, source in settings.sources.items()
    }
    shares = marked_shares(((source, one) for (source, _), one in outcomes.items()))
    products: list[_Product] = []
    rejects: list[tuple[str, Reject]] = []
    for page in pages:
        outcome = outcomes[page.source, page.url]
        product_urls = patterns.get(page.source, ())
        claims, kind = outcome.claims, outcome.kind
        if kind == "product" and claims:
            if doubt := doubt_about(outcome, shares.get(page.source)):
                rejects.append((page.source, Reject(page.url, "not_a_product", doubt)))
            elif product_urls and not _matches(product_urls, page.url, claims.url):
                rejects.append((page.source, Reject(page.url, OUTSIDE, "a product, but it matches no product_urls")))
            else:
                products.append(_Product(page, outcome, claims))
        elif kind != _TAKEN_DOWN:
            expected = _matches(product_urls, page.url) if product_urls else page.listed and kind != "listing"
            rejects.append((page.source, _reject(page, outcome, expected=expected)))
    shared_ids = _disown_shared(products)
    rejects += _merge(products, dead | {key for key, outcome in outcomes.items() if outcome.kind in _DETAILS})
    chosen = {f"{p.page.source}:{p.native_id}": p.chosen() for p in products if p.same_as is None}
    shown = {(p.page.source, p.page.url): p.outcome_of() for p in products}
    return ChosenPages(dict(sorted(chosen.items())), tuple(_distinct(rejects)), shown, shared_ids, _outside(rejects))


def _outside(rejects: Iterable[tuple[str, Reject]]) -> dict[str, tuple[int, str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for source, reject in rejects:
        if reject.reason == OUTSIDE:
            found[source].append(reject.item)
    return {source: (len(urls), min(urls)) for source, urls in sorted(found.items())}


def _distinct(rejects: Iterable[tuple[str, Reject]]) -> Iterator[Reject]:
    """Yield rejects sorted by URL; repetitions of one by further sources name their source."""
    before: Reject | None = None
    for source, reject in sorted(rejects, key=lambda pair: (pair[1].item, pair[1].reason, pair[1].detail, pair[0])):
        yield reject if reject != before else replace(reject, detail=f"{reject.detail} (source {source})".strip())
        before = reject


def _reject(page: StoredPageRow, outcome: PageOutcome, *, expected: bool) -> Reject:
    if expected and outcome.kind in ("listing", "other"):
        return Reject(page.url, "not_a_product", "listed as a product, but the page shows none")
    return Reject(page.url, outcome.kind, outcome.detail or _DETAILS.get(outcome.kind, ""))


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


_MANY = 3
"""Number of different products with one id or canonical URL from which it is the template's, not theirs."""
_Page = tuple[str, str]
"""Source, and an id or canonical URL."""


def _disown_shared(products: Iterable[_Product]) -> tuple[SharedId, ...]:
    """Replace ids and canonical URLs that identify nothing by those of the page itself; return the ids."""
    by_url: dict[_Page, list[_Product]] = defaultdict(list)
    by_id: dict[_Page, list[_Product]] = defaultdict(list)
    for one in products:
        by_url[one.page.source, one.claims.url].append(one)
        by_id[one.page.source, one.claims.id].append(one)
    for sharing in by_url.values():
        if _different(sharing) >= _MANY:
            for one in sharing:
                one.claims = replace(one.claims, url=one.page.url)
    found = []
    for (source, name), sharing in by_id.items():
        if (count := _different(sharing)) >= _MANY:
            found.append(SharedId(source, name, count))
            for one in sharing:
                number = id_from_url(one.claims.url)
                other = number if number and number != name else fallback_id(one.claims.url)
                one.claims = replace(one.claims, id=other, guessed=True)
    for one in products:
        one.native_id, one.url = one.claims.id, one.claims.url
    return tuple(sorted(found))


def _different(sharing: Sequence[_Product]) -> int:
    """Return how many products pages show at least: they differ in caption, image, GTIN and page at once.

    One product in several languages has one image; one at several URLs has one caption.
    """
    if len(sharing) < _MANY:
        return len(sharing)
    claims = [one.claims for one in sharing]
    signs = [[" ".join(_words(one.caption)) for one in claims], [one.page.url for one in sharing]]
    signs += [values for values in ([c.image for c in claims], [c.gtin for c in claims]) if all(values)]
    return min(len(set(values)) for values in signs)


_MAX_ALIKE = 20
"""Maximum products with one id or canonical URL that a page is compared with."""


def _merge(products: list[_Product], dead: AbstractSet[tuple[str, str]]) -> list[tuple[str, Reject]]:
    """Pick one page per product, make the ids unique, and return the source and reject of every other page."""
    by_url: dict[_Page, list[_Product]] = {}
    by_id: dict[_Page, list[_Product]] = {}
    rejects: list[tuple[str, Reject]] = []
    for one in sorted(products, key=_precedence):
        source = one.page.source
        sharing_url = by_url.setdefault((source, one.claims.url), [])
        sharing_id = by_id.setdefault((source, one.claims.id), [])
        if why := _find_same(one, sharing_url) or _find_same(one, sharing_id):
            first = one.same_as.page.url if one.same_as else ""
            rejects.append((source, Reject(one.page.url, "duplicate_url", f"the same product as {first}: {why}")))
            continue
        if sharing_url or (source, one.claims.url) in dead:
            one.url = one.page.url
        if sharing_id:
            one.native_id = f"{one.claims.id}~{hashlib.sha256(one.page.url.encode()).hexdigest()[:8]}"
        sharing_url.append(one)
        sharing_id.append(one)
    return rejects


def _precedence(one: _Product) -> tuple[object, ...]:
    page = one.page
    return page.source, page.url != one.claims.url, not page.listed, page.url


def _find_same(one: _Product, others: Iterable[_Product]) -> str:
    """Set ``same_as`` to the first of the others that is the same product, and return why; empty if none is."""
    for other in list(others)[:_MAX_ALIKE]:
        if why := why_same_product(one.claims, other.claims):
            one.same_as = other
            return why
    return ""


_TOKEN = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]|[^\W_\u3040-\u30ff\u4e00-\u9fff]+")
"""A word, or a character of a language without spaces."""


def why_same_product(one: Claims, other: Claims) -> str:
    """Return in words why two pages show the same product; empty if their claims do not prove it.

    Pages whose GTINs, prices or ids differ never do, and a canonical URL says nothing of pages whose markup gives their
    products different URLs: templates repeat canonical URLs. Otherwise two strong claims must
    agree: the GTIN with the id or canonical URL; id and canonical URL; or one of these with price and the whole
    caption. Similar captions prove nothing: sizes, colours and volumes of one line have them. An id guessed from the
    URL is only our own claim, so that the main image must not differ.
    """
    own = one.own_url == other.own_url or not (one.own_url and other.own_url)
    url, stated = own and one.url == other.url, not (one.guessed or other.guessed)
    same_id = one.id == other.id
    if not (url or same_id) or (stated and not same_id) or _contradict(one, other):
        return ""
    shared = "canonical URL" if url else "id" if stated else "id in the URL"
    caption = bool(one.caption) and _words(one.caption) == _words(other.caption)
    image = one.image == other.image or not (one.image and other.image)
    priced = bool(one.price and other.price)
    signs = {
        f"the same {shared} and GTIN": bool(one.gtin) and one.gtin == other.gtin,
        "the same canonical URL and id": url and stated,
        f"the same {shared}, caption and price": caption and priced and (url or stated or image),
        f"the same {shared} and caption": caption and not priced and (url or image),
    }
    return next((why for why, holds in signs.items() if holds), "")


def _contradict(one: Claims, other: Claims) -> bool:
    """Return whether GTINs differ, or prices in one currency."""
    if one.gtin and other.gtin and one.gtin != other.gtin:
        return True
    (amount, _, currency), (amount_2, _, currency_2) = one.price.partition(" "), other.price.partition(" ")
    comparable = currency == currency_2 or not (currency and currency_2)
    return bool(amount and amount_2) and comparable and amount != amount_2


def _words(text: str) -> list[str]:
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())
