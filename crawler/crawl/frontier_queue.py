"""The queue of one source's crawl: returns the next URLs and records visits durably."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

from crawler.crawl.frontier import Frontier
from crawler.crawl.languages import Languages, url_language
from crawler.crawl.spaces import Spaces
from crawler.crawl.visits import CrawlTask, Found, Visit
from crawler.net.http_policy import BUSY_STATUSES, RETRYABLE, RateLimiter, is_retryable, retry_wait_s

__all__ = ["FrontierQueue", "PageStore", "QueueLimits", "Refuse", "ShowsProduct"]


Refuse = Callable[[str], tuple[str, str] | None]
"""URL -> reason and detail why it must not be requested; None if it may be."""
ShowsProduct = Callable[[str, bytes, tuple[tuple[str, str], ...]], bool]
"""URL, body and headers of a page -> whether it shows a product."""
_AHEAD = 64
_LEADING = 1
"""Ranks up to this one (start pages, sitemaps) decide which further pages are requested."""
_REQUESTS_PER_PRODUCT = 20
_PRODUCT = 2
"""Rank of product pages."""
_SPARE_REQUESTS = 50
"""Base of the request limit of a run with ``max_products``; each product adds ``_REQUESTS_PER_PRODUCT``."""


class PageStore(Protocol):
    """The methods of an object writer that the queue uses."""

    def put(self, payload: bytes, *, mime: str, url: str, headers: tuple[tuple[str, str], ...], status: int) -> str:
        """Store a page and return its sha256."""

    def revisit(self, url: str, sha256: str, status: int = 304) -> None:
        """Record that a stored page is unchanged."""

    def flush(self) -> None:
        """Make everything durable."""


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """Budgets of one run."""

    max_pages: int
    """Stored pages of the source."""
    max_products: int | None
    """Product pages fetched in this run; None: no limit."""
    max_bytes: int
    """Bytes of responses in this run."""
    max_seconds: float
    max_failures_in_a_row: int
    max_depth: int
    max_listing_pages: int
    retries: int
    backoff_s: float
    max_wait_s: float
    batch_pages: int
    batch_s: float
    delay_s: float = 0.0
    """Seconds between two requests."""


class FrontierQueue:
    """The URLs of one source during one run.

    Every URL returned by :meth:`next` comes back through :meth:`finish`. Until :meth:`flush`
    it counts as pending: a kill repeats it.

    Args:
        frontier: state of the URLs.
        pages: store of the pages.
        limits: budgets.
        refuse: robots.txt and site-wide opt-outs.
        flushed: called with the number of visits that each flush made durable.
        shows_product: whether a page shows a product.
        languages: languages that the settings choose; empty: the start page's.
    """

    def __init__(
        self,
        frontier: Frontier,
        pages: PageStore,
        limits: QueueLimits,
        refuse: Refuse,
        flushed: Callable[[int], None],
        shows_product: ShowsProduct,
        languages: Iterable[str] = (),
    ) -> None:
        self._frontier = frontier
        self._pages = pages
        self._limits = limits
        self._refuse = refuse
        self._flushed = flushed
        self._ready: deque[CrawlTask] = deque()
        self._finished: list[Visit] = []
        self._busy: set[str] = set()
        self._attempts: dict[str, int] = {}
        self._new_room = limits.max_pages - frontier.stored()
        self._requests = 0
        self._products = 0
        self._received = 0
        self._shows_product = shows_product
        self._languages = Languages.of(languages, frontier.languages())
        self._spaces = Spaces(frontier.streaks())
        self._contents: set[str] = set()
        self._leading: dict[str, int] = {}
        self._under_way: set[str] = set()
        self._failures_in_a_row = 0
        self._began = self._last_flush = time.monotonic()
        self._retries = 0
        self._random = Random()  # noqa: S311  jitter of waits
        self.limiter = RateLimiter(limits.delay_s)
        """Request rate of the source's host; every request acquires it first."""
        self.stopped: tuple[str, str] | None = None
        """Reason and detail why the queue has stopped; None while the run continues."""

    def next(self) -> CrawlTask | None:
        """Return the next URL to request; None if there is none at present."""
        self._check_budget()
        while self.stopped is None and not self.limiter.is_paused(time.monotonic()):
            if not self._ready and not self._fill():
                return None
            if not self._is_ripe(self._ready[0]):
                return None
            task = self._ready.popleft()
            refusal = self._refuse(task.url) or self._refusal(task)
            if refusal is not None:
                self._finished.append(
                    Visit(task, "skipped", *refusal, kind=task.kind, attempts=0, forget=refusal[0] == "other_language")
                )
            elif self._has_room(task):
                self._requests += 1
                self._under_way.add(task.url)
                if task.rank <= _LEADING:
                    self._leading[task.url] = task.rank
                return task
        return None

    def _is_ripe(self, task: CrawlTask) -> bool:
        """Return whether no request in progress can still affect a URL.

        A start page determines the language to crawl, a sitemap may call a page unchanged, and the products in
        progress may be the last ones of the run.
        """
        if any(rank < task.rank for rank in self._leading.values()):
            return False
        most = self._limits.max_products
        return most is None or not self._under_way or self._products + len(self._under_way) < most

    def _refusal(self, task: CrawlTask) -> tuple[str, str] | None:
        """Return why a URL is not worth a request: its language is not crawled, or similar pages yield nothing new."""
        if task.rank > 0 and self._languages.refuses(task.url):
            return "other_language", f"the source's language is {', '.join(self._languages.taken)}"
        if task.kind == "sitemap" or task.listed or task.rank == 0 or task.page_sha256 is not None:
            return None
        space = self._spaces.gives_up(task.url, following=task.chain > 0)
        return ("nothing_new", f"pages like {space} brought nothing new") if space else None

    def count_bytes(self, received: int) -> None:
        """Count the bytes of a response against the run's budget."""
        self._received += received

    def is_waiting(self) -> bool:
        """Return whether there is work before the next response."""
        return self.stopped is None and bool(self._ready or self._retries or self._finished)

    def finish(self, visit: Visit, body: bytes | None = None, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Accept the visit of a URL, and store its page, if any."""
        url = visit.task.url
        self._under_way.discard(url)
        visit = self._in_language(visit)
        if visit.state != "done":
            body = None
        if body is not None:
            mime = (visit.headers or {}).get("content-type", "").partition(";")[0].strip() or "text/html"
            sha = self._pages.put(body, mime=mime, url=url, headers=headers, status=visit.http_status or 200)
            visit = replace(visit, page_sha256=sha)
        elif visit.state == "done" and visit.task.page_sha256:
            self._pages.revisit(url, visit.task.page_sha256)
        if visit.page_sha256 is None and visit.task.page_sha256 is None:
            self._new_room += 1
        attempts = self._attempts.pop(url, 0) + 1
        found = self._found(visit, body, headers)
        self._finished.append(replace(visit, attempts=attempts, found=found))
        self._count_failure(visit)
        self.limiter.report(time.monotonic(), visit.http_status, self._limits.backoff_s)
        self._leading.pop(url, None)
        if visit.kind == "sitemap" or visit.task.rank <= _LEADING:
            self._look_again()
        elif (
            len(self._finished) >= self._limits.batch_pages
            or time.monotonic() - self._last_flush >= self._limits.batch_s
        ):
            self.flush()

    def retry_in(self, task: CrawlTask, reason: str, asked_s: float | None, status: int | None = None) -> float | None:
        """Return the seconds after which to retry a failed URL; None: not in this run.

        A wait that the server asks for (``asked_s``), or any after a complaint (429, 503), applies to the
        whole source; one longer than the settings allow ends its run. The caller returns the URL
        through :meth:`put_back` when the wait is over.
        """
        limits = self._limits
        tried = self._attempts.get(task.url, 0)
        wait = retry_wait_s(tried + 1, asked_s, first_s=limits.backoff_s, max_s=limits.max_wait_s, random=self._random)
        if wait is None:
            self.stopped = ("source_down", f"the server asks to be left alone for {asked_s:g} s")
        if wait is None or tried >= limits.retries or not is_retryable(reason, status):
            return None
        self._attempts[task.url] = tried + 1
        self._retries += 1
        if asked_s is not None or reason == "http_429" or status in BUSY_STATUSES:
            self.limiter.slow_down(time.monotonic(), wait)
        return wait

    def put_back(self, task: CrawlTask) -> None:
        """Put a URL whose wait is over at the head of the queue."""
        self._retries -= 1
        self._ready.appendleft(task)

    def flush(self) -> None:
        """Make pages durable, then their visits."""
        if self._finished:
            self._pages.flush()
            self._frontier.record(self._finished, self._spaces.changed())
            self._busy.difference_update(visit.task.url for visit in self._finished)
            count = len(self._finished)
            self._finished.clear()
            self._flushed(count)
        self._last_flush = time.monotonic()

    def _look_again(self) -> None:
        """Reload the next URLs: a start page or sitemap may have changed which are due."""
        self.flush()
        self._busy.difference_update(task.url for task in self._ready)
        self._ready.clear()

    def _fill(self) -> bool:
        self.flush()
        self._ready.extend(self._frontier.take(_AHEAD, self._busy, known_only=self._new_room <= 0))
        self._busy.update(task.url for task in self._ready)
        return bool(self._ready)

    def _has_room(self, task: CrawlTask) -> bool:
        """Count a new page against the source's budget, if it fits; known pages and retries are already counted."""
        if task.page_sha256 is not None or task.url in self._attempts:
            return True
        if self._new_room <= 0:
            self._busy.discard(task.url)
            return False
        self._new_room -= 1
        return True

    def _check_budget(self) -> None:
        limits = self._limits
        if self.stopped is not None:
            return
        if limits.max_products is not None and self._products >= limits.max_products:
            self.stopped = ("budget", f"limit of {limits.max_products} products in this run")
        elif (
            limits.max_products is not None
            and self._requests >= _REQUESTS_PER_PRODUCT * limits.max_products + _SPARE_REQUESTS
        ):
            self.stopped = ("budget", f"{self._requests} requests for {self._products} products in this run")
        elif self._received >= limits.max_bytes:
            self.stopped = ("budget", f"{self._received} bytes in this run, limit {limits.max_bytes}")
        elif time.monotonic() - self._began > limits.max_seconds:
            self.stopped = ("budget", f"longer than {limits.max_seconds / 3600:g} hours")

    def _count_failure(self, visit: Visit) -> None:
        failed = visit.reason in RETRYABLE
        self._failures_in_a_row = self._failures_in_a_row + 1 if failed else 0
        if self._failures_in_a_row >= self._limits.max_failures_in_a_row:
            self.stopped = ("source_down", f"{self._failures_in_a_row} pages in a row failed, last: {visit.reason}")

    def _in_language(self, visit: Visit) -> Visit:
        """Learn which languages the shop has, and skip a page whose language is not crawled."""
        if visit.kind != "page" or visit.http_status != 200:
            return visit
        task = visit.task
        spoken = {item.url: item.language for item in visit.found if item.language}
        known = self._languages
        if task.rank == 0:
            self._languages = known.start_from(task.url, spoken.get(task.url) or visit.language)
        excluded = self._languages.excludes(task.url, visit.language, spoken)
        named = [*spoken, *([task.url] if excluded else [])]
        self._languages = self._languages.learn(tag for url in named if (tag := url_language(url)))
        if self._languages != known:
            self._frontier.keep_languages(self._languages.learnt())
        if not excluded or task.rank == 0:
            return visit
        detail = f"{visit.language or spoken.get(task.url)}; the source's language is {', '.join(known.taken)}"
        return replace(visit, state="skipped", reason="other_language", detail=detail, forget=True, headers=None)

    def _found(self, visit: Visit, body: bytes | None, headers: tuple[tuple[str, str], ...]) -> tuple[Found, ...]:
        """Return the URLs that a visit adds, and record whether it yielded anything new for its space.

        The links of a page that looks like another one are left out: it is the same page under a second URL.
        """
        found = tuple(self._admit(visit.found))
        if visit.kind != "page" or visit.state != "done":
            return found
        if body is None:
            self._products += visit.task.rank == _PRODUCT
            return found
        url, first = visit.task.url, visit.task.page_sha256 is None
        seen = self._has_seen(visit.content, url)
        asked = self._limits.max_products is not None or (first and self._spaces.in_doubt(url))
        product = asked and not seen and self._shows_product(url, body, headers)
        self._products += product
        new = (item.url for item in found if not item.refused and not self._frontier.knows(item.url))
        if first and self._spaces.note(url, () if seen else new, product=product):
            self._frontier.revive()
        return () if seen else found

    def _has_seen(self, content: str | None, url: str) -> bool:
        """Return whether another page of this source looks the same."""
        if content is None:
            return False
        seen = content in self._contents or self._frontier.shows(content, url)
        self._contents.add(content)
        return seen

    def _admit(self, found: tuple[Found, ...]) -> Iterator[Found]:
        """Refuse URLs in other languages, those that are too deep and those of an endless listing."""
        variants = self._languages.taken and any(i.language and self._languages.takes(i.language) for i in found)
        for item in found:
            if item.refused:
                yield item
            elif variants and item.language and not self._languages.takes(item.language):
                yield replace(
                    item,
                    refused="other_language",
                    detail=f"the source's language is {', '.join(self._languages.taken)}",
                )
            elif item.depth > self._limits.max_depth:
                yield replace(
                    item, refused="too_deep", detail=f"more than {self._limits.max_depth} links from the start"
                )
            elif self._is_endless(item):
                yield replace(
                    item, refused="trap", detail=f"more than {self._limits.max_listing_pages} pages of one listing"
                )
            else:
                yield item

    def _is_endless(self, item: Found) -> bool:
        most = self._limits.max_listing_pages
        if item.chain > most:
            return True
        return "?" in item.url and not self._frontier.knows(item.url) and self._frontier.count_query(item.url) > most
