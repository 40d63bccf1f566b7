"""The rule that chooses the kept frames: for each whole second, the first frame at or after it."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeAlias, TypeVar

from av import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from core.errors import MediaError

__all__ = ["Convert", "Picked", "SecondRule", "T", "VideoPacket"]

VideoPacket: TypeAlias = "Packet[VideoStream]"

T = TypeVar("T")

Convert: TypeAlias = Callable[[VideoFrame], T]
"""Function that turns a decoded frame, not yet rotated or converted, into the value that is kept."""


@dataclass(frozen=True, slots=True)
class Picked(Generic[T]):
    """A kept frame."""

    seconds: range
    """Whole seconds whose first frame it is; several if the stream has a gap before it."""
    pts_s: float
    """Its own time, seconds from the stream's start."""
    value: T
    """The converted frame."""


class SecondRule:
    """Assigns whole seconds to frames in presentation order.

    Second ``k`` belongs to the first frame whose time, from the first frame of the
    stream, is at least ``k``. A frame after a gap gets every second of the gap. Times
    are compared as integers, so rounding plays no part.

    Args:
        time_base: Seconds per tick of the timestamps.
        limit_s: Longest duration of a stream, seconds.
    """

    def __init__(self, time_base: Fraction, limit_s: int) -> None:
        self._time_base = time_base
        self._limit_s = limit_s
        self._start: int | None = None
        self._next = 0

    @property
    def next_second(self) -> int:
        """The first second without a frame."""
        return self._next

    def begin(self, pts: int) -> None:
        """Set the start of the stream to ``pts`` unless it is already known."""
        if self._start is None:
            self._start = pts

    def time(self, pts: int) -> float:
        """Return a frame's time in seconds from the stream's start."""
        ticks = pts - (self._start or 0)
        return ticks * self._time_base.numerator / self._time_base.denominator

    def claim(self, pts: int) -> range:
        """Return the seconds, possibly none, that the frame at ``pts`` is kept for, and mark them as taken.

        Raises:
            MediaError: ``too_long``, the frame is beyond the limit.
        """
        self.begin(pts)
        ticks = (pts - (self._start or 0)) * self._time_base.numerator
        reached = ticks // self._time_base.denominator
        if reached > self._limit_s or (reached == self._limit_s and ticks % self._time_base.denominator):
            raise MediaError("too_long", f"a frame at {self.time(pts):.1f} s lies beyond {self._limit_s} s")
        seconds = range(self._next, reached + 1)
        self._next = max(self._next, reached + 1)
        return seconds
