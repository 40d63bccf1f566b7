"""Playlists of MPEG-DASH (ISO/IEC 23009-1): a Media Presentation Description (MPD) of type ``static``."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from crawler.media.outcome import RejectedFileError
from crawler.media.playlist import MediaSegment, Rendition, Track, check_count, join_parts, resolve

__all__ = ["read_mpd"]

_DURATION = re.compile(
    r"P(?:0+Y)?(?:0+M)?(?:(?P<days>\d{1,4})D)?(?:T(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,6})M)?"
    r"(?:(?P<seconds>\d{1,8}(?:\.\d{1,9})?)S)?)?"
)
_UNIT_S = {"days": 86_400.0, "hours": 3_600.0, "minutes": 60.0, "seconds": 1.0}
_WHOLE = re.compile(r"-?\d{1,15}")
_RANGE = re.compile(r"(\d{1,15})-(\d{1,15})")
_IDENTIFIER = re.compile(r"\$(?:(RepresentationID|Number|Bandwidth|Time)(?:%0(\d{1,2})d)?)?\$")
_SEGMENTS = ("SegmentTemplate", "SegmentList", "SegmentBase")


@dataclass(frozen=True, slots=True)
class _Representation:
    """A representation with the elements that it inherits from: period, adaptation set, itself."""

    levels: tuple[etree._Element, ...]
    url: str
    """Base of its URLs."""
    duration_s: float | None
    """Of the period, seconds."""

    @property
    def facts(self) -> dict[str, str]:
        """Its attributes and those of its adaptation set."""
        return {str(name): str(value) for level in self.levels[1:] for name, value in level.attrib.items()}

    @property
    def kind(self) -> str:
        """``video``, ``audio`` or another."""
        facts = self.facts
        component = next(iter(_children(self.levels[1], "ContentComponent")), None)
        told = facts.get("contentType") or (component.get("contentType") if component is not None else None)
        return str(told or facts.get("mimeType", "").partition("/")[0])


def read_mpd(body: bytes, url: str) -> list[Rendition]:
    """Return the renditions of a video, each with the best sound.

    Args:
        body: The playlist.
        url: Its URL, after redirects.

    Raises:
        RejectedFileError: ``live``: its type is ``dynamic``; ``encrypted``; ``bad_playlist``: it is malformed, or has
            what is not read: several periods, remote elements, representations without segments.
    """
    root = _parse(body)
    if root.get("type", "static") != "static":
        raise RejectedFileError("live", "the presentation is not complete (type dynamic)")
    periods = _children(root, "Period")
    if len(periods) != 1:
        raise RejectedFileError("bad_playlist", f"{len(periods)} periods, of which each may have another encoding")
    if any("}href" in str(name) for element in root.iter() for name in element.attrib):
        raise RejectedFileError("bad_playlist", "it has remote elements (xlink:href)")
    if next(root.iter("{*}ContentProtection"), None) is not None:
        raise RejectedFileError("encrypted", "its segments are encrypted (ContentProtection)")
    length = periods[0].get("duration") or root.get("mediaPresentationDuration")
    found = list(_representations(periods[0], _base(root, url), _duration(length)))
    sounds = sorted((one for one in found if one.kind == "audio"), key=lambda one: -_bit_rate(one))
    audio = _track(sounds[0]) if sounds else None
    return [_rendition(one, audio) for one in found if one.kind == "video"]


def _parse(body: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise RejectedFileError("bad_playlist", "it is no XML document") from None
    if b"<!DOCTYPE" in body or etree.QName(root).localname != "MPD":
        raise RejectedFileError("bad_playlist", "it is no media presentation description")
    return root


def _representations(period: etree._Element, base: str, duration_s: float | None) -> Iterator[_Representation]:
    at_period = _base(period, base)
    for group in _children(period, "AdaptationSet"):
        at_group = _base(group, at_period)
        for one in _children(group, "Representation"):
            yield _Representation((period, group, one), _base(one, at_group), duration_s)


def _rendition(one: _Representation, audio: Track | None) -> Rendition:
    facts = one.facts
    pixels = (_whole(facts.get("width")) or 0) * (_whole(facts.get("height")) or 0)
    return Rendition(_track(one), audio, max(pixels, 0), _bit_rate(one))


def _bit_rate(one: _Representation) -> int:
    return max(_whole(one.facts.get("bandwidth")) or 0, 0)


def _track(one: _Representation) -> Track:
    """Return the segments of a representation (5.3.9)."""
    kind = next((name for name in _SEGMENTS for level in one.levels if _children(level, name)), None)
    if kind == "SegmentTemplate":
        parts = _from_template(one)
    elif kind == "SegmentList":
        parts = _from_list(one)
    else:
        parts = [MediaSegment(one.url)]  # one file: its index need not be read
    return Track(join_parts(parts), one.duration_s)


def _from_template(one: _Representation) -> list[MediaSegment]:
    facts = _merged(one, "SegmentTemplate")
    media = facts.get("media")
    if not media:
        raise RejectedFileError("bad_playlist", "SegmentTemplate without media")
    fixed = {"RepresentationID": one.facts.get("id", ""), "Bandwidth": one.facts.get("bandwidth", "0")}
    first = _whole(facts.get("startNumber"))
    number = 1 if first is None else first
    names = [_filled(facts["initialization"], fixed)] if facts.get("initialization") else []
    for count, time in enumerate(_times(one, facts)):
        names.append(_filled(media, {**fixed, "Number": str(number + count), "Time": str(time)}))
    return [MediaSegment(resolve(one.url, name)) for name in names]


def _times(one: _Representation, facts: Mapping[str, str]) -> list[int]:
    """Return the start of each segment, in units of the time scale."""
    scale = _positive(facts.get("timescale") or "1", "timescale")
    timelines = [line for found in _levels(one, "SegmentTemplate") for line in _children(found, "SegmentTimeline")]
    end = None if one.duration_s is None else one.duration_s * scale
    if timelines:
        offset = _whole(facts.get("presentationTimeOffset")) or 0
        return _from_timeline(_children(timelines[-1], "S"), None if end is None else end + offset)
    length = _positive(facts.get("duration"), "duration")
    count = _named_count(facts)
    if count is None and end is None:
        raise RejectedFileError("bad_playlist", "neither a duration nor a SegmentTimeline gives the number of segments")
    if count is None:
        count = math.ceil((end or 0) / length - 1e-6)
    check_count(count)
    return [index * length for index in range(max(count, 1))]


def _named_count(facts: Mapping[str, str]) -> int | None:
    """Return the number of segments by the numbers of the first and the last one; None: the last is not given."""
    first, last = _whole(facts.get("startNumber")), _whole(facts.get("endNumber"))
    return None if last is None else last - (1 if first is None else first) + 1


def _from_timeline(entries: list[etree._Element], end: float | None) -> list[int]:
    times: list[int] = []
    time = 0
    for index, entry in enumerate(entries):
        given, length = _whole(entry.get("t")), _positive(entry.get("d"), "d")
        time = time if given is None else given
        repeats = _whole(entry.get("r")) or 0
        if repeats < 0:  # up to the next entry, else to the end of the period (5.3.9.6)
            following = _whole(entries[index + 1].get("t")) if index + 1 < len(entries) else None
            until = end if following is None else following
            if until is None:
                raise RejectedFileError("bad_playlist", "a SegmentTimeline without an end")
            repeats = max(math.ceil((until - time) / length - 1e-6) - 1, 0)
        check_count(len(times) + repeats + 1)
        times += range(time, time + (repeats + 1) * length, length)
        time += (repeats + 1) * length
    return times


def _from_list(one: _Representation) -> list[MediaSegment]:
    found = _levels(one, "SegmentList")
    initial = [entry for level in found for entry in _children(level, "Initialization")]
    parts = [_part(one.url, initial[-1].get("sourceURL"), initial[-1].get("range"))] if initial else []
    listed = next((urls for level in reversed(found) if (urls := _children(level, "SegmentURL"))), [])
    return parts + [_part(one.url, entry.get("media"), entry.get("mediaRange")) for entry in listed]


def _part(base: str, reference: str | None, span: str | None) -> MediaSegment:
    url = resolve(base, reference or "")
    if not span:
        return MediaSegment(url)
    found = _RANGE.fullmatch(span)
    if found is None or int(found[2]) < int(found[1]):
        raise RejectedFileError("bad_playlist", "a byte range is malformed")
    return MediaSegment(url, int(found[1]), int(found[2]) - int(found[1]) + 1)


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Return a template with its identifiers replaced (5.3.9.4.4)."""

    def value(found: re.Match[str]) -> str:
        if found[1] is None:
            return "$"
        told = values.get(found[1])
        if told is None:
            raise RejectedFileError("bad_playlist", f"a template with ${found[1]}$ where it has no value")
        return told.zfill(int(found[2])) if found[2] else told

    return _IDENTIFIER.sub(value, template)


