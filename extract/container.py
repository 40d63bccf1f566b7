"""Untrusted bytes, opened as one of a few allowed containers, and their packets."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, NoReturn, cast

import av
from av import Packet
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer
from av.container.core import Flags
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from core.errors import MediaError

if TYPE_CHECKING:  # decoder processes get plain values and never load pydantic
    from extract.settings import VideoSettings

__all__ = [
    "AUDIO_DECODERS",
    "VIDEO_DECODERS",
    "decoder_name",
    "find_audio",
    "find_video",
    "open_media",
    "read_packets",
    "sniff",
]

VIDEO_DECODERS = frozenset(
    (
        *("h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4", "mjpeg", "prores", "theora", "h263", "flv"),
        *("mpeg1video", "mpeg2video", "msmpeg4v2", "msmpeg4", "wmv1", "wmv2", "wmv3", "vc1"),
    )
)
"""FFmpeg's names of the allowed video decoders."""

AUDIO_DECODERS = frozenset(
    (
        *("aac", "aac_latm", "mp3", "mp3float", "mp2", "mp2float", "opus", "vorbis", "flac", "alac", "ac3", "eac3"),
        *("amrnb", "amrwb", "wmav1", "wmav2", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s32le", "pcm_f32le"),
        *("pcm_u8", "pcm_alaw", "pcm_mulaw"),
    )
)
"""FFmpeg's names of the allowed audio decoders."""

_MOV_BOXES = frozenset((b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"))
_PREFIXES = {
    b"\x1aE\xdf\xa3": "matroska",
    b"FLV\x01": "flv",
    b"OggS": "ogg",
    b"\x00\x00\x01\xba": "mpeg",
    b"0&\xb2u\x8ef\xcf\x11": "asf",
}
_TS_PACKETS = ((0, 188), (4, 192))


def sniff(data: bytes) -> str | None:
    """Return FFmpeg's name of the container, from the first bytes of ``data``; None if it is not allowed.

    Playlists, concatenation scripts, image sequences and raw streams are never allowed.
    """
    if data[4:8] in _MOV_BOXES:
        return "mov"
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return "avi"
    for prefix, name in _PREFIXES.items():
        if data.startswith(prefix):
            return name
    for offset, step in _TS_PACKETS:
        if len(data) > offset + step and data[offset] == data[offset + step] == 0x47:
            return "mpegts"
    return None


def open_media(data: bytes) -> InputContainer:
    """Open a file's bytes with the demuxer that its first bytes indicate; the caller closes the container.

    FFmpeg does not guess the demuxer, only allowed decoders may probe, no protocol is allowed, and
    every attempt by the demuxer to open anything else is refused.

    Raises:
        MediaError: ``not_allowed_container``, ``broken_video`` or ``memory``.
    """
    name = sniff(data)
    if name is None:
        raise MediaError("not_allowed_container", f"not an allowed video container: it starts with 0x{data[:8].hex()}")
    options = {
        "format_whitelist": ",".join((*av.ContainerFormat(name, "r").name.split(","), name)),
        "codec_whitelist": ",".join(sorted(VIDEO_DECODERS | AUDIO_DECODERS)),
        "protocol_whitelist": "none",
    }
    try:
        container = av.open(
            BytesIO(data), "r", format=name, options=options, metadata_errors="replace", io_open=_refuse
        )
    except av.MemoryError as error:
        raise MediaError("memory", "out of memory while opening the file") from error
    except (av.FFmpegError, ValueError) as error:
        raise MediaError("broken_video", f"cannot be opened as {name} ({type(error).__name__})") from error
    if name == "avi":  # AVI stores no presentation times, and FFmpeg's guesses are wrong with B frames
        container.flags &= ~cast("int", Flags.gen_pts.value)
    return container


def decoder_name(stream: Stream) -> str | None:
    """Return FFmpeg's name of a stream's decoder; None if its codec has none."""
    context = cast("CodecContext | None", stream.codec_context)
    return None if context is None else context.name


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    """Refuse to open anything but the bytes themselves."""
    raise PermissionError(f"media may not open {url[:80]!r} (flags {flags}, {len(options)} options)")


def find_video(container: InputContainer, settings: VideoSettings) -> VideoStream:
    """Return the video stream that FFmpeg ranks first, set to decode on one thread; cover images do not count.

    Raises:
        MediaError: ``no_video``, ``unsupported_codec``, or ``too_many_pixels`` according to its header.
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
        size = f"{context.width} x {context.height}"
        raise MediaError("too_many_pixels", f"{size}, more than {settings.max_pixels} pixels")
    context.thread_count = 1
    context.options = {"max_pixels": str(settings.max_pixels)}
    return stream


def find_audio(container: InputContainer) -> AudioStream:
    """Return the audio stream that FFmpeg ranks first.

    Raises:
        MediaError: ``no_sound``, there is no audio stream.
    """
    best = container.streams.best("audio")
    if not isinstance(best, AudioStream):
        raise MediaError("no_sound", "there is no audio stream")
    return best


def read_packets(container: InputContainer, *streams: VideoStream | AudioStream) -> Iterator[Packet[Stream]]:
    """Yield the packets of some streams in file order, up to the end or to where the file is broken.

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
        raise MediaError("memory", "out of memory while reading a packet") from error
    except (av.FFmpegError, IndexError):  # PyAV's flush at the end fails for streams that appeared late (FLV)
        return
