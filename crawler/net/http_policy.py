"""The HTTP policy of pages and media: Retry-After, backoff and the request rate of a host."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

__all__ = ["Pace", "pause", "retry_after"]


def pause(attempt: int, *, first_s: float, most_s: float, random: Random) -> float:
    """Return the seconds to wait after a failed attempt: doubling, with jitter.

    Between half and the whole of the doubled time, so that clients that failed together do not
    come back together, and never at once.

    Args:
        attempt: how many have failed, from 1.
        first_s: the pause after the first, before jitter.
        most_s: the longest pause.
        random: where the jitter comes from.
    """
    whole = min(most_s, first_s * 2.0 ** min(attempt - 1, 30))
    return whole * (0.5 + random.random() / 2)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for (RFC 9110, 10.2.3), None without one.

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


_SLOWEST_S = 30.0
"""Longest time between two requests to a host that keeps complaining."""
_FIRST_SLOWING_S = 0.1
"""Time between requests to a host without a rate of its own, once it complains."""
_SAME_HASTE_S = 1.0
"""Requests that were under way when the host complained end within about this time."""
_RECOVERY = 0.9
"""Each good answer shortens the time by a tenth: some twenty undo one complaint or two."""


class Pace:
    """Hands out the moments at which one host may be asked, in seconds of the caller's clock.

    Args:
        interval_s: time between two requests; 0 for no limit.
    """

    def __init__(self, interval_s: float) -> None:
        self._least = interval_s
        self._interval = interval_s
        self._next = 0.0
        self._forgiven = float("-inf")

    @property
    def interval_s(self) -> float:
        """Time between two requests at present."""
        return self._interval

    def take(self, now: float) -> float:
        """Take the next free moment; return how many seconds away it is."""
        moment = max(now, self._next)
        self._next = moment + self._interval
        return moment - now

    def complain(self, now: float, wait_s: float) -> None:
        """Record that the host asked for less: ask nothing for ``wait_s``, then half as often.

        Complaints soon after one another are about the same haste, and halve once.
        """
        self._next = max(self._next, now + wait_s)
        if now < self._forgiven:
            return
        self._forgiven = now + wait_s + _SAME_HASTE_S
        self._interval = min(_SLOWEST_S, max(self._interval * 2, _FIRST_SLOWING_S))

    def please(self) -> None:
        """Record a good answer: return to the steady rate little by little."""
        if self._interval > self._least:
            faster = self._interval * _RECOVERY
            self._interval = faster if faster > max(self._least, 0.01) else self._least
