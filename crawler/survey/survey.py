"""The survey of a shop: its requests, and the proposal drawn from the responses."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urljoin, urlsplit

from core.errors import DataError, PageError
from core.records import ProductRecord
from core.urls import normalise
from crawler.crawl.languages import Languages, alternates, page_language, sitemap_languages, url_language
from crawler.crawl.scope import Scope, without_order
from crawler.crawl.sitemaps import looks_like_sitemap, read_sitemap, sitemap_urls
from crawler.net.client import Fetched
from crawler.net.robots import Robots, SiteOptOuts, robots_meaning
from crawler.rights.opt_outs import page_opt_out
from crawler.rights.page import header_statements
from crawler.rights.signals import Statement
from crawler.rights.site import SiteSignals
from crawler.settings import CrawlSettings
from crawler.survey.url_patterns import family_of, group_by_shape, kin_of, listing_patterns, product_pattern, shape_of
from crawler.survey.visitor import Visitor
from reader.document import Document, read_document
from reader.links import links, next_link
from reader.page_kind import is_product
from reader.parse import READING_ERRORS, parse_page

__all__ = ["Survey", "look_at"]

_RECORDS = 10
_SITEMAPS = 2
"""Files of a sitemap index that are read: those named after products, if there are any."""
_PROBES_OF_A_SHAPE = 2
"""Pages of one shape without a product after which others are tried."""
_SIBLINGS_AT = (1, 4)
"""Numbers of products found at which a page of another shape in the same family is checked for a product, too."""
_RESERVED = 2
"""Requests that are reserved for listings."""
_SHARE = 20
"""A family of products has at least a twentieth as many URLs as the largest one."""
_LISTED = 3
"""Links to products that make a page a listing."""
_LOCAL_DELAY_S = 0.1
"""Seconds between two requests to a shop on this machine or its network; adaptive delay spares a slow one."""
_PRODUCT_FILE = re.compile(r"product|item|goods|artic|artikel|produ[ck]t", re.IGNORECASE)


@dataclass
class Survey:
    """The findings of a survey of a shop, and the proposed settings."""

    start: str
    """URL to start from."""
    local: bool
    """Whether the shop is on this machine or its network."""
    languages: tuple[str, ...] = ()
    """Languages found, the one to crawl first."""
    product_urls: tuple[str, ...] = ()
    """Pattern of products; empty: their URLs do not differ from others'."""
    product_examples: tuple[str, ...] = ()
    follow: tuple[str, ...] = ()
    """Patterns of listings; empty: all links are followed."""
    listing_examples: tuple[str, ...] = ()
    products: int | None = None
    """Products expected; None: no sitemap names them."""
    listings: int = 0
    """Number of known listings."""
    delay_s: float = 0.0
    """Seconds between two requests."""
    opt_outs: tuple[str, ...] = ()
    """Restrictions that the shop places on crawlers, one line each."""
    notes: tuple[str, ...] = ()
    """Notes for people, one line each."""
    records: tuple[ProductRecord, ...] = ()
    """Products as read, ten at most."""
    requests: int = 0

    @property
    def hours(self) -> float | None:
        """Hours that the crawl takes at the polite rate; None: the number of pages is not known."""
        return None if self.products is None else (self.products + self.listings) * self.delay_s / 3600


@dataclass
class _Seen:
    """Pages looked at so far."""

    listed: dict[str, str] = field(default_factory=dict)
    """Page that a sitemap names -> that sitemap."""
    linked: dict[str, str] = field(default_factory=dict)
    """Page that a page links to -> that page."""
    products: dict[str, ProductRecord] = field(default_factory=dict)
    others: dict[str, list[str]] = field(default_factory=dict)
    """Page without a product -> its links."""
    page_names: set[str] = field(default_factory=lambda: {"page"})
    opt_outs: dict[str, None] = field(default_factory=dict)


