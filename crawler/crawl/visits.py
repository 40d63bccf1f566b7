"""Records of the frontier: URLs found, handed out and visited, and when a visit is due again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from crawler.settings import CrawlSettings

__all__ = ["Found", "Recrawl", "Task", "Visit", "VisitState", "plan_recrawl"]

Kind = Literal["page", "sitemap"]
VisitState = Literal["done", "failed", "skipped", "redirected", "absent"]


@dataclass(frozen=True, slots=True)
class Found:
    """An address that was discovered."""

    url: str
    kind: Kind = "page"
    rank: int = 3
    """Order of fetching: 0 sitemap, 1 start, 2 next page of a listing, 3 any other."""
    depth: int = 0
    """Links from a start page."""
    hops: int = 0
    """Redirects that led here in a row."""
    chain: int = 0
    """Next pages of one listing that led here in a row."""
    listed: bool = False
    """A sitemap names it: it should be worth having."""
    listed_in: str | None = None
    """That sitemap; None where none does, or its dates do not count."""
    modified: str | None = None
    """When its page changed last, as that sitemap says, ISO 8601, UTC."""
    refused: str | None = None
    """Reason for which it will not be fetched; None: it will."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """An address to fetch, with what is known from its last visit."""

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


@dataclass(frozen=True, slots=True)
class Visit:
    """What became of an address."""

    task: Task
    state: VisitState
    reason: str | None = None
    detail: str = ""
    http_status: int | None = None
    headers: Mapping[str, str] | None = None
    """Headers that the page's reading depends on; None: no new page came."""
    page_sha256: str | None = None
    """The new page's object; None: no new page came."""
    forget: bool = False
    """The stored page is not to be used any more."""
    redirect_to: str | None = None
    canonical: str | None = None
    kind: Kind = "page"
    found: tuple[Found, ...] = field(default=(), repr=False)
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Recrawl:
    """Moments, ISO 8601, UTC, at or before which a visit is long enough ago."""

    due: tuple[str, ...]
    """By how many visits in a row found the page unchanged, the last for all further ones."""
    failed: str
    """Of visits that failed for a passing reason."""

    @property
    def soonest(self) -> str:
        """Of a page that has changed, or is said to have."""
        return self.due[0]

    @property
    def latest(self) -> str:
        """Of any page, whatever speaks against it."""
        return self.due[-1]


def plan_recrawl(settings: CrawlSettings, now: datetime, *, force: bool) -> Recrawl:
    """Return when pages are due: each visit that found a page unchanged doubles the hours until the next.

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
