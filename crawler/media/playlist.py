"""Playlists of streamed videos: what is read of HLS (RFC 8216) and DASH (ISO/IEC 23009-1) is the same for both."""

import re
from dataclasses import dataclass

from core.urls import absolute
from crawler.media.outcome import Reason, RejectedFileError

__all__ = [
    "MAX_PARTS",
    "MAX_PLAYLIST_BYTES",
    "MediaSegment",
    "Rendition",
    "Track",
    "best_first",
    "check_count",
    "is_hls",
    "is_playlist",
    "join_parts",
    "resolve",
]

MAX_PLAYLIST_BYTES = 4_000_000
"""Most bytes of a playlist: 2,000 segments with signed URLs of 2 kB."""
MAX_PARTS = 2_000
"""Most segments of a track: the longest video by default, 600 s, in segments of a third of a second."""

_HLS = b"#EXTM3U"
_DASH = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?MPD[\s>]")
_HEAD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class MediaSegment:
    """A file, or some bytes of one."""

    url: str
    start: int = 0
    length: int | None = None
    """Bytes; None: up to the end of the file."""


@dataclass(frozen=True, slots=True)
class Track:
    """Parts that make one file when they are put in a row."""

    parts: tuple[MediaSegment, ...]
    duration_s: float | None
    """Seconds; None: not said."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """One of several encodings of the same video."""

    video: Track | str
    """Its track, or the URL of the playlist that has it."""
    audio: Track | str | None = None
    """Likewise; None: inside the video's, or the video is silent."""
    pixels: int = 0
    """Of a frame; 0: not said."""
    bits_per_second: int = 0
    """0: not said."""


def is_playlist(head: bytes) -> bool:
    """Return whether a body is an HLS or DASH playlist, by its first bytes: content types are often wrong."""
    start = head[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith(_HLS) or (start.startswith(b"<") and _DASH.search(start) is not None)


def is_hls(body: bytes) -> bool:
    """Return whether a playlist is one of HLS."""
    return body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_HLS)


def best_first(renditions: list[Rendition], max_pixels: int) -> list[Rendition]:
    """Return the renditions within the limit on pixels, largest first, then by bit rate.

    Raises:
        RejectedFileError: All have more pixels (``too_many_pixels``), or there is none.
    """
    if not renditions:
        raise RejectedFileError("bad_playlist", "it names no video")
    fitting = [one for one in renditions if one.pixels <= max_pixels]
    if not fitting:
        least = min(one.pixels for one in renditions)
        raise RejectedFileError("too_many_pixels", f"{least} pixels or more, above the limit of {max_pixels} pixels")
    return sorted(fitting, key=lambda one: (-one.pixels, -one.bits_per_second))


def resolve(base: str, reference: str) -> str:
    """Return the URL that a playlist names.

    Raises:
        RejectedFileError: It is no web URL.
    """
    if not reference:
        return base
    if found := absolute(base, reference):
        return found
    raise RejectedFileError("bad_playlist", "it names a segment whose URL is not one of http or https")


def join_parts(parts: list[MediaSegment]) -> tuple[MediaSegment, ...]:
    """Return parts with neighbours in the same file as one, so that each file takes as few requests as possible.

    Raises:
        RejectedFileError: There are none, or too many.
    """
    if not parts:
        raise RejectedFileError("bad_playlist", "it names no segment")
    joined = [parts[0]]
    for part in parts[1:]:
        last = joined[-1]
        if last.length is not None and part.length is not None and _follows(last, part):
            joined[-1] = MediaSegment(last.url, last.start, last.length + part.length)
        else:
            joined.append(part)
    check_count(len(joined))
    return tuple(joined)


def _follows(last: MediaSegment, part: MediaSegment) -> bool:
    return part.url == last.url and part.start == last.start + (last.length or 0)


def check_count(count: float, reason: Reason = "bad_playlist") -> None:
    """Raise an error for a track of too many segments."""
    if count > MAX_PARTS:
        raise RejectedFileError(reason, f"{count:.0f} segments, more than {MAX_PARTS}")