async def look_at(url: str, settings: CrawlSettings, visitor: Visitor) -> Survey:
    """Survey a shop and return the proposal.

    Args:
        url: Its home page, or a page in the language that is wanted.
        settings: Politeness, and the opt-outs that count.
        visitor: Makes the requests.

    Raises:
        DataError: The shop does not answer, or admits no crawler.
    """
    spelt = normalise(url)
    if spelt is None:
        raise DataError(f"{url}: this is not an http(s) URL. Name the shop's home page.")
    robots, refusals = await _rules(spelt, settings, visitor)
    start, home = await _home(spelt, visitor)
    delay_s = min(settings.delay_s, _LOCAL_DELAY_S) if visitor.local else settings.delay_s
    survey = Survey(start, visitor.local, delay_s=max(delay_s, robots.delay_s))
    visitor.slow_down(survey.delay_s)
    scope, seen = Scope([start]), _Seen()
    spoken = alternates(home)
    languages = Languages().start_from(start, spoken.get(start) or page_language(home))
    languages = languages.learn(tag for one in spoken if (tag := url_language(one)))
    reader = _Reader(survey, settings, visitor, scope, languages, seen)
    sitemaps = [one for one in robots.sitemaps if scope.holds(one)] or [urljoin(start, "/sitemap.xml")]
    known = await reader.read_sitemaps(sitemaps)
    reader.take_links(start, home)
    await reader.probe()
    await reader.find_listings()
    tags = {*spoken.values(), *known, *(tag for one in seen.linked if (tag := url_language(one)))}
    survey.languages = (
        *languages.taken,
        *sorted(tag for tag in tags if not languages.takes(tag) or not languages.taken),
    )
    survey.opt_outs = (*refusals, *_usage(header_statements(home.headers, start)), *seen.opt_outs)
    _propose(survey, seen)
    survey.requests = visitor.requests
    return survey


async def _rules(url: str, settings: CrawlSettings, visitor: Visitor) -> tuple[Robots, tuple[str, ...]]:
    """Read robots.txt, tdmrep.json and ai.txt, which the visitor obeys from then on."""
    answer = await visitor.get(urljoin(url, "/robots.txt"))
    if isinstance(answer, str) or robots_meaning(answer.status) == "unreachable":
        said = answer if isinstance(answer, str) else f"HTTP status {answer.status}"
        raise DataError(f"{url}: robots.txt cannot be read ({said}), so nothing may be requested. Check the URL.")
    text = answer.body.decode("utf-8", "replace") if robots_meaning(answer.status) == "rules" else ""
    robots = Robots(text, settings.user_agent)
    files = [await visitor.get(urljoin(url, path)) for path in ("/.well-known/tdmrep.json", "/ai.txt")]
    tdmrep, ai = (
        f.body.decode("utf-8", "replace") if isinstance(f, Fetched) and f.status == 200 else "" for f in files
    )
    site = SiteOptOuts.read(tdmrep, ai, settings.user_agent)

    def refusal(one: str) -> str | None:
        return site.refusal(one) if robots.allows(one) else "robots.txt: Disallow"

    visitor.refuse = refusal
    if refused := refusal(url):
        raise DataError(f"{url}: {refused}; this crawler may not look at it. Ask the shop's owner.")
    rules = [line.strip() for line in text.splitlines() if line.lower().startswith("disallow:")]
    shown = tuple(f"robots.txt: {rule}" for rule in rules[:5] if rule.partition(":")[2].strip())
    signals = SiteSignals.read(url, text, "", "", settings.user_agent).statements(url)
    return robots, (*_usage(signals), *shown, *([f"robots.txt: {len(rules) - 5} more rules"] if len(rules) > 5 else []))


def _usage(signals: Iterable[Statement]) -> tuple[str, ...]:
    """Return usage signals as text, one line each."""
    return tuple(f"{one.place}: {one.name} {one.served[:200]}" for one in signals)


async def _home(url: str, visitor: Visitor) -> tuple[str, Document]:
    """Return the page that a URL leads to."""
    for _ in range(4):
        answer = await visitor.get(url)
        if isinstance(answer, str):
            raise DataError(f"{url}: {answer}. Check the URL.")
        target = normalise(answer.header("location"), url) if 300 <= answer.status < 400 else None
        if target:
            url = target
            continue
        if answer.status != 200:
            raise DataError(f"{url}: HTTP status {answer.status}. Name a page that the shop serves.")
        try:
            return url, read_document(answer.body, url, answer.headers)
        except PageError as error:
            raise DataError(f"{url}: {error}. Name a page of the shop.") from None
    raise DataError(f"{url}: redirects do not end. Name the page that they should lead to.")


