"""The packets to decode so that the wanted frames come out as in a full decode."""

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from extract.video.seconds import SecondRule

__all__ = ["Picture", "Run", "UnsuitedError", "make_plan", "reorder_depth"]


class UnsuitedError(Exception):
    """A stream cannot take the fast path; the message is one word that says why, for counting."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One packet of a video stream, in the order of decoding."""

    pts: int
    """Its timestamp, in ticks of the stream."""
    entry: bool = False
    """Decoding may start here: every shown picture after it, leading ones aside, comes out as in a full decode."""
    leading: bool = False
    """Follows an entry but is shown before it, and may be predicted from what was before the entry."""
    shown: bool = True
    """A full decode puts it out."""


@dataclass(frozen=True, slots=True)
class Run:
    """Packets that are decoded one after the other, from an empty decoder to an empty decoder."""

    packets: range
    """Their numbers, in the order of decoding."""
    wanted: tuple[int, ...]
    """Timestamps of the frames to keep, rising."""


@dataclass(frozen=True, slots=True)
class _Group:
    """An entry and what follows up to the next one."""

    start: int
    stop: int
    """One beyond its last packet."""
    needed: int
    """One beyond the last packet that its own wanted frames need; ``start`` where it has none."""
    leads: bool
    """A leading picture is wanted, so the group before has to be decoded to its end."""


def make_plan(pictures: Sequence[Picture], rule: SecondRule) -> list[Run]:
    """Choose frames by ``rule`` and the packets that they need.

    Left out are the packets after the last wanted picture before an entry, and whole groups without one.

    Raises:
        UnsuitedError: Timestamps repeat, the first packet is no entry, a leading picture of the first
            group is wanted, or entries do not part the stream.
        MediaError: ``too_long``, by the rule.
    """
    wanted = _choose(pictures, rule)
    _check_order(pictures)
    groups = _group(pictures, wanted)
    if groups[0].leads:  # some decoders put it out, others do not
        raise UnsuitedError("leading")
    spans: list[range] = []
    for number, group in enumerate(groups):
        joins_next = number + 1 < len(groups) and groups[number + 1].leads
        start = spans.pop().start if group.leads else group.start
        stop = group.stop if joins_next else group.needed
        if stop > start:
            spans.append(range(start, stop))
    return [Run(span, _wanted_in(pictures[span.start : span.stop], wanted)) for span in spans]


def reorder_depth(pictures: Sequence[Picture]) -> int:
    """Return how many pictures at most come before one in the order of decoding, but are shown after it."""
    seen: list[int] = []
    depth = 0
    for picture in pictures:
        depth = max(depth, len(seen) - bisect_right(seen, picture.pts))
        insort(seen, picture.pts)
    return depth


def _choose(pictures: Sequence[Picture], rule: SecondRule) -> frozenset[int]:
    """Return the timestamps of the frames to keep."""
    shown = sorted(picture.pts for picture in pictures if picture.shown)
    if not shown or any(a == b for a, b in pairwise(shown)):
        raise UnsuitedError("repeated_times" if shown else "no_picture")
    return frozenset(pts for pts in shown if rule.claim(pts))


def _check_order(pictures: Sequence[Picture]) -> None:
    """Raise unless every entry parts the stream: all before it is shown before, all after it, leading aside, after."""
    if not pictures[0].entry:
        raise UnsuitedError("no_entry")
    latest: int | None = None  # timestamp shown last so far
    floor: int | None = None  # timestamp of the last entry
    for picture in pictures:
        if not picture.shown:
            continue
        if picture.entry:
            if latest is not None and picture.pts < latest:
                raise UnsuitedError("disorder")
            floor = picture.pts
        elif floor is not None and (picture.pts < floor) != picture.leading:
            raise UnsuitedError("disorder")
        latest = picture.pts if latest is None else max(latest, picture.pts)


def _group(pictures: Sequence[Picture], wanted: frozenset[int]) -> list[_Group]:
    starts = [number for number, picture in enumerate(pictures) if picture.entry]
    groups = []
    for start, stop in pairwise([*starts, len(pictures)]):
        members = [number for number in range(start, stop) if _is_wanted(pictures[number], wanted)]
        leads = any(pictures[number].leading for number in members)
        groups.append(_Group(start, stop, members[-1] + 1 if members else start, leads))
    return groups


def _is_wanted(picture: Picture, wanted: frozenset[int]) -> bool:
    return picture.shown and picture.pts in wanted


def _wanted_in(pictures: Sequence[Picture], wanted: frozenset[int]) -> tuple[int, ...]:
    return tuple(sorted(picture.pts for picture in pictures if _is_wanted(picture, wanted)))
