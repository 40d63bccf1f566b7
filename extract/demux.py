"""Which streams of a file count, and reading their packets once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import av
from av import Packet
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from extract.container import VIDEO_DECODERS, decoder_name
from m5data.errors import MediaError

if TYPE_CHECKING:  # decoder processes are given plain values, and do without pydantic
    from extract.settings import VideoSettings

__all__ = ["find_sound", "find_video", "read_packets"]


def find_video(container: InputContainer, settings: VideoSettings) -> VideoStream:
    """Return the video stream that FFmpeg ranks first, set to decode on one thread; cover pictures do not count.

    Raises:
        MediaError: ``no_video``, ``unsupported_codec``, or ``too_many_pixels`` by its header.
    """
    moving = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not moving:
        raise MediaError("no_video", "there is no video stream")
    best = container.streams.best("video")
    stream = next((s for s in moving if best is not None and s.index == best.index), moving[0])
    if decoder_name(stream) not in VIDEO_DECODERS:
        raise MediaError("unsupported_codec", f"{decoder_name(stream) or 'an unknown codec'} is not allowed")
    context = stream.codec_context
    if context.width * context.height > settings.max_pixels:
        got = f"{context.width} x {context.height}"
        raise MediaError("too_many_pixels", f"wanted at most {settings.max_pixels} pixels, got {got}")
    context.thread_count = 1
    context.options = {"max_pixels": str(settings.max_pixels)}
    return stream


def find_sound(container: InputContainer) -> AudioStream:
    """Return the audio stream that FFmpeg ranks first.

    Raises:
        MediaError: ``no_sound``, there is none.
    """
    best = container.streams.best("audio")
    if not isinstance(best, AudioStream):
        raise MediaError("no_sound", "there is no audio stream")
    return best


def read_packets(container: InputContainer, *streams: VideoStream | AudioStream) -> Iterator[Packet[Stream]]:
    """Yield the packets of some streams in the order of the file, up to its end or to where it breaks.

    Raises:
        MediaError: ``memory``.
    """
    if not streams:
        return
    try:
        for packet in container.demux(*streams):
            if packet.size:
                yield packet
    except av.MemoryError as error:
        raise MediaError("memory", "reading a packet") from error
    except (av.FFmpegError, IndexError):  # PyAV's flush at the end trips over streams that appeared late (FLV)
        return