def _merged(one: _Representation, name: str) -> dict[str, str]:
    """Return the attributes of an element, with those that it inherits."""
    return {str(key): str(value) for level in _levels(one, name) for key, value in level.attrib.items()}


def _levels(one: _Representation, name: str) -> list[etree._Element]:
    return [found for level in one.levels for found in _children(level, name)[:1]]


def _children(element: etree._Element, name: str) -> list[etree._Element]:
    return element.findall(f"{{*}}{name}")


def _base(element: etree._Element, base: str) -> str:
    """Return the base of an element's URLs: its first ``BaseURL``, resolved (5.6.4)."""
    named = _children(element, "BaseURL")
    return resolve(base, (named[0].text or "").strip()) if named else base


def _duration(value: str | None) -> float | None:
    """Return the seconds of an ISO 8601 duration; None: not given."""
    if value is None:
        return None
    found = _DURATION.fullmatch(value.strip())
    if found is None:
        raise RejectedFileError("bad_playlist", "a duration is malformed")
    return sum(float(found[name]) * unit for name, unit in _UNIT_S.items() if found[name])


def _whole(value: str | None) -> int | None:
    if value is None:
        return None
    if not _WHOLE.fullmatch(value.strip()):
        raise RejectedFileError("bad_playlist", "a number is malformed")
    return int(value)


def _positive(value: str | None, name: str) -> int:
    number = _whole(value)
    if number is None or number <= 0:
        raise RejectedFileError("bad_playlist", f"{name} is missing or not above 0")
    return number
