"""What the crawl's queue is given: where pages go, and how far it may go."""

from dataclasses import dataclass
from typing import Protocol

__all__ = ["PageStore", "QueueLimits"]


class PageStore(Protocol):
    """The part of an object writer that the queue uses."""

    def put(self, payload: bytes, *, mime: str, url: str, headers: tuple[tuple[str, str], ...], status: int) -> str:
        """Store a page, return its sha256."""

    def revisit(self, url: str, sha256: str, status: int = 304) -> None:
        """Note that a stored page was found unchanged."""

    def flush(self) -> None:
        """Make all of it durable."""


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """Budgets of one run."""

    max_pages: int
    """Stored pages of the source."""
    max_requests: int | None
    """Requests of this run; None: no limit."""
    max_bytes: int
    """Of answers, in this run."""
    max_seconds: float
    max_failures_in_a_row: int
    max_depth: int
    max_listing_pages: int
    retries: int
    backoff_s: float
    max_wait_s: float
    batch_pages: int
    batch_s: float
