"""Full decoding, right for every stream, and the decoding of key frames alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from extract.video.seconds import Convert, Picked, SecondRule, T, VideoPacket
from m5data.errors import MediaError

__all__ = ["sample_full", "sample_keyframes"]


def sample_full(
    packets: Iterable[VideoPacket],
    context: VideoCodecContext,
    rule: SecondRule,
    convert: Convert[T],
    *,
    step: int = 1,
) -> Iterator[Picked[T]]:
    """Decode all packets and yield the frames that ``rule`` keeps, as they come.

    Packets that cannot be decoded, and frames that the decoder marks as damaged, are skipped; what
    follows the damage is kept.

    Args:
        packets: In decoding order.
        context: The decoder.
        rule: Takes the frames in output order.
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
    """Return a frame's presentation time in ticks; else its decoding time, else a step after the last."""
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
    """Decode key frames only, and yield for each second that has a frame the nearest key frame.

    The seconds are those of the exact rule. Of two key frames at the same distance, the earlier counts.
    A key frame serves all seconds that it is nearest to; ``pts_s`` is its own time. If the container
    has no presentation times, the decoding times count.

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
