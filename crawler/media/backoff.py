"""How long to wait before asking again."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

__all__ = ["pause", "retry_after"]


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
