"""The sampler of one video stream: the fast path if it fits, else a full decode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from extract.video.fast import DamagedError, plan_fast, sample_fast
from extract.video.full import sample_full, sample_keyframes
from extract.video.plan import UnsuitedError
from extract.video.seconds import Convert, Picked, SecondRule, T, VideoPacket
from m5data.errors import MediaError

if TYPE_CHECKING:  # decoder processes get plain values and never load pydantic
    from extract.settings import VideoSettings

__all__ = ["CodedVideo", "Sampler"]


@dataclass(frozen=True, slots=True)
class CodedVideo:
    """A demuxed video stream whose decoder has not started; a torn last packet is left out."""

    packets: Sequence[VideoPacket]
    """All packets that are not empty, in decoding order."""
    stream: VideoStream

    @classmethod
    def whole(cls, packets: Sequence[VideoPacket], stream: VideoStream) -> Self:
        """Return the video without the packets at its end that the demuxer marks as damaged."""
        end = len(packets)
        while end and packets[end - 1].is_corrupt:
            end -= 1
        return cls(packets[:end], stream)

    @property
    def context(self) -> VideoCodecContext:
        """The decoder."""
        return self.stream.codec_context

    @property
    def step(self) -> int:
        """Ticks from one frame to the next by the stream's average rate, at least 1."""
        rate, time_base = self.stream.average_rate, self.stream.time_base
        return max(1, round(1 / (rate * time_base))) if rate and time_base else 1


class Sampler:
    """Samples one video, and records the decode path.

    Args:
        settings: Rule and longest duration.
        reopen: Opens the video again; called if the fast path is given up half-way.
    """

    def __init__(self, settings: VideoSettings, reopen: Callable[[], CodedVideo]) -> None:
        self._settings = settings
        self._reopen = reopen
        self.decode_path = ""
        """``fast``, ``keyframe``, or ``full:`` and the reason why the fast path did not fit, one word."""

    def sample(self, video: CodedVideo, convert: Convert[T]) -> Iterator[Picked[T]]:
        """Yield the kept frames in order, converted.

        Raises:
            MediaError: ``too_long``, ``memory`` or ``broken_video``.
        """
        if self._settings.rule == "keyframe":
            self.decode_path = "keyframe"
            yield from sample_keyframes(video.packets, video.context, self._rule(video), convert)
            return
        try:
            runs = plan_fast(video.packets, video.stream, self._rule(video))
        except UnsuitedError as unsuited:
            self.decode_path = f"full:{unsuited}"
            yield from sample_full(video.packets, video.context, self._rule(video), convert, step=video.step)
            return
        rule = self._rule(video)
        try:
            self.decode_path = "fast"
            yield from sample_fast(runs, video.packets, video.context, rule, convert)
        except DamagedError as damaged:
            self.decode_path = f"full:{damaged}"
            yield from self._resume(rule.next_second, convert)

    def _resume(self, second: int, convert: Convert[T]) -> Iterator[Picked[T]]:
        """Decode in full, and yield the kept frames from ``second`` on."""
        video = self._reopen()
        for kept in sample_full(video.packets, video.context, self._rule(video), convert, step=video.step):
            rest = range(max(kept.seconds.start, second), kept.seconds.stop)
            if rest:
                yield Picked(rest, kept.pts_s, kept.value)

    def _rule(self, video: CodedVideo) -> SecondRule:
        if video.stream.time_base is None:
            raise MediaError("broken_video", "the stream has no time base")
        return SecondRule(video.stream.time_base, self._settings.max_seconds)
