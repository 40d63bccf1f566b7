"""A bound on what downloads take of the line, on average."""

import asyncio

__all__ = ["Bandwidth"]

_BYTES = 125_000


class Bandwidth:
    """Has whoever fetched something wait until the line was used no more than allowed.

    What is under way is not slowed down: no more than a body a request can run ahead.

    Args:
        mbit: Most megabits a second; None: no bound.
    """

    def __init__(self, mbit: float | None) -> None:
        self._seconds_a_byte = 1 / (mbit * _BYTES) if mbit else 0.0
        self._free_at = 0.0

    async def pay(self, size: int) -> None:
        """Wait for the time that ``size`` bytes take, after all that was paid for before."""
        if not self._seconds_a_byte or not size:
            return
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + size * self._seconds_a_byte
        await asyncio.sleep(self._free_at - now)
