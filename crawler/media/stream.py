"""The video of a playlist: the best rendition within the limits, its segments fetched and put together."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple, TypeAlias

from core.errors import MediaError
from core.processes.message import Message
from crawler.media.dash import read_mpd
from crawler.media.hls import read_master, read_media
from crawler.media.outcome import Dimensions, Mime, RejectedFileError
from crawler.media.playlist import MAX_PLAYLIST_BYTES, MediaSegment, Rendition, Track, best_first, is_hls, is_playlist
from crawler.media.validate import in_child, validate_stream
from crawler.settings import DownloadSettings

__all__ = ["FetchSegment", "Received", "finish", "receive_stream"]


class Received(NamedTuple):
    """The bytes of a playlist or a part."""

    body: bytes
    url: str
    """Where redirects ended."""
    size: int
    """Bytes that were received for it; more than ``body`` if the server ignores ranges."""


FetchSegment: TypeAlias = Callable[[MediaSegment, int], Awaitable[Received]]
"""Fetches a part, of at most so many bytes."""


class Stream(NamedTuple):
    """The bytes of a stream."""

    video: bytes
    """A file with the video, and its sound if that is not apart."""
    audio: bytes | None
    duration_s: float | None
    """As its playlist says, seconds."""


async def receive_stream(playlist: Received, settings: DownloadSettings, fetch: FetchSegment) -> Stream:
    """Fetch the segments of the best rendition that is within the limits.

    Args:
        playlist: The playlist that was received in place of a file.
        settings: The limits.
        fetch: Fetches segments and further playlists.

    Raises:
        RejectedFileError: ``bad_playlist``, ``live``, ``encrypted``, ``too_long``, ``too_large`` or
            ``too_many_pixels``, and whatever ``fetch`` raises.
    """
    if len(playlist.body) > MAX_PLAYLIST_BYTES:
        raise RejectedFileError("bad_playlist", f"more than {MAX_PLAYLIST_BYTES} bytes")
    video, audio = await _choose(playlist, settings, fetch)
    left = settings.max_video_bytes
    files: list[bytes] = []
    for track in (video, audio) if audio else (video,):
        bodies: list[bytes] = []
        for part in track.parts:
            received = await fetch(part, left)
            left -= received.size
            bodies.append(received.body)
        files.append(b"".join(bodies))
    return Stream(files[0], files[1] if audio else None, video.duration_s)


def finish(stream: Stream, settings: DownloadSettings) -> tuple[bytes, Mime, Dimensions]:
    """Return a stream as one file, with its type and dimensions; decodes it in a separate process.

    Raises:
        RejectedFileError: The segments make no video that a decoder reads, or it exceeds a limit.
    """
    body = stream.video if stream.audio is None else _join(stream.video, stream.audio, settings)
    mime, found = validate_stream(body, settings)
    # A demuxer only estimates the duration of segments.
    return body, mime, replace(found, duration_s=stream.duration_s or found.duration_s)


async def _choose(playlist: Received, settings: DownloadSettings, fetch: FetchSegment) -> tuple[Track, Track | None]:
    """Return the tracks of the best rendition within the limits."""
    most = settings.max_video_bytes
    for rendition in best_first(_renditions(playlist), settings.max_pixels):
        video = await _resolved(rendition.video, fetch)
        if video.duration_s is not None and video.duration_s > settings.max_duration_s:
            got = f"{video.duration_s:.1f} s"
            raise RejectedFileError("too_long", f"{got}, more than the limit of {settings.max_duration_s:g} s")
        if max((video.duration_s or 0) * rendition.bits_per_second / 8, _stated_bytes(video)) <= most:
            audio = None if rendition.audio is None else await _resolved(rendition.audio, fetch)
            return video, audio
    raise RejectedFileError("too_large", f"every rendition has more than the limit of {most} bytes")


def _renditions(playlist: Received) -> list[Rendition]:
    if not is_hls(playlist.body):
        return read_mpd(playlist.body, playlist.url)
    text = playlist.body.decode("utf-8", "replace")
    found = read_master(text, playlist.url)
    return [Rendition(read_media(text, playlist.url))] if found is None else found


def _stated_bytes(track: Track) -> int:
    return sum(part.length or 0 for part in track.parts)


async def _resolved(track: Track | str, fetch: FetchSegment) -> Track:
    """Return a track, read from its playlist if only its URL is known."""
    if isinstance(track, Track):
        return track
    received = await fetch(MediaSegment(track), MAX_PLAYLIST_BYTES)
    if not is_playlist(received.body) or not is_hls(received.body):
        raise RejectedFileError("bad_playlist", "a rendition's URL leads to no playlist")
    return read_media(received.body.decode("utf-8", "replace"), received.url)


def _join(video: bytes, audio: bytes, settings: DownloadSettings) -> bytes:
    """Return video and sound in one file, made by a separate process."""
    doubt = RejectedFileError("broken", "video and sound cannot be joined")
    task = partial(_join_here, settings.max_pixels)
    return in_child(task, str(len(video)), video + audio, doubt).bodies[0]


def _join_here(max_pixels: int, size: str, data: bytes) -> Message:
    """Join two files; the task of the separate process."""
    from media.remux import join_sound  # noqa: PLC0415 - its libraries stay out of the downloader

    try:
        return Message({}, (join_sound(data[: int(size)], data[int(size) :], max_pixels),))
    except MediaError as error:
        return Message({"fault": str(error)})
