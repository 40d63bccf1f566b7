"""Decoding of only the packets that kept frames need; bit-identical to a full decode, or abandoned."""

from bisect import bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import av
from av.bitstream import BitStreamFilterContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from core.errors import MediaError
from extract.video.seconds import Convert, Picked, SecondRule, T, VideoPacket

__all__ = [
    "CodedFrame",
    "DamagedError",
    "Run",
    "UnsuitedError",
    "make_plan",
    "plan_fast",
    "reorder_depth",
    "sample_fast",
]


class UnsuitedError(Exception):
    """A stream cannot use the fast path; the message is the reason, one word."""


@dataclass(frozen=True, slots=True)
class CodedFrame:
    """The frame in one packet of a video stream."""

    pts: int
    """Its timestamp, in ticks of the stream."""
    entry: bool = False
    """Whether decoding may start here: all later shown frames except leading ones equal those of a full decode."""
    leading: bool = False
    """Whether it follows an entry but is shown before it; it may refer to frames before the entry."""
    shown: bool = True
    """Whether a full decode outputs it."""


@dataclass(frozen=True, slots=True)
class Run:
    """Packets that are decoded in sequence, between an empty decoder and a flushed one."""

    packets: range
    """Their numbers, in decoding order."""
    wanted: tuple[int, ...]
    """Timestamps of the frames to keep, ascending."""


@dataclass(frozen=True, slots=True)
class _Group:
    """An entry and the packets up to the next one."""

    start: int
    stop: int
    """One past its last packet."""
    needed: int
    """One past the last packet that its own wanted frames need; ``start`` if it has none."""
    leads: bool
    """Whether a leading frame is wanted, so that the previous group must be decoded to its end."""


def make_plan(frames: Sequence[CodedFrame], rule: SecondRule) -> list[Run]:
    """Choose frames by ``rule``, and return the runs of packets that they need.

    Packets between a group's last wanted frame and the next entry, and groups without a wanted frame, are skipped.

    Raises:
        UnsuitedError: Timestamps repeat, the first packet is not an entry, a leading frame of the first
            group is wanted, or entries do not divide the stream.
        MediaError: ``too_long``, according to the rule.
    """
    wanted = _choose(frames, rule)
    _check_order(frames)
    groups = _group(frames, wanted)
    if groups[0].leads:  # some decoders output leading frames, others do not
        raise UnsuitedError("leading")
    spans: list[range] = []
    for number, group in enumerate(groups):
        joins_next = number + 1 < len(groups) and groups[number + 1].leads
        start = spans.pop().start if group.leads else group.start
        stop = group.stop if joins_next else group.needed
        if stop > start:
            spans.append(range(start, stop))
    return [Run(span, _wanted_in(frames[span.start : span.stop], wanted)) for span in spans]


def reorder_depth(frames: Sequence[CodedFrame]) -> int:
    """Return the largest number of frames that are decoded before a frame but shown after it."""
    seen: list[int] = []
    depth = 0
    for frame in frames:
        depth = max(depth, len(seen) - bisect_right(seen, frame.pts))
        insort(seen, frame.pts)
    return depth


def _choose(frames: Sequence[CodedFrame], rule: SecondRule) -> frozenset[int]:
    """Return the timestamps of the frames to keep."""
    shown = sorted(frame.pts for frame in frames if frame.shown)
    if not shown or any(a == b for a, b in pairwise(shown)):
        raise UnsuitedError("repeated_times" if shown else "no_picture")
    return frozenset(pts for pts in shown if rule.claim(pts))


def _check_order(frames: Sequence[CodedFrame]) -> None:
    """Raise unless each entry divides the stream: earlier frames are shown before it, later non-leading ones after."""
    if not frames[0].entry:
        raise UnsuitedError("no_entry")
    latest: int | None = None  # latest timestamp shown so far
    floor: int | None = None  # timestamp of the last entry
    for frame in frames:
        if not frame.shown:
            continue
        if frame.entry:
            if latest is not None and frame.pts < latest:
                raise UnsuitedError("disorder")
            floor = frame.pts
        elif floor is not None and (frame.pts < floor) != frame.leading:
            raise UnsuitedError("disorder")
        latest = frame.pts if latest is None else max(latest, frame.pts)


