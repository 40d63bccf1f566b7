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
from media.container import AUDIO_DECODERS, decoder_name, find_audio, find_video, open_as, open_media, read_packets

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

__all__ = ["join_sound"]

_FORMATS = ("mp4", "matroska")
"""Containers to try: MP4 keeps all times exactly, Matroska takes the codecs that MP4 refuses."""


_TIMESTAMP = b"com.apple.streaming.transportStreamTimestamp\0"
"""Owner of the ID3 frame that has the time of packed audio (RFC 8216, 3.4)."""
_TICKS_PER_S = 90_000
_LAST_TICK = (1 << 33) - 1
_TAG_HEADER = 10
_PACKED = {b"\xff\xf1": "aac", b"\xff\xf9": "aac", b"\xff\xfb": "mp3", b"\xff\xfa": "mp3", b"\x0b\x77": "ac3"}
"""First bytes of a frame of packed audio -> FFmpeg's name of its demuxer."""


class _Limits(NamedTuple):
    max_pixels: int


class _Source(NamedTuple):
    container: InputContainer
    stream: VideoStream | AudioStream
    start_s: float
    """Time to add to that of each packet."""


def join_sound(video: bytes, audio: bytes, max_pixels: int) -> bytes:
    """Return a file with the video stream of one file and the audio stream of another.

    Packets and their times stay as they are. Packed audio, frames without a container, begins at the time that its
    ID3 tag states, as those of HLS do, else at 0.

    Raises:
        MediaError: One of them cannot be read, or no container takes both; see ``reason``.
    """
    demuxer, start_s = _packed(audio)
    with open_media(video) as picture, open_as(demuxer, audio) if demuxer else open_media(audio) as sound:
        shown, heard = find_video(picture, _Limits(max_pixels)), find_audio(sound)
        if decoder_name(heard) not in AUDIO_DECODERS:
            raise MediaError("unsupported_codec", f"{decoder_name(heard) or 'an unknown codec'} is not allowed")
        for form in _FORMATS:
            try:
                return _written(form, _Source(picture, shown, 0.0), _Source(sound, heard, start_s))
            except (av.FFmpegError, ValueError):
                picture.seek(0)
                sound.seek(0)
    raise MediaError("broken_video", "no container takes both video and sound")


def _packed(audio: bytes) -> tuple[str | None, float]:
    """Return the demuxer of packed audio and the time of its first frame, seconds; None: it is in a container."""
    end = 0
    if audio.startswith(b"ID3"):
        for byte in audio[6:_TAG_HEADER]:  # the length is in groups of seven bits (ID3v2.4, 6.2)
            end = end << 7 | byte & 0x7F
        end += _TAG_HEADER
    at = audio.find(_TIMESTAMP, 0, end) + len(_TIMESTAMP)
    stated = int.from_bytes(audio[at : at + 8], "big") & _LAST_TICK if at >= len(_TIMESTAMP) else 0
    return _PACKED.get(audio[end : end + 2]), stated / _TICKS_PER_S


def _written(form: str, *sources: _Source) -> bytes:
    buffer = BytesIO()
    with ExitStack() as stack:
        target = stack.enter_context(av.open(buffer, "w", format=form))
        timed = [_packets(source, target.add_stream_from_template(source.stream)) for source in sources]
        for _, packet in merge(*timed, key=lambda each: each[0]):
            target.mux(packet)
    return buffer.getvalue()


def _packets(source: _Source, target: Stream) -> Iterator[tuple[float, Packet[Stream]]]:
    """Yield the packets of a stream for the target, with their decoding times in seconds."""
    for packet in read_packets(source.container, source.stream):
        if packet.dts is None or packet.pts is None or packet.time_base is None:
            continue
        late = round(source.start_s / packet.time_base)
        packet.pts, packet.dts = packet.pts + late, packet.dts + late
        packet.stream = target
        yield float(packet.dts * packet.time_base), packet
