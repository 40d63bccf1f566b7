"""The survey of a shop: the pages that are looked at, and the proposal drawn from them."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urljoin, urlsplit

from core.errors import DataError
from core.urls import normalise
from crawler.crawl.languages import Languages, alternates, page_language, url_language
from crawler.crawl.responses import links_of_page, links_of_sitemap
from crawler.crawl.scope import Scope, web_host
from crawler.crawl.site_rules import HostRules
from crawler.crawl.sitemaps import looks_like_sitemap, read_sitemap
from crawler.crawl.visits import CrawlTask, Found
from crawler.net.client import Fetched
from crawler.rights.opt_outs import page_opt_out
from crawler.rights.page import header_statements
from crawler.rights.signals import Statement
from crawler.settings import CrawlSettings
from crawler.survey.findings import Seen, Survey
from crawler.survey.proposal import propose
from crawler.survey.url_patterns import family_of, group_by_shape, shape_of
from crawler.survey.visitor import Visitor
from reader.document import Document, read_document
from reader.page_kind import is_product
from reader.parse import READING_ERRORS, parse_page

__all__ = ["look_at"]

_RECORDS = 10
_FIRST = 6
"""Products that are found before pages of other shapes are looked at."""
_SITEMAPS = 2
"""Files of a sitemap index that are read: those named after products, if there are any."""
_MAX_KNOWN = 50_000
"""Most URLs that are kept of a shop: as many as show the kinds of its pages."""
_BESIDE = 6
"""Pages beside listings that are looked at: categories, or pages about the shop."""
_TRIES = 2
"""Pages of one shape without a product after which others are tried."""
_LOCAL_DELAY_S = 0.1
"""Seconds between two requests to a shop on this machine or its network; adaptive delay spares a slow one."""
_PRODUCT_FILE = re.compile(r"product|item|goods|artic|artikel|produ[ck]t", re.IGNORECASE)


async def look_at(
    url: str, settings: CrawlSettings, visitor: Visitor, tell: Callable[[str], None] = lambda _: None
) -> Survey:
    """Survey a shop and return the proposal.

    Args:
        url: Its home page, or a page in the language that is wanted.
        settings: Politeness, and the opt-outs that count.
        visitor: Makes the requests.
        tell: Called with a line for people, if the survey will be slow.

    Raises:
        DataError: The shop does not answer, or admits no crawler.
    """
    spelt = normalise(url)
    if spelt is None:
        raise DataError(f"{url}: this is not an http(s) URL. Name the shop's home page.")
    start, home, rules = await _home(spelt, visitor)
    own_s = min(settings.delay_s, _LOCAL_DELAY_S) if visitor.local else settings.delay_s
    delay_s = _delay(start, own_s, rules, settings)
    visitor.slow_down(delay_s)
    if delay_s > own_s:
        tell(f"robots.txt asks for {delay_s:g} s between two requests: at most {visitor.left} more are made")
    try:
        reader = _Looker(settings, visitor, start, home)
    except READING_ERRORS as error:
        raise DataError(f"{start}: cannot be read ({error}). Name a page of the shop.") from None
    named = [place for one in rules.robots.sitemaps if (place := normalise(one, start)) and reader.scope.holds(place)]
    await reader.read_sitemaps(named or [urljoin(start, "/sitemap.xml")])
    await reader.find_products(_FIRST)
    await reader.look_elsewhere()
    await reader.find_products(_RECORDS)
    survey = Survey(start, visitor.local, delay_s=delay_s, requests=visitor.requests)
    statements = (*rules.signals.statements(start), *header_statements(reader.home.headers, start))
    survey.opt_outs = (*_usage(statements), *_shown(visitor.disallowed(start)))
    propose(survey, reader.seen, reader.languages)
    return survey


async def _home(url: str, visitor: Visitor) -> tuple[str, Fetched, HostRules]:
    """Return the page that a URL leads to, and the rules of its host.

    Raises:
        DataError: It leads to no page, or the shop does not admit this crawler there.
    """
    for _ in range(6):
        rules = await visitor.rules(url)
        if refused := visitor.refusal(url):
            raise DataError(f"{url}: {refused}; this crawler may not look at it. Ask the shop's owner.")
        answer = await visitor.get(url)
        if isinstance(answer, str):
            raise DataError(f"{url}: {answer}. Check the URL.")
        target = normalise(answer.header("location"), url) if 300 <= answer.status < 400 else None
        if target:
            url = target
            continue
        if answer.status != 200:
            raise DataError(f"{url}: HTTP status {answer.status}. Name a page that the shop serves.")
        return url, answer, rules
    raise DataError(f"{url}: redirects do not end. Name the page that they should lead to.")


def _delay(url: str, own_s: float, rules: HostRules, settings: CrawlSettings) -> float:
    """Return the seconds between two requests.

    Raises:
        DataError: robots.txt asks for more than the settings allow.
    """
    asked = rules.robots.delay_s
    if asked > settings.max_delay_s:
        raise DataError(
            f"{url}: robots.txt asks for {asked:g} s between requests, crawl.max_delay_s is {settings.max_delay_s:g}, "
            "so the crawl would not start. Ask the shop's owner, or raise it."
        )
    return max(own_s, asked)


def _shown(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the first rules of robots.txt, one line each."""
    more = (f"robots.txt: {len(paths) - 5} more rules",) if len(paths) > 5 else ()
    return (*(f"robots.txt: Disallow: {path}" for path in paths[:5]), *more)


