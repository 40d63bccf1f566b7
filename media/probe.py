"""Full decoding of a file in doubt, and the dimensions that the decoder finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, cast

import av
from av import Packet
from av.container import InputContainer
from av.video.stream import VideoStream

from core.errors import MediaError
from media.container import find_video, open_media, read_packets
from media.image import StandardLimits, stored_size

__all__ = ["Probed", "probe_image", "probe_video"]

VideoPacket: TypeAlias = "Packet[VideoStream]"

_TOLERANCE_S = 0.25
"""Durations in headers are rounded, and may leave out the last frame's."""


class Probed(NamedTuple):
    """What a decoder finds."""

    width: int
    """Pixels, before any rotation."""
    height: int
    duration_s: float | None = None
    """Seconds; None: an image, or unknown."""


@dataclass(frozen=True, slots=True)
class _Limits:
    max_pixels: int


def probe_image(data: bytes, max_pixels: int, max_bytes: int) -> Probed:
    """Decode an image.

    Raises:
        MediaError: It cannot be decoded; see ``reason``.
    """
    return Probed(*stored_size(data, StandardLimits(max_bytes, max_pixels)))


def probe_video(data: bytes, max_pixels: int) -> Probed:
    """Read every packet of a video, and decode its first frame.

    Raises:
        MediaError: It cannot be opened, its first frames cannot be decoded, or packets that its header counts are
            missing; see ``reason``.
    """
    with open_media(data) as container:
        stream = find_video(container, _Limits(max_pixels))
        count, end = _read_all(container, stream)
        declared = container.duration / 1e6 if container.duration else None
        expected = stream.frames
        context = stream.codec_context
        if count < expected or (not expected and declared and end < declared - _TOLERANCE_S):
            found = f"{count} of {expected} frames" if expected else f"{end:.1f} of {declared:.1f} s"
            raise MediaError("truncated", f"only {found} are there")
        return Probed(context.width, context.height, declared)


def _read_all(container: InputContainer, stream: VideoStream) -> tuple[int, float]:
    """Return the number of intact frames and the end of the last packet, seconds; some frame must be decodable."""
    count, end, is_read = 0, 0.0, False
    start = (container.start_time or 0) / 1e6
    for packet in read_packets(container, stream, *container.streams.audio):
        if packet.is_corrupt:
            continue
        if packet.pts is not None and packet.time_base:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base) - start)
        if packet.stream_index == stream.index:
            count += 1
            is_read = is_read or _decodes(stream, cast("VideoPacket", packet))
    if not is_read and not _decodes(stream, None):
        raise MediaError("broken_video", f"no frame of {count} packets can be decoded")
    return count, end


def _decodes(stream: VideoStream, packet: VideoPacket | None) -> bool:
    """Return whether a frame comes out of the decoder with this packet; None: at its end."""
    try:
        return bool(stream.codec_context.decode(packet))
    except av.FFmpegError:
        return False
