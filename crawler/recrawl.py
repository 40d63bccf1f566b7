"""When a page is asked for again: by its age, and by how often it was found changed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from crawler.settings import CrawlSettings

__all__ = ["Recrawl", "plan_recrawl"]


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
