"""Decoding only what the kept frames need; bit-identical to a full decode, or given up."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from extract.video import h264, hevc, mpeg_gop, vpx_av1
from extract.video.plan import Picture, Run, UnsuitedError, make_plan, reorder_depth
from extract.video.seconds import Convert, Picked, SecondRule, T, VideoPacket
from m5data.errors import MediaError

__all__ = ["DamagedError", "plan_fast", "sample_fast"]


def _read_intra(packets: Sequence[VideoPacket], context: VideoCodecContext) -> list[Picture]:
    """Describe each packet: an entry that nothing else needs."""
    del context
    return [Picture(packet.pts or 0, entry=True, droppable=True) for packet in packets]


_Reader = Callable[[Sequence[VideoPacket], VideoCodecContext], list[Picture]]

_READERS: dict[str, _Reader] = {
    "av1": vpx_av1.read_pictures,
    "h264": h264.read_pictures,
    "hevc": hevc.read_pictures,
    "libdav1d": vpx_av1.read_pictures,
    "mjpeg": _read_intra,
    "mpeg1video": mpeg_gop.read_pictures,
    "mpeg2video": mpeg_gop.read_pictures,
    "mpeg4": mpeg_gop.read_pictures,
    "prores": _read_intra,
    "vp9": vpx_av1.read_pictures,
}


class DamagedError(Exception):
    """A frame did not come out as planned, so the stream has to be decoded in full."""


def plan_fast(packets: Sequence[VideoPacket], context: VideoCodecContext, rule: SecondRule) -> list[Run]:
    """Plan what to decode of a stream.

    Raises:
        UnsuitedError: The stream has to be decoded in full; the message is why, in one word.
        MediaError: ``too_long``, by the rule.
    """
    reader = _READERS.get(context.name)
    if reader is None:
        raise UnsuitedError("codec")
    if any(packet.pts is None for packet in packets):
        raise UnsuitedError("missing_times")
    if any(packet.is_corrupt for packet in packets):
        raise UnsuitedError("damaged_packets")
    try:
        pictures = _hide_discarded(reader(packets, context), packets)
    except (ValueError, IndexError) as error:
        raise UnsuitedError("headers_broken") from error
    if not pictures:
        raise UnsuitedError("no_picture")
    if context.name == "h264" and reorder_depth(pictures) > context.reorder_depth:
        raise UnsuitedError("reorder_depth")
    return make_plan(pictures, rule)


def _hide_discarded(pictures: list[Picture], packets: Sequence[VideoPacket]) -> list[Picture]:
    """Mark pictures that the container wants decoded but not shown (an edit list cuts them off)."""
    return [
        replace(picture, shown=False) if packet.is_discard else picture
        for picture, packet in zip(pictures, packets, strict=True)
    ]


def sample_fast(
    runs: Sequence[Run],
    packets: Sequence[VideoPacket],
    context: VideoCodecContext,
    rule: SecondRule,
    convert: Convert[T],
) -> Iterator[Picked[T]]:
    """Decode what was planned and yield the kept frames in order, run by run.

    The frames of a run are held back until all of it was decoded without a complaint.

    Raises:
        DamagedError: The decoder complains, or a wanted frame is missing or damaged. Frames yielded
            until then are right.
        MediaError: ``memory``.
    """
    for run in runs:
        found: dict[int, T] = {}
        for frame in _decode(run, packets, context):
            if frame.is_corrupt:
                raise DamagedError("a frame is damaged")
            if frame.pts is not None and frame.pts in run.wanted:
                found[frame.pts] = convert(frame)
        if tuple(found) != run.wanted:
            raise DamagedError("a frame is missing")
        for pts, value in found.items():
            yield Picked(rule.claim(pts), rule.time(pts), value)


def _decode(run: Run, packets: Sequence[VideoPacket], context: VideoCodecContext) -> Iterator[VideoFrame]:
    """Yield the frames of a run, and leave the decoder empty."""
    try:
        for number in run.packets:
            yield from context.decode(packets[number])
        yield from context.decode(None)
        context.flush_buffers()
    except av.MemoryError as error:
        raise MediaError("memory", "decoding a frame") from error
    except av.FFmpegError as error:
        raise DamagedError(str(error)) from error
