"""Decoding everything: slow, and right for every stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from extract.video.packets import VideoPacket
from extract.video.seconds import SecondRule
from extract.video.timed import Convert, Picked, T
from m5data.errors import MediaError

__all__ = ["sample_full"]


def sample_full(
    packets: Iterable[VideoPacket],
    context: VideoCodecContext,
    rule: SecondRule,
    convert: Convert[T],
    *,
    step: int = 1,
) -> Iterator[Picked[T]]:
    """Decode all packets and yield the frames that ``rule`` keeps, as they come.

    Packets that cannot be decoded are passed over, and so are frames that the decoder marks as
    damaged: what follows the damage is kept.

    Args:
        packets: In the order of decoding.
        context: The decoder.
        rule: Takes the frames in the order in which they are put out.
        convert: Is given the kept frames.
        step: Ticks from one frame to the next where no time is given at all.

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
    """Return when a frame is shown, in ticks: its own time, that of its decoding, or a step after the last."""
    if frame.pts is not None:
        return frame.pts
    if frame.dts is not None:
        return frame.dts
    return 0 if last is None else last + step


def _decode(packets: Iterable[VideoPacket], context: VideoCodecContext) -> Iterator[VideoFrame]:
    """Yield every frame that the decoder puts out, in its order."""
    for packet in packets:
        yield from _try(packet, context)
    yield from _try(None, context)


def _try(packet: VideoPacket | None, context: VideoCodecContext) -> list[VideoFrame]:
    try:
        return context.decode(packet)
    except av.MemoryError as error:
        raise MediaError("memory", "decoding a frame") from error
    except av.FFmpegError:
        return []
