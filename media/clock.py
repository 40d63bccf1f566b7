"""The clock of an audio stream: its start, its gaps, and what keeps it in step with the video."""

from dataclasses import dataclass

__all__ = ["AudioClock", "Gap"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A pause for which a stream has no samples."""

    start_s: float
    """Seconds from the video's first frame, or from the audio's own start if there is no video."""
    length_s: float


class AudioClock:
    """Places the frames of an audio stream one after another, by their own times.

    Times of containers are rounded, to milliseconds in Matroska and FLV, so that a frame up to ``tolerance_s`` early
    or late follows the previous one directly. A later frame leaves a gap. An earlier one overlaps the previous
    ones, and its first samples are skipped. A jump backwards by more than a second, or forwards beyond the longest
    allowed stream, is a fault of the times, not of the audio: the frame follows directly.

    Args:
        max_seconds: Longest allowed stream.
        is_exact: Whether the container stores times; if not, only the first one counts.
    """

    tolerance_s = 0.02
    """Largest difference between the times of audio and video that is left as it is, seconds."""
    _LONGEST_OVERLAP_S = 1.0

    def __init__(self, max_seconds: float, *, is_exact: bool = True) -> None:
        self._max_seconds = max_seconds
        self._is_exact = is_exact
        self._start: float | None = None
        self._shift = 0.0
        self.end_s = 0.0
        """End of the placed frames, with gaps, seconds from the first one."""
        self.gaps: list[Gap] = []
        """Gaps so far; their starts are seconds from the first frame."""

    def place(self, time_s: float | None, samples: int, rate: int) -> tuple[int, int]:
        """Add a frame, and return the samples of silence before it, and its first samples to skip.

        Args:
            time_s: Its own time; None: unknown.
            samples: Its length.
            rate: Hz.
        """
        silence = skipped = 0
        if self._start is None:
            self._start = time_s or 0.0
        elif time_s is not None and self._is_exact:
            late = time_s - self._start + self._shift - self.end_s
            if late < -self._LONGEST_OVERLAP_S or late > self._max_seconds:
                self._shift -= late
            elif late > self.tolerance_s:
                silence = round(late * rate)
                self.gaps.append(Gap(self.end_s, silence / rate))
            elif late < -self.tolerance_s:
                skipped = min(samples, round(-late * rate))
        self.end_s += (silence + samples - skipped) / rate
        return silence, skipped

    def start_after(self, origin_s: float | None) -> float:
        """Return the time of the first frame, seconds from the origin; 0 without an origin or beyond all bounds."""
        if origin_s is None or self._start is None:
            return 0.0
        start = self._start - origin_s
        return start if abs(start) <= self._max_seconds else 0.0
