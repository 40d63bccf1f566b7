"""The packets to decode so that the wanted frames come out as in a full decode."""

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from extract.video.seconds import SecondRule

__all__ = ["CodedFrame", "Run", "UnsuitedError", "make_plan", "reorder_depth"]


class UnsuitedError(Exception):
    """A stream cannot take the fast path; the message is the reason, one word."""


@dataclass(frozen=True, slots=True)
class CodedFrame:
    """The frame in one packet of a video stream."""

    pts: int
    """Its timestamp, in ticks of the stream."""
    entry: bool = False
    """Decoding may start here: every later shown frame but the leading ones comes out as in a full decode."""
    leading: bool = False
    """Follows an entry but is shown before it, and may refer to frames before the entry."""
    shown: bool = True
    """A full decode outputs it."""


@dataclass(frozen=True, slots=True)
class Run:
    """Packets that are decoded one after the other, from an empty decoder to an empty decoder."""

    packets: range
    """Their numbers, in decoding order."""
    wanted: tuple[int, ...]
    """Timestamps of the frames to keep, rising."""


@dataclass(frozen=True, slots=True)
class _Group:
    """An entry and the packets up to the next one."""

    start: int
    stop: int
    """One beyond its last packet."""
    needed: int
    """One beyond the last packet that its own wanted frames need; ``start`` if it has none."""
    leads: bool
    """A leading frame is wanted, so the group before must be decoded to its end."""


def make_plan(frames: Sequence[CodedFrame], rule: SecondRule) -> list[Run]:
    """Choose frames by ``rule``, and return the runs of packets that they need.

    Packets after the last wanted frame before an entry, and groups without a wanted frame, are left out.

    Raises:
        UnsuitedError: Timestamps repeat, the first packet is no entry, a leading frame of the first
            group is wanted, or entries do not divide the stream.
        MediaError: ``too_long``, by the rule.
    """
    wanted = _choose(frames, rule)
    _check_order(frames)
    groups = _group(frames, wanted)
    if groups[0].leads:  # some decoders output it, others do not
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
    latest: int | None = None  # timestamp shown last so far
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
