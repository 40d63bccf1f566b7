"""The rule ``keyframe``: for each whole second the nearest key frame. Faster, and not exact."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import av
from av.video.codeccontext import VideoCodecContext

from extract.video.packets import VideoPacket
from extract.video.seconds import SecondRule
from extract.video.timed import Convert, Picked, T
from m5data.errors import MediaError

__all__ = ["sample_keyframes"]


def sample_keyframes(
    packets: Sequence[VideoPacket], context: VideoCodecContext, rule: SecondRule, convert: Convert[T]
) -> Iterator[Picked[T]]:
    """Decode key frames alone, and yield for each second that has a frame the key frame nearest to it.

    The seconds are those of the exact rule. Of two key frames as near, the earlier one counts.
    A key frame serves all seconds it is nearest to; ``pts_s`` tells how far off it is. Where the
    container gives no times of presentation, those of decoding count.

    Raises:
        MediaError: ``too_long``, or ``memory``.
    """
    timed = {_time(packet): packet for packet in packets if not packet.is_discard}
    moments = sorted(time for time, packet in timed.items() if packet.is_keyframe)
    served: dict[int, list[int]] = {}
    for time in sorted(timed):
        for second in rule.claim(time):
            if moments:
                served.setdefault(_nearest(moments, time), []).append(second)
    for time, seconds in served.items():
        for frame in _decode(timed[time], context)[:1]:
            yield Picked(range(seconds[0], seconds[-1] + 1), rule.time(time), convert(frame))


def _time(packet: VideoPacket) -> int:
    if packet.pts is not None:
        return packet.pts
    return packet.dts or 0


def _nearest(moments: Sequence[int], pts: int) -> int:
    """Return the moment nearest to ``pts``, the earlier of two as near."""
    at = bisect_left(moments, pts)
    around = moments[max(at - 1, 0) : at + 1]
    return min(around, key=lambda moment: (abs(moment - pts), moment))


def _decode(packet: VideoPacket, context: VideoCodecContext) -> list[av.VideoFrame]:
    """Return the frame of one key packet, nothing where it is damaged."""
    try:
        frames = [*context.decode(packet), *context.decode(None)]
        context.flush_buffers()
    except av.MemoryError as error:
        raise MediaError("memory", "decoding a key frame") from error
    except av.FFmpegError:
        return []
    return [frame for frame in frames if not frame.is_corrupt]