def _group(frames: Sequence[CodedFrame], wanted: frozenset[int]) -> list[_Group]:
    starts = [number for number, frame in enumerate(frames) if frame.entry]
    groups = []
    for start, stop in pairwise([*starts, len(frames)]):
        members = [number for number in range(start, stop) if _is_wanted(frames[number], wanted)]
        leads = any(frames[number].leading for number in members)
        groups.append(_Group(start, stop, members[-1] + 1 if members else start, leads))
    return groups


def _is_wanted(frame: CodedFrame, wanted: frozenset[int]) -> bool:
    return frame.shown and frame.pts in wanted


def _wanted_in(frames: Sequence[CodedFrame], wanted: frozenset[int]) -> tuple[int, ...]:
    return tuple(sorted(frame.pts for frame in frames if _is_wanted(frame, wanted)))


_ENTRY_UNITS = {"h264": "5", "hevc": "16-21"}
"""Types of the units where decoding may start: IDR (ITU-T H.264, 7.4.1) and IRAP pictures (H.265, 7.4.2.2).

Containers also mark other packets as key packets, although later frames may refer to frames before them.
"""
_SKIPPING = frozenset(("h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4"))
"""Decoders that can skip frames that no other frame refers to."""
_CODECS = frozenset((*_SKIPPING, "av1", "libdav1d", "vp9", "mjpeg", "prores"))
_LEADING = _SKIPPING - {"h264"}
"""Codecs whose frames may follow an entry and be shown before it; the decoder drops them after a jump to it."""
_SEQUENCE_HEADER, _FRAME_HEADER, _FRAME = 1, 3, 6
"""Types of AV1 units."""


class DamagedError(Exception):
    """A frame was not decoded as planned, so the stream needs a full decode; the message is the reason, one word."""


def plan_fast(packets: Sequence[VideoPacket], stream: VideoStream, rule: SecondRule) -> list[Run]:
    """Choose the packets of a stream to decode.

    Raises:
        UnsuitedError: The stream must be decoded in full.
        MediaError: ``too_long``, according to the rule.
    """
    context = stream.codec_context
    if context.name not in _CODECS:
        raise UnsuitedError("codec")
    if not packets:
        raise UnsuitedError("no_picture")
    if any(packet.pts is None for packet in packets):
        raise UnsuitedError("missing_times")
    if any(packet.is_corrupt for packet in packets):
        raise UnsuitedError("damaged_packets")
    if any(packet.has_sidedata("new_extradata") for packet in packets):
        raise UnsuitedError("parameters_change")
    try:
        frames = _read_frames(packets, stream)
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise UnsuitedError("headers_broken") from error
    if context.name == "h264" and reorder_depth(frames) > context.reorder_depth:
        raise UnsuitedError("reorder_depth")
    return make_plan(frames, rule)


def _read_frames(packets: Sequence[VideoPacket], stream: VideoStream) -> list[CodedFrame]:
    """Describe the frame of each packet; frames that an edit list cuts off are decoded but not shown."""
    may_lead = stream.codec_context.name in _LEADING
    is_entry = _entry_test(stream)
    frames: list[CodedFrame] = []
    start: int | None = None
    for packet in packets:
        pts = packet.pts or 0
        entry = packet.is_keyframe and is_entry(bytes(packet))
        start = pts if entry else start
        leading = may_lead and start is not None and pts < start
        frames.append(CodedFrame(pts, entry=entry, leading=leading, shown=not packet.is_discard))
    return frames


def _entry_test(stream: VideoStream) -> Callable[[bytes], bool]:
    """Return a function that is true for the key packets at which decoding may start."""
    name = stream.codec_context.name
    if name not in _ENTRY_UNITS:
        return _KEY_TESTS.get(name, bool)
    units = BitStreamFilterContext(f"filter_units=pass_types={_ENTRY_UNITS[name]}", stream)
    return lambda data: bool(units.filter(av.Packet(data)))


