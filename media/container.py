"""Untrusted bytes, opened as one of a few allowed containers, and their packets."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import NoReturn, Protocol, cast

import av
from av import Packet
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer
from av.container.core import Flags
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from core.errors import MediaError
from media.formats import sniff

__all__ = [
    "AUDIO_DECODERS",
    "VIDEO_DECODERS",
    "VideoLimits",
    "decoder_name",
    "find_audio",
    "find_video",
    "open_as",
    "open_media",
    "read_packets",
]

VIDEO_DECODERS = frozenset(
    (
        *("h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4", "mjpeg", "prores", "theora", "h263", "flv"),
        *("mpeg1video", "mpeg2video", "msmpeg4v1", "msmpeg4v2", "msmpeg4", "wmv1", "wmv2", "wmv3", "vc1"),
        *("vp6", "vp6a", "vp6f", "svq1", "svq3", "cinepak", "dvvideo", "dnxhd", "ffv1", "huffyuv", "rawvideo"),
    )
)
"""FFmpeg's names of the allowed video decoders."""

AUDIO_DECODERS = frozenset(
    (
        *("aac", "aac_latm", "mp3", "mp3float", "mp2", "mp2float", "opus", "vorbis", "flac", "alac", "ac3", "eac3"),
        *("amrnb", "amrwb", "wmav1", "wmav2", "wmapro", "mp1", "mp1float", "dca", "nellymoser", "speex"),
        *("pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s16le_planar", "pcm_s24le", "pcm_s24be", "pcm_s32le"),
        *("pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_alaw", "pcm_mulaw", "pcm_dvd"),
        *("adpcm_ima_wav", "adpcm_ima_qt", "adpcm_ms", "adpcm_swf"),
    )
)
"""FFmpeg's names of the allowed audio decoders."""


class VideoLimits(Protocol):
    """Limits before decoding."""

    @property
    def max_pixels(self) -> int:
        """Most pixels of a frame."""


def open_media(data: bytes) -> InputContainer:
    """Open a file's bytes with the demuxer that its first bytes indicate; the caller closes the container.

    FFmpeg does not guess the demuxer, only allowed decoders may probe, no protocol is allowed, and
    every attempt by the demuxer to open anything else is refused.

    Raises:
        MediaError: ``not_allowed_container``, ``broken_video`` or ``memory``.
    """
    form = sniff(data)
    if form is None or form.kind != "video" or form.reader is None:
        seen = f"it is {form.name}" if form else f"it starts with 0x{data[:8].hex()}"
        raise MediaError("not_allowed_container", f"not an allowed video container: {seen}")
    return open_as(form.reader, data)


def open_as(name: str, data: bytes) -> InputContainer:
    """Open a file's bytes with a demuxer, under the limits of ``open_media``.

    Raises:
        MediaError: ``broken_video`` or ``memory``.
    """
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


def find_video(container: InputContainer, settings: VideoLimits) -> VideoStream:
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
