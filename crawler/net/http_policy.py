"""The HTTP policy that pages and media share: reasons, retries, Retry-After, backoff and the request rate."""

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random
from typing import Literal

__all__ = [
    "BUSY_STATUSES",
    "RETRYABLE",
    "HttpReason",
    "RateLimiter",
    "backoff_s",
    "is_retryable",
    "retry_after_s",
    "retry_wait_s",
    "status_reason",
]

HttpReason = Literal[
    "bad_http",
    "bad_tls",
    "bad_url",
    "connect",
    "dns",
    "http_402",
    "http_403",
    "http_404",
    "http_410",
    "http_429",
    "http_4xx",
    "http_5xx",
    "http_status",
    "private_address",
    "reset",
    "timeout",
    "truncated",
]
"""Reasons why a request of any kind gets no usable response; ``media.outcome.MEANINGS`` explains them."""

RETRYABLE: frozenset[HttpReason] = frozenset(
    {"bad_http", "connect", "dns", "http_429", "http_5xx", "reset", "timeout", "truncated"}
)
"""Reasons for which another request may succeed."""

BUSY_STATUSES = frozenset({429, 503})
"""Statuses by which a host asks for fewer requests."""

_RETRYABLE_STATUSES = frozenset({408, 425})
_STATUS_REASONS: dict[int, HttpReason] = {
    401: "http_403",
    402: "http_402",
    403: "http_403",
    404: "http_404",
    410: "http_410",
    429: "http_429",
    451: "http_403",
}
_MAX_INTERVAL_S = 30.0
"""Longest time between two requests to a host that keeps complaining."""
_FIRST_INTERVAL_S = 0.1
"""Time between requests to a host without a rate limit, once it complains."""
_GRACE_S = 1.0
"""Requests in progress when the host complains end within about this time."""
_RECOVERY = 0.9
"""Each good response shortens the interval by a tenth: about twenty undo a few complaints."""


def status_reason(status: int) -> HttpReason:
    """Return the reason for a status other than 200."""
    if status in _STATUS_REASONS:
        return _STATUS_REASONS[status]
    if 400 <= status < 500:
        return "http_4xx"
    return "http_5xx" if 500 <= status < 600 else "http_status"


def is_retryable(reason: str | None, status: int | None = None) -> bool:
    """Return whether another request within the same run may succeed."""
    return reason in RETRYABLE or status in _RETRYABLE_STATUSES


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for (RFC 9110, 10.2.3); None if it is not readable.

    Args:
        value: the header: seconds, or a date.
        now: the present moment, timezone-aware.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - now).total_seconds())


def backoff_s(attempt: int, *, first_s: float, max_s: float, random: Random) -> float:
    """Return the seconds to wait after a failed attempt: doubling, with jitter.

    The wait is between half and the whole of the doubled time, so that clients that failed together do not
    come back together, and never immediately.

    Args:
        attempt: number of failed attempts, from 1.
        first_s: the wait after the first, before jitter.
        max_s: the longest wait.
        random: source of the jitter.
    """
    whole = min(max_s, first_s * 2.0 ** min(attempt - 1, 30))
    return whole * (0.5 + random.random() / 2)


def retry_wait_s(attempt: int, asked_s: float | None, *, first_s: float, max_s: float, random: Random) -> float | None:
    """Return the seconds to wait before the next attempt; None if the server asks for more than ``max_s``.

    Args:
        attempt: number of failed attempts, from 1.
        asked_s: seconds of ``Retry-After``; None: the server did not say.
        first_s: the wait after the first attempt, before jitter.
        max_s: the longest wait.
        random: source of the jitter.
    """
    if asked_s is not None and asked_s > max_s:
        return None
    return max(asked_s or 0.0, backoff_s(attempt, first_s=first_s, max_s=max_s, random=random))


class RateLimiter:
    """The request rate of one host: steady, slower after complaints. Times are seconds of the caller's clock.

    Args:
        interval_s: time between two requests; 0: no limit.
    """

    def __init__(self, interval_s: float) -> None:
        self._least = interval_s
        self._interval = interval_s
        self._next = 0.0
        self._paused_until = 0.0
        self._forgiven = float("-inf")

    @property
    def interval_s(self) -> float:
        """Present time between two requests."""
        return self._interval

    def take(self, now: float) -> float:
        """Reserve the next free moment; return how many seconds away it is."""
        moment = max(now, self._next)
        self._next = moment + self._interval
        return moment - now

    async def acquire(self) -> None:
        """Wait for the next free moment, by the event loop's clock."""
        wait = self.take(asyncio.get_running_loop().time())
        if wait > 0:
            await asyncio.sleep(wait)

    def pace(self, now: float) -> tuple[float, float]:
        """Return the seconds until the next free moment, and the time between two requests."""
        return max(0.0, self._next - now), self._interval

    def continue_at(self, now: float, pace: tuple[float, float]) -> None:
        """Continue at another limiter's ``pace``."""
        self._next, self._interval = now + pace[0], pace[1]

    def is_paused(self, now: float) -> bool:
        """Return whether a complaint still forbids all requests."""
        return now < self._paused_until

    def report(self, now: float, status: int | None, wait_s: float) -> None:
        """Adapt to a response: slow down if its status is a complaint, else recover.

        Args:
            now: the present moment.
            status: HTTP status; None: there was no response, which says nothing.
            wait_s: how long to send nothing after a complaint.
        """
        if status in BUSY_STATUSES:
            self.slow_down(now, wait_s)
        elif status is not None:
            self.recover()

    def slow_down(self, now: float, wait_s: float) -> None:
        """Send nothing for ``wait_s``, then half as many requests.

        Complaints in quick succession are about the same requests, and halve the rate once.
        """
        self._paused_until = max(self._paused_until, now + wait_s)
        self._next = max(self._next, self._paused_until)
        if now < self._forgiven:
            return
        self._forgiven = now + wait_s + _GRACE_S
        self._interval = min(_MAX_INTERVAL_S, max(self._interval * 2, _FIRST_INTERVAL_S))

    def recover(self) -> None:
        """Return to the steady rate gradually."""
        if self._interval > self._least:
            faster = self._interval * _RECOVERY
            self._interval = faster if faster > max(self._least, 0.01) else self._least
