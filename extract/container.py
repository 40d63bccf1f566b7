"""Opening bytes as one of a few containers, with nothing else in reach of the demuxer."""

from io import BytesIO
from typing import NoReturn, cast

import av
from av.codec.context import CodecContext
from av.container import InputContainer
from av.container.core import Flags
from av.stream import Stream

from m5data.errors import MediaError

__all__ = ["SOUND_DECODERS", "VIDEO_DECODERS", "decoder_name", "open_media", "sniff"]

VIDEO_DECODERS = frozenset(
    (
        *("h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4", "mjpeg", "prores", "theora", "h263", "flv"),
        *("mpeg1video", "mpeg2video", "msmpeg4v2", "msmpeg4", "wmv1", "wmv2", "wmv3", "vc1"),
    )
)
"""FFmpeg's names of the video decoders that files may ask for."""

SOUND_DECODERS = frozenset(
    (
        *("aac", "aac_latm", "mp3", "mp3float", "mp2", "mp2float", "opus", "vorbis", "flac", "alac", "ac3", "eac3"),
        *("amrnb", "amrwb", "wmav1", "wmav2", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s32le", "pcm_f32le"),
        *("pcm_u8", "pcm_alaw", "pcm_mulaw"),
    )
)
"""FFmpeg's names of the audio decoders that files may ask for."""

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
    """Return FFmpeg's name of the container that ``data`` starts like, None where it is none of the allowed.

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
    """Open a file's bytes with the demuxer that its first bytes ask for; the caller closes it.

    The demuxer is chosen here and not by FFmpeg's guess, only allowed decoders may probe, no
    protocol is allowed, and whatever the demuxer still tries to open is refused.

    Raises:
        MediaError: ``not_allowed_container``, or ``broken_video`` where it cannot be opened at all.
    """
    name = sniff(data)
    if name is None:
        raise MediaError("not_allowed_container", f"wanted a video file, got one starting with 0x{data[:8].hex()}")
    options = {
        "format_whitelist": ",".join((*av.ContainerFormat(name, "r").name.split(","), name)),
        "codec_whitelist": ",".join(sorted(VIDEO_DECODERS | SOUND_DECODERS)),
        "protocol_whitelist": "none",
    }
    try:
        container = av.open(
            BytesIO(data), "r", format=name, options=options, metadata_errors="replace", io_open=_refuse
        )
    except av.MemoryError as error:
        raise MediaError("memory", "opening the file") from error
    except (av.FFmpegError, ValueError) as error:
        raise MediaError("broken_video", f"wanted a {name} file, cannot open it ({type(error).__name__})") from error
    if name == "avi":  # it stores no times of presentation, and FFmpeg's guesses are wrong with B pictures
        container.flags &= ~cast("int", Flags.gen_pts.value)
    return container


def decoder_name(stream: Stream) -> str | None:
    """Return FFmpeg's name of a stream's decoder, None where there is none for its codec."""
    context = cast("CodecContext | None", stream.codec_context)
    return None if context is None else context.name


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    """Refuse to open anything beside the bytes themselves."""
    raise PermissionError(f"media may not open {url[:80]!r} (flags {flags}, {len(options)} options)")
