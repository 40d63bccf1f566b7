"""Playlists of HTTP Live Streaming (RFC 8216)."""

import re
from collections.abc import Iterator

from crawler.media.outcome import RejectedFileError
from crawler.media.playlist import MediaSegment, Rendition, Track, check_count, join_parts, resolve

__all__ = ["read_master", "read_media"]

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)')
_NUMBER = re.compile(r"[0-9]{1,15}")
_SIZE = re.compile(r"([0-9]{1,6})x([0-9]{1,6})")
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_RANGE = re.compile(r"([0-9]{1,15})(?:@([0-9]{1,15}))?")
_VIDEO_CODECS = ("avc", "hvc1", "hev1", "av01", "vp08", "vp09", "vp8", "vp9", "mp4v")

_REFUSED = {
    "#EXT-X-GAP": "some segments are missing (EXT-X-GAP)",
    "#EXT-X-I-FRAMES-ONLY": "it has only key frames (EXT-X-I-FRAMES-ONLY)",
    "#EXT-X-DEFINE": "it has variables (EXT-X-DEFINE)",
}


def read_master(text: str, url: str) -> list[Rendition] | None:
    """Return the renditions of a master playlist; None if it is a media playlist (RFC 8216, 4.3.4).

    Args:
        text: The playlist.
        url: Its URL, after redirects.

    Raises:
        RejectedFileError: It is malformed.
    """
    if "#EXT-X-STREAM-INF" not in text:
        return None
    lines = list(_lines(text))
    sounds = dict(_sounds(lines, url))
    found: list[Rendition] = []
    following: str | None = None
    for line in reversed(lines):
        if not line.startswith("#"):
            following = line
        elif line.startswith("#EXT-X-STREAM-INF:"):
            if following is None:
                raise RejectedFileError("bad_playlist", "EXT-X-STREAM-INF without a URL")
            facts = _attributes(line)
            if _has_video(facts):
                video = resolve(url, following)
                sound = sounds.get(facts.get("AUDIO", ""))
                found.append(Rendition(video, None if sound == video else sound, _pixels(facts), _bit_rate(facts)))
    return found[::-1]


def read_media(text: str, url: str) -> Track:
    """Return the track of a media playlist (RFC 8216, 4.3.2 and 4.3.3).

    Args:
        text: The playlist.
        url: Its URL, after redirects.

    Raises:
        RejectedFileError: ``live``: it has no end; ``encrypted``; ``bad_playlist``: it is malformed, a master
            playlist, or has what is not read: discontinuities, gaps, variables, several initialisation sections.
    """
    if "#EXT-X-STREAM-INF" in text:
        raise RejectedFileError("bad_playlist", "a rendition's playlist names further renditions")
    reader = _MediaReader(url)
    for line in _lines(text):
        reader.read(line)
    if not reader.has_ended:
        raise RejectedFileError("live", "the playlist has no end (EXT-X-ENDLIST)")
    return Track(join_parts(reader.parts), reader.seconds)