def sample_fast(
    runs: Sequence[Run],
    packets: Sequence[VideoPacket],
    context: VideoCodecContext,
    rule: SecondRule,
    convert: Convert[T],
) -> Iterator[Picked[T]]:
    """Decode the planned runs and yield the kept frames in order.

    The frames of a run are held back until the whole run was decoded without an error.

    Raises:
        DamagedError: The decoder fails, or a wanted frame is missing or damaged. Frames yielded
            before are correct.
        MediaError: ``memory``.
    """
    for run in runs:
        found: dict[int, T] = {}
        for frame in _decode(run, packets, context):
            _check(frame, packets[run.packets.start], context)
            if frame.pts is not None and frame.pts in run.wanted:
                found[frame.pts] = convert(frame)
        if tuple(found) != run.wanted:
            raise DamagedError("damaged")
        for pts, value in found.items():
            yield Picked(rule.claim(pts), rule.time(pts), value)


def _check(frame: VideoFrame, first: VideoPacket, context: VideoCodecContext) -> None:
    """Raise if a frame, or the first packet of its run, contradicts the plan."""
    if frame.is_corrupt or (frame.pts == first.pts and frame.pict_type != PictureType.I):
        raise DamagedError("damaged")
    if frame.interlaced_frame and context.name == "h264":  # its two fields may be two packets
        raise DamagedError("interlaced")


def _decode(run: Run, packets: Sequence[VideoPacket], context: VideoCodecContext) -> Iterator[VideoFrame]:
    """Yield the frames of a run, if possible without unwanted frames that no other needs, and flush the decoder."""
    skips = context.name in _SKIPPING
    try:
        for number in run.packets:
            if skips:
                context.skip_frame = "DEFAULT" if packets[number].pts in run.wanted else "NONREF"
            yield from context.decode(packets[number])
        yield from context.decode(None)
        context.flush_buffers()
    except av.MemoryError as error:
        raise MediaError("memory", "out of memory while decoding a frame") from error
    except av.FFmpegError as error:
        raise DamagedError("damaged") from error


def _starts_vp9_key(data: bytes) -> bool:
    """Return whether a packet starts with a shown key frame (VP9, 6.2)."""
    if not data or data[0] >> 6 != 0b10:
        raise UnsuitedError("no_picture")
    bits = data[0] << 8 | (data[1] if len(data) > 1 else 0)
    at = 5 if (data[0] >> 4) & 3 == 3 else 4  # profile 3 has one more, reserved bit
    existing, inter, shown = ((bits >> (15 - at - n)) & 1 for n in range(3))
    return not existing and not inter and bool(shown)


def _starts_av1_key(data: bytes) -> bool:
    """Return whether a packet has a sequence header and starts with a shown key frame (AV1, 5.9.2)."""
    has_sequence = False
    for kind, start in _obus(data):
        if kind == _SEQUENCE_HEADER:
            has_sequence = True
        elif kind in (_FRAME_HEADER, _FRAME):
            existing, frame_type, shown = data[start] >> 7, (data[start] >> 5) & 3, (data[start] >> 4) & 1
            return has_sequence and not existing and frame_type == 0 and bool(shown)
    raise UnsuitedError("no_picture")


def _obus(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the type of each unit and the start of its content (AV1, 5.3.1)."""
    at = 0
    while at < len(data) - 1:
        head = data[at]
        at += 2 if head & 4 else 1
        length = len(data) - at
        if head & 2:
            length, at = _leb128(data, at)
        if at >= len(data):
            return
        yield (head >> 3) & 15, at
        at += length


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """Return a number with seven bits in each byte, lowest first, and its end (AV1, 4.10.5)."""
    value = 0
    for shift in range(0, 56, 7):
        if at >= len(data):
            break
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            break
    return value, at


_KEY_TESTS = {"av1": _starts_av1_key, "libdav1d": _starts_av1_key, "vp9": _starts_vp9_key}
"""Tests of key frames, which reset the decoder. These codecs cannot skip frames that no other refers to: the next
frame adapts its probabilities and motion vectors from them."""