@dataclass
class _Reader:
    survey: Survey
    settings: CrawlSettings
    visitor: Visitor
    scope: Scope
    languages: Languages
    seen: _Seen

    async def read_sitemaps(self, urls: Sequence[str]) -> set[str]:
        """Read a few sitemaps; return the languages that they name."""
        tags: set[str] = set()
        waiting, read = list(urls), 0
        while waiting and read <= _SITEMAPS:
            base = waiting.pop(0)
            answer = await self.visitor.get(base)
            if isinstance(answer, str) or answer.status != 200 or not looks_like_sitemap(answer.body):
                continue
            read += 1
            found = read_sitemap(answer.body, self.settings.max_sitemap_bytes)
            files = list(sitemap_urls(found.sitemaps, base, self.scope))
            variants = sitemap_languages(files)
            tags |= {*variants.values(), *found.languages.values()}
            mine = [one for one in files if one not in variants or self.languages.takes(variants[one])]
            waiting = [one for one in mine if _PRODUCT_FILE.search(urlsplit(one).path)] or mine + waiting
            self.take(self.seen.listed, sitemap_urls(found.urls, base, self.scope), base)
        if waiting:
            self.survey.notes += (f"{len(waiting)} more sitemaps were not read",)
        return tags

    def take(self, into: dict[str, str], urls: Iterable[str], place: str) -> None:
        """Keep URLs of the shop in its language, each with the first place that names it."""
        for one in urls:
            if self.scope.follows(one) and not self.languages.refuses(one):
                into.setdefault(one, place)

    def take_links(self, url: str, document: Document) -> list[str]:
        """Keep the links of a page that shows no product, and return them."""
        spelt = (normalise(link.url, encoding=document.encoding) for link in links(document) if not link.nofollow)
        found = [without_order(one) for one in spelt if one]
        self.take(self.seen.linked, found, url)
        following = next_link(document)
        if following:
            here = dict(parse_qsl(urlsplit(url).query))
            there = parse_qsl(urlsplit(following).query)
            self.seen.page_names |= {name for name, value in there if value.isdigit() and here.get(name) != value}
        self.seen.others[url] = found
        return found

    async def visit(self, url: str) -> bool:
        """Look at a page; return whether it shows a product."""
        answer = await self.visitor.get(url)
        if isinstance(answer, str) or answer.status != 200:
            said = answer if isinstance(answer, str) else f"HTTP status {answer.status}"
            if not self.visitor.refuse(url):
                self.survey.notes += (f"{url}: {said}",)
            self.seen.others[url] = []
            return False
        try:
            document = read_document(answer.body, url, answer.headers)
            record = parse_page(answer.body, url, answer.headers)
        except READING_ERRORS as error:
            self.survey.notes += (f"{url}: cannot be read ({error})",)
            self.seen.others[url] = []
            return False
        if opted := page_opt_out(document, self.settings.user_agent, self.settings.opt_outs):
            self.seen.opt_outs[f"{url}: {opted}"] = None
        if is_product(record):
            self.seen.products[url] = record
            spelt = (without_order(one) for link in links(document) if (one := normalise(link.url)))
            self.take(self.seen.linked, spelt, url)
            return True
        self.take_links(url, document)
        return False

    async def probe(self) -> None:
        """Look at pages of one shape after another until ten show a product."""
        failed: dict[tuple[str, ...], int] = {}
        while self.visitor.left > _RESERVED and len(self.seen.products) < _RECORDS:
            url = self._next(failed)
            if url is None:
                return
            if not await self.visit(url):
                shape = shape_of(url)
                failed[shape] = failed.get(shape, 0) + 1

    def _next(self, failed: dict[tuple[str, ...], int]) -> str | None:
        """Return the page that most likely shows a product of a kind not seen yet."""
        unseen = [one for one in (*self.seen.listed, *self.seen.linked) if one not in self.seen.products]
        unseen = [one for one in dict.fromkeys(unseen) if one not in self.seen.others]
        groups = group_by_shape(unseen)
        untried = [group for group in groups if failed.get(shape_of(group[0]), 0) < _PROBES_OF_A_SHAPE]
        good = {shape_of(one) for one in self.seen.products}
        families = Counter(family_of(one) for one in self.seen.products)
        near = [group for group in groups if family_of(group[0]) in families]
        if len(self.seen.products) in _SIBLINGS_AT and (siblings := [g for g in near if shape_of(g[0]) not in good]):
            return siblings[0][0]
        kin = {kin_of(one) for one in self.seen.products}
        best = near + [group for group in untried if kin_of(group[0]) in kin and group not in near] or untried
        if not best:
            return None
        sizes = Counter(family_of(one) for group in best for one in group)
        tries = families + Counter(family_of(one) for one in self.seen.others)
        # Each family of URLs gets its share of the visits, as parties get seats (proportionally).
        chosen = max(best, key=lambda group: sizes[family_of(group[0])] / (1 + tries[family_of(group[0])]))
        return chosen[len(chosen) // 2]

    async def find_listings(self) -> None:
        """Look at pages that may list products, of shapes not seen yet."""
        shapes = {shape_of(one) for one in (*self.seen.products, *self.seen.others)}
        linked = {one for found in self.seen.others.values() for one in found}
        groups = group_by_shape(one for one in self.seen.linked if "?" not in one and one in linked)
        for group in groups:
            if self.visitor.left and shape_of(group[0]) not in shapes:
                await self.visit(group[0])


def _propose(survey: Survey, seen: _Seen) -> None:
    """Fill in the patterns, the expected numbers and the records."""
    known = {**seen.listed, **seen.linked}
    if not seen.products:
        survey.notes += ("no page that was looked at shows a product",)
        return
    families = _families(seen)
    shown = [one for members in families for one in members]
    survey.records = tuple(seen.products[one] for one in shown[:_RECORDS])
    survey.product_examples = tuple(shown[:3])
    patterns = tuple(product_pattern(members, seen.listed, seen.others, known) for members in _by_kin(families))
    products = re.compile("|".join(patterns))
    if wrong := [one for one, found in seen.others.items() if found and products.search(one)]:
        survey.notes += (f"products have no URLs of their own: {wrong[0]} looks like one and shows none",)
        return
    survey.product_urls = patterns
    listings = [one for one, found in seen.others.items() if sum(bool(products.search(o)) for o in found) >= _LISTED]
    follow = listing_patterns(listings, products, known, seen.page_names)
    found = re.compile("|".join(follow)) if follow else None
    inside = [one for one in known if found and found.search(one) and not products.search(one)]
    survey.listings = len(inside)
    survey.listing_examples = tuple(listings[:3])
    survey.follow = follow
    survey.products = sum(bool(products.search(one)) for one in seen.listed) or None
    if survey.products is None:
        survey.notes += ("no sitemap names the products; their number shows as the crawl finds them",)


def _by_kin(families: Iterable[list[str]]) -> list[list[str]]:
    """Return the families, with those merged whose URLs differ only in the names of their folders."""
    found: dict[tuple[object, ...], list[str]] = {}
    for members in families:
        found.setdefault(kin_of(members[0]), []).extend(members)
    return list(found.values())


def _families(seen: _Seen) -> list[list[str]]:
    """Return the products by family of their URLs, without families that the shop hardly lists.

    A review or a filtered list may look like a product; sitemaps rarely name them.
    """
    groups: dict[tuple[object, ...], list[str]] = {}
    for one in seen.products:
        groups.setdefault(family_of(one), []).append(one)
    known = Counter(
        family_of(one) for one in (seen.listed if any(o in seen.listed for o in seen.products) else seen.linked)
    )
    most = max(known[family] for family in groups)
    return [members for family, members in groups.items() if known[family] * _SHARE >= most]