class _MediaReader:
    """Reads the lines of a media playlist one by one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._range: MediaSegment | None = None
        self._last: MediaSegment | None = None
        self._initial: MediaSegment | None = None
        self._count = 0
        self._is_cut = False
        self.parts: list[MediaSegment] = []
        self.seconds = 0.0
        self.has_ended = False

    def read(self, line: str) -> None:
        """Read a line that is not blank."""
        name, _, value = line.partition(":")
        if why := _REFUSED.get(name):
            raise RejectedFileError("bad_playlist", why)
        if name == "#EXT-X-DISCONTINUITY":
            self._is_cut = self._count > 0
        elif name in ("#EXT-X-KEY", "#EXT-X-SESSION-KEY"):
            method = _attributes(line).get("METHOD", "")
            if method != "NONE":
                raise RejectedFileError("encrypted", f"its segments are encrypted ({method[:40]})")
        elif name == "#EXTINF":
            self.seconds += _seconds(value)
        elif name == "#EXT-X-BYTERANGE":
            self._range = _range(value)
        elif name == "#EXT-X-MAP":
            self._add_initial(_attributes(line))
        elif name == "#EXT-X-ENDLIST" or (name == "#EXT-X-PLAYLIST-TYPE" and value.strip() == "VOD"):
            self.has_ended = True  # a list of type VOD never changes (4.3.3.5)
        elif not line.startswith("#"):
            self._add_segment(resolve(self._url, line))

    def _add_initial(self, facts: dict[str, str]) -> None:
        span = _range(facts["BYTERANGE"]) if "BYTERANGE" in facts else MediaSegment("")
        part = MediaSegment(resolve(self._url, facts.get("URI", "")), max(span.start, 0), span.length)
        if part == self._initial:
            return
        if self._initial is not None or self._count:
            raise RejectedFileError("bad_playlist", "it has several initialisation sections (EXT-X-MAP)")
        self._initial = part
        self.parts.append(part)

    def _add_segment(self, url: str) -> None:
        if self._is_cut:
            raise RejectedFileError("bad_playlist", "its parts have different encodings or times (EXT-X-DISCONTINUITY)")
        span, self._range = self._range, None
        start = 0 if span is None else span.start
        if start < 0:
            start = self._end_of_last(url)
        self._last = MediaSegment(url, start, None if span is None else span.length)
        self._count += 1
        if span is None:
            check_count(self._count)
        self.parts.append(self._last)

    def _end_of_last(self, url: str) -> int:
        """Return the start of a range that names none: it follows the one before (4.3.2.2).

        The first one must name its start; players take that of the file.
        """
        last = self._last
        if last is None:
            return 0
        if last.url != url or last.length is None:
            raise RejectedFileError("bad_playlist", "EXT-X-BYTERANGE without a start follows no other range")
        return last.start + last.length


def _lines(text: str) -> Iterator[str]:
    return (line for raw in text.removeprefix("\ufeff").split("\n") if (line := raw.strip()))


def _attributes(line: str) -> dict[str, str]:
    """Return the attribute list of a tag (RFC 8216, 4.2)."""
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(line.partition(":")[2])}


def _sounds(lines: list[str], url: str) -> Iterator[tuple[str, str | None]]:
    """Yield each group of audio renditions with the URL of one: its default, else its first.

    None: the sound is within the video's segments.
    """
    groups: dict[str, list[dict[str, str]]] = {}
    for line in lines:
        if line.startswith("#EXT-X-MEDIA:") and (facts := _attributes(line)).get("TYPE") == "AUDIO":
            groups.setdefault(facts.get("GROUP-ID", ""), []).append(facts)
    for name, group in groups.items():
        chosen = next((facts for facts in group if facts.get("DEFAULT") == "YES"), group[0])
        yield name, resolve(url, chosen["URI"]) if chosen.get("URI") else None


def _has_video(facts: dict[str, str]) -> bool:
    """Return whether a rendition has a video that some decoder here reads; codecs may not be named."""
    codecs = facts.get("CODECS", "").lower()
    if not codecs:
        return True
    return any(codec.strip().startswith(_VIDEO_CODECS) for codec in codecs.split(","))


def _pixels(facts: dict[str, str]) -> int:
    size = _SIZE.fullmatch(facts.get("RESOLUTION", ""))
    return int(size[1]) * int(size[2]) if size else 0


def _bit_rate(facts: dict[str, str]) -> int:
    values = (facts.get(name, "") for name in ("AVERAGE-BANDWIDTH", "BANDWIDTH"))
    return next((int(value) for value in values if _NUMBER.fullmatch(value)), 0)


def _seconds(value: str) -> float:
    found = _SECONDS.match(value.strip())
    if found is None:
        raise RejectedFileError("bad_playlist", "EXTINF without seconds")
    return float(found[0])


def _range(value: str) -> MediaSegment:
    """Return a byte range; its start is -1 if it is not given."""
    found = _RANGE.fullmatch(value.strip())
    if found is None:
        raise RejectedFileError("bad_playlist", "a byte range is malformed")
    return MediaSegment("", -1 if found[2] is None else int(found[2]), int(found[1]))
