"""Sampler of one video stream: the fast path if possible, else a full decode."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from core.errors import MediaError
from extract.video.fast import DamagedError, UnsuitedError, plan_fast, sample_fast
from extract.video.seconds import Convert, Picked, SecondRule, T, VideoPacket

__all__ = [
    "CodedVideo",
    "Sampler",
    "first_time",
    "sample_full",
    "sample_keyframes",
]


if TYPE_CHECKING:  # decoder processes get plain values and never load pydantic
    from extract.settings import VideoSettings


@dataclass(frozen=True, slots=True)
class CodedVideo:
    """A demuxed video stream whose decoder has not started."""

    packets: Sequence[VideoPacket]
    """All non-empty packets, in decoding order."""
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
        reopen: Opens the video again; called if the fast path is abandoned midway.
    """

    def __init__(self, settings: VideoSettings, reopen: Callable[[], CodedVideo]) -> None:
        self._settings = settings
        self._reopen = reopen
        self.decode_path = ""
        """``fast``, ``keyframe``, or ``full:`` and the reason why the fast path was not used, one word."""

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


def sample_full(
    packets: Iterable[VideoPacket],
    context: VideoCodecContext,
    rule: SecondRule,
    convert: Convert[T],
    *,
    step: int = 1,
) -> Iterator[Picked[T]]:
    """Decode all packets and yield the frames that ``rule`` keeps, as they are decoded.

    Packets that cannot be decoded, and frames that the decoder marks as damaged, are skipped; frames
    after the damage are kept.

    Args:
        packets: Packets in decoding order.
        context: The decoder.
        rule: Chooses from the frames in output order.
        convert: Called with the kept frames.
        step: Ticks from one frame to the next if the stream has no times at all.

    Raises:
        MediaError: ``too_long``, or ``memory``.
    """
    last: int | None = None
    for frame in _decode(packets, context):
        last = _time(frame, last, step)
        rule.begin(last)
        if frame.is_corrupt:
            continue
        seconds = rule.claim(last)
        if seconds:
            yield Picked(seconds, rule.time(last), convert(frame))


def _time(frame: VideoFrame, last: int | None, step: int) -> int:
    """Return a frame's presentation time in ticks; else its decoding time, else one step after the last."""
    if frame.pts is not None:
        return frame.pts
    if frame.dts is not None:
        return frame.dts
    return 0 if last is None else last + step


def _decode(packets: Iterable[VideoPacket], context: VideoCodecContext) -> Iterator[VideoFrame]:
    """Yield every frame in output order."""
    for packet in packets:
        yield from _try(packet, context)
    yield from _try(None, context)


def _try(packet: VideoPacket | None, context: VideoCodecContext) -> list[VideoFrame]:
    try:
        return context.decode(packet)
    except av.MemoryError as error:
        raise MediaError("memory", "out of memory while decoding a frame") from error
    except av.FFmpegError:
        return []


def sample_keyframes(
    packets: Sequence[VideoPacket], context: VideoCodecContext, rule: SecondRule, convert: Convert[T]
) -> Iterator[Picked[T]]:
    """Decode only key frames, and yield the nearest one for each second that has a frame.

    The seconds are those of the exact rule. Of two key frames at the same distance, the earlier is used.
    A key frame serves all seconds that it is nearest to; ``pts_s`` is its own time. If the container
    has no presentation times, the decoding times are used.

    Raises:
        MediaError: ``too_long``, or ``memory``.
    """
    timed = {_packet_time(packet): packet for packet in packets if not packet.is_discard}
    moments = sorted(time for time, packet in timed.items() if packet.is_keyframe)
    served: dict[int, list[int]] = {}
    for time in sorted(timed):
        for second in rule.claim(time):
            if moments:
                served.setdefault(_nearest(moments, time), []).append(second)
    for time, seconds in served.items():
        for frame in _decode_key(timed[time], context)[:1]:
            yield Picked(range(seconds[0], seconds[-1] + 1), rule.time(time), convert(frame))


def _packet_time(packet: VideoPacket) -> int:
    if packet.pts is not None:
        return packet.pts
    return packet.dts or 0


def first_time(packets: Sequence[VideoPacket]) -> float | None:
    """Return the time of the first frame that is shown, on the file's clock, seconds; None if there is none."""
    times = [
        _packet_time(packet) * packet.time_base for packet in packets if not packet.is_discard and packet.time_base
    ]
    return float(min(times)) if times else None


def _nearest(moments: Sequence[int], pts: int) -> int:
    """Return the moment nearest to ``pts``, the earlier of two at the same distance."""
    at = bisect_left(moments, pts)
    around = moments[max(at - 1, 0) : at + 1]
    return min(around, key=lambda moment: (abs(moment - pts), moment))


def _decode_key(packet: VideoPacket, context: VideoCodecContext) -> list[av.VideoFrame]:
    """Return the frame of one key packet, or nothing if it is damaged."""
    try:
        frames = [*context.decode(packet), *context.decode(None)]
        context.flush_buffers()
    except av.MemoryError as error:
        raise MediaError("memory", "out of memory while decoding a key frame") from error
    except av.FFmpegError:
        return []
    return [frame for frame in frames if not frame.is_corrupt]
