"""How fast one host may be asked: a steady rate that gives way when the host complains."""

__all__ = ["Pace"]

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
