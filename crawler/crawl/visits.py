"""Records of the frontier: URLs found, handed out and visited, and when a visit is due again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from crawler.settings import CrawlSettings

__all__ = ["CrawlTask", "Found", "Recrawl", "Visit", "VisitState", "plan_recrawl"]

Kind = Literal["page", "sitemap"]
VisitState = Literal["done", "failed", "skipped", "redirected", "absent"]


@dataclass(frozen=True, slots=True)
class Found:
    """A discovered URL."""

    url: str
    kind: Kind = "page"
    rank: int = 4
    """Order of requests: 0 start, 1 sitemap, 2 product, 3 next page of a listing, 4 other, 5 other with parameters."""
    depth: int = 0
    """Number of links from a start page."""
    hops: int = 0
    """Consecutive redirects that led here."""
    chain: int = 0
    """Consecutive next pages of one listing that led here."""
    listed: bool = False
    """Named by a sitemap, so probably worth fetching."""
    listed_in: str | None = None
    """That sitemap; None: no sitemap names it, or its dates do not count."""
    modified: str | None = None
    """Date of the page's last change according to that sitemap, ISO 8601, UTC."""
    language: str | None = None
    """Its language according to the page or the sitemap that names it; None: not declared."""
    refused: str | None = None
    """Reason not to fetch it; None: it is fetched."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CrawlTask:
    """A URL to fetch, with the data of its last visit."""

    url: str
    kind: Kind
    rank: int
    depth: int
    hops: int
    chain: int
    listed: bool
    etag: str | None = None
    last_modified: str | None = None
    page_sha256: str | None = None
    signals: str | None = None
    """Usage signals of its last visit (:func:`crawler.rights.page.to_json`); None: never looked for."""


@dataclass(frozen=True, slots=True)
class Visit:
    """The result of requesting a URL."""

    task: CrawlTask
    state: VisitState
    reason: str | None = None
    detail: str = ""
    http_status: int | None = None
    headers: Mapping[str, str] | None = None
    """Headers needed to read the page; None: no new page."""
    page_sha256: str | None = None
    """The new page's object; None: no new page."""
    forget: bool = False
    """The stored page is no longer used."""
    redirect_to: str | None = None
    canonical: str | None = None
    content: str | None = None
    """Hash of the page's visible content; None: there is none."""
    language: str | None = None
    """The language that the page declares."""
    kind: Kind = "page"
    found: tuple[Found, ...] = field(default=(), repr=False)
    attempts: int = 1
    signals: str | None = None
    """Usage signals of the response, as in ``CrawlTask``; None: unchanged."""
    at: str | None = None
    """Its time, ISO 8601, UTC; None: that of the run."""


@dataclass(frozen=True, slots=True)
class Recrawl:
    """Times, ISO 8601, UTC: a page last visited then or earlier is due again."""

    due: tuple[str, ...]
    """By the number of consecutive visits that found the page unchanged; the last for all further ones."""
    failed: str
    """For visits that failed for a retryable reason."""

    @property
    def soonest(self) -> str:
        """Time for a page that has changed, or is said to have."""
        return self.due[0]

    @property
    def latest(self) -> str:
        """Time for any page."""
        return self.due[-1]


def plan_recrawl(settings: CrawlSettings, now: datetime, *, force: bool) -> Recrawl:
    """Return when pages are due: each visit that finds a page unchanged doubles the hours until the next.

    Args:
        settings: the hours.
        now: time of the run.
        force: every page is due, however recent its last visit.
    """
    if force:
        return Recrawl((now.isoformat(),), now.isoformat())
    first = settings.recrawl_after_h
    most = max(first, settings.recrawl_at_most_h)
    hours = [first]
    while 0 < hours[-1] < most:
        hours.append(min(most, hours[-1] * 2))
    due = tuple((now - timedelta(hours=h)).isoformat() for h in hours)
    return Recrawl(due, (now - timedelta(hours=settings.retry_failed_after_h)).isoformat())