def _usage(signals: Iterable[Statement]) -> tuple[str, ...]:
    """Return usage signals as text, one line each."""
    return tuple(f"{one.place}: {one.name} {one.served[:200]}" for one in signals)


class _Looker:
    """Looks at pages of a shop, one after another, and notes what they show."""

    def __init__(self, settings: CrawlSettings, visitor: Visitor, start: str, home: Fetched) -> None:
        self.scope = Scope([start])
        self.seen = Seen()
        self._settings, self._visitor = settings, visitor
        self.home = read_document(home.body, start, home.headers)
        spoken = alternates(self.home)
        said = spoken.get(start) or page_language(self.home)
        languages = Languages().start_from(start, said)
        self.languages = languages.learn(tag for one in spoken if (tag := url_language(one)))
        self._read(start, self.home, home)

    async def read_sitemaps(self, urls: Sequence[str]) -> None:
        """Read a few sitemaps."""
        waiting, read = list(urls), 0
        while waiting and read <= _SITEMAPS and self._visitor.left:
            url, answer = await self._visitor.follow(waiting.pop(0), self.scope, sitemap=True)
            if isinstance(answer, str) or answer.status != 200 or not looks_like_sitemap(answer.body):
                continue
            read += 1
            task = CrawlTask(url, "sitemap", 1, 0, 0, 0, listed=True)
            try:
                found = links_of_sitemap(read_sitemap(answer.body, self._settings.max_sitemap_bytes), task, self.scope)
            except ValueError as error:
                self.seen.notes.append(f"{url}: not read ({error})")
                continue
            self.seen.spoken |= {one.language for one in found if one.language}
            files = [one.url for one in found if one.kind == "sitemap" and self._admits(one)]
            waiting = [one for one in files if _PRODUCT_FILE.search(urlsplit(one).path)] or files + waiting
            self._take(self.seen.listed, (one for one in found if one.kind == "page"), url)
        if waiting:
            self.seen.notes.append(f"{len(waiting)} more sitemaps were not read")

    async def find_products(self, most: int) -> None:
        """Look at the pages that most likely show products, until ``most`` do."""
        tries: Counter[tuple[str, ...]] = Counter()
        while self._visitor.left and len(self.seen.products) < most:
            # A sitemap's URLs exist more often than links do.
            url = self._likeliest(self._unseen(self.seen.listed), tries) or self._likeliest(self._unseen(), tries)
            if url is None:
                return
            if not await self._visit(url):
                tries[shape_of(url)] += 1

    async def look_elsewhere(self) -> None:
        """Look at pages beside listings, and at one of each shape that was not seen, the most frequent first.

        Some requests are kept for products.
        """
        reserved = max(0, _RECORDS - len(self.seen.products)) // 2
        for url in [*self.seen.beside_listings()][:_BESIDE]:
            if self._visitor.left > reserved:
                await self._visit(url)
        tried = {shape_of(one) for one in (*self.seen.products, *self.seen.others, *self.seen.failed)}
        for group in (*group_by_shape(self._unseen(self.seen.listed)), *group_by_shape(self._unseen())):
            if self._visitor.left <= reserved:
                return
            if shape_of(group[0]) not in tried:
                tried.add(shape_of(group[0]))
                await self._visit(group[len(group) // 2])

    def _unseen(self, urls: Iterable[str] | None = None) -> list[str]:
        """Return those of some URLs, or of all known ones, that were not looked at."""
        return [one for one in (self.seen.known() if urls is None else urls) if self.seen.is_new(one)]

    def _likeliest(self, urls: Iterable[str], tries: Counter[tuple[str, ...]]) -> str | None:
        """Return the page that most likely shows a product of a kind not seen yet."""
        groups = group_by_shape(urls)
        good = {family_of(one) for one in self.seen.products}
        near = [group for group in groups if family_of(group[0]) in good]
        untried = [group for group in groups if tries[shape_of(group[0])] < _TRIES]
        best = near or untried or ([] if good else groups)
        if not best:
            return None
        sizes = Counter(family_of(one) for group in best for one in group)
        looked = Counter(family_of(one) for one in (*self.seen.products, *self.seen.others, *self.seen.failed))
        # Each family of URLs gets its share of the visits, as parties get seats (proportionally).
        chosen = max(best, key=lambda group: sizes[family_of(group[0])] / (1 + looked[family_of(group[0])]))
        return chosen[len(chosen) // 2]

    async def _visit(self, url: str) -> bool:
        """Look at a page; return whether it shows a product."""
        place, answer = await self._visitor.follow(url, self.scope)
        if isinstance(answer, str) or answer.status != 200:
            self.seen.failed.add(url)
            if not self._visitor.refusal(url):
                said = answer if isinstance(answer, str) else f"HTTP status {answer.status}"
                self.seen.notes.append(f"{url}: {said}")
            return False
        if place != url:
            self.seen.failed.add(url)
        try:
            document = read_document(answer.body, place, answer.headers)
            return self._read(place, document, answer)
        except READING_ERRORS as error:
            self.seen.failed.add(place)
            self.seen.notes.append(f"{place}: cannot be read ({error})")
            return False

    def _read(self, url: str, document: Document, answer: Fetched) -> bool:
        """Note what a page links to and shows; return whether that is a product."""
        task = CrawlTask(url, "page", 4, 1, 0, 0, listed=False)
        found = links_of_page(document, task, self.scope, self._settings.user_agent)
        spoken = alternates(document)
        self.seen.languages[url] = spoken.get(url) or url_language(url) or page_language(document)
        self.seen.spoken |= {*spoken.values(), *(tag for one in found if (tag := url_language(one.url)))}
        links = self._take(self.seen.linked, found, url)
        opted = page_opt_out(document, self._settings.user_agent, self._settings.opt_outs)
        if opted:
            self.seen.opt_outs[f"{url}: {opted}"] = None
        record = parse_page(answer.body, url, answer.headers) if not opted else None
        if record and is_product(record):
            self.seen.products[url] = record
            return True
        self.seen.others[url] = links
        return False

    def _take(self, into: dict[str, str], found: Iterable[Found], place: str) -> tuple[str, ...]:
        """Keep the pages that the crawl would request, each with the first place that names it; return them."""
        kept = tuple(one.url for one in found if self._admits(one) and self.scope.refusal(one.url) is None)
        for url in kept[: _MAX_KNOWN - len(into)]:
            into.setdefault(url, place)
        if len(into) == _MAX_KNOWN:
            self.seen.notes.append(f"{place}: it names more URLs than the {_MAX_KNOWN:,} that are looked through")
        return kept

    def _admits(self, one: Found) -> bool:
        other = one.language is not None and not self.languages.takes(one.language)
        return not (one.refused or other or self.languages.refuses(one.url)) and web_host(one.url) in self.scope.hosts
