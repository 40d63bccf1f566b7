"""Video and sound of two files in one, without encoding them again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from heapq import merge
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import av
from av import Packet
from av.stream import Stream

from core.errors import MediaError
from media.container import AUDIO_DECODERS, decoder_name, find_audio, find_video, open_media, read_packets

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

__all__ = ["join_sound"]

_FORMATS = ("mp4", "matroska")
"""Containers to try: MP4 keeps all times exactly, Matroska takes the codecs that MP4 refuses."""


class _Limits(NamedTuple):
    max_pixels: int


def join_sound(video: bytes, audio: bytes, max_pixels: int) -> bytes:
    """Return a file with the video stream of one file and the audio stream of another.

    Packets and their times stay as they are.

    Raises:
        MediaError: One of them cannot be read, or no container takes both; see ``reason``.
    """
    with open_media(video) as picture, open_media(audio) as sound:
        shown, heard = find_video(picture, _Limits(max_pixels)), find_audio(sound)
        if decoder_name(heard) not in AUDIO_DECODERS:
            raise MediaError("unsupported_codec", f"{decoder_name(heard) or 'an unknown codec'} is not allowed")
        for form in _FORMATS:
            try:
                return _written(form, (picture, shown), (sound, heard))
            except (av.FFmpegError, ValueError):
                picture.seek(0)
                sound.seek(0)
    raise MediaError("broken_video", "no container takes both video and sound")


def _written(form: str, video: tuple[InputContainer, VideoStream], audio: tuple[InputContainer, AudioStream]) -> bytes:
    buffer = BytesIO()
    with ExitStack() as stack:
        target = stack.enter_context(av.open(buffer, "w", format=form))
        sources = [_packets(source, one, target.add_stream_from_template(one)) for source, one in (video, audio)]
        for _, packet in merge(*sources, key=lambda timed: timed[0]):
            target.mux(packet)
    return buffer.getvalue()


def _packets(
    source: InputContainer, stream: VideoStream | AudioStream, target: Stream
) -> Iterator[tuple[float, Packet[Stream]]]:
    """Yield the packets of a stream for the target, with their decoding times in seconds."""
    for packet in read_packets(source, stream):
        if packet.dts is None or packet.time_base is None:
            continue
        packet.stream = target
        yield float(packet.dts * packet.time_base), packet
