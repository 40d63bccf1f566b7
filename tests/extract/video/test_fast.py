from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.video.fast import CodedFrame, Run, UnsuitedError, make_plan, reorder_depth
from extract.video.seconds import SecondRule


def rule() -> SecondRule:
    return SecondRule(Fraction(1, 4), 1000)


@dataclass(frozen=True)
class Coded:
    frame: CodedFrame
    needs: tuple[int, ...]


@st.composite
def streams(draw: st.DrawFn) -> list[Coded]:
    """Draw groups of an intra frame and references, each with B-frames shown before it; some groups are open."""
    coded: list[Coded] = []
    time = 0
    anchor = 0
    for group in range(draw(st.integers(1, 5))):
        is_open = group > 0 and draw(st.booleans())
        for position in range(draw(st.integers(1, 6))):
            between = draw(st.integers(0, 3)) if position or is_open else 0
            number = len(coded)
            entry = position == 0
            coded.append(Coded(CodedFrame(time + between, entry=entry), () if entry else (anchor,)))
            needs = (anchor, number) if number else (number,)
            before = [CodedFrame(time + offset, leading=entry) for offset in range(between)]
            coded += [Coded(frame, needs) for frame in before]
            anchor = number
            time += between + 1
    return coded


def decoded(runs: list[Run], coded: list[Coded]) -> set[int]:
    """Return the timestamps of correct frames: all that they need was decoded in the same run."""
    right: set[int] = set()
    for run in runs:
        there: set[int] = set()
        for number in run.packets:
            if there.issuperset(need for need in coded[number].needs if need != number):
                there.add(number)
                right.add(coded[number].frame.pts)
    return right


@given(streams())
def test_everything_that_a_wanted_frame_needs_is_decoded(coded: list[Coded]) -> None:
    frames = [each.frame for each in coded]
    runs = make_plan(frames, rule())
    wanted = [pts for run in runs for pts in run.wanted]
    assert wanted == [pts for pts in sorted(p.pts for p in frames) if pts % 4 == 0]
    assert decoded(runs, coded).issuperset(wanted)


def test_group_ends_and_unwanted_groups_are_left_out() -> None:
    frames = [
        CodedFrame(0, entry=True),
        CodedFrame(1),
        CodedFrame(2, entry=True),
        CodedFrame(3),
        CodedFrame(4, entry=True),
        CodedFrame(5),
    ]
    assert make_plan(frames, rule()) == [Run(range(1), (0,)), Run(range(4, 5), (4,))]


def test_a_wanted_leading_picture_keeps_both_groups_together() -> None:
    frames = [
        CodedFrame(0, entry=True),
        CodedFrame(3),
        CodedFrame(5, entry=True),
        CodedFrame(4, leading=True),
        CodedFrame(6),
    ]
    assert make_plan(frames, rule()) == [Run(range(4), (0, 4))]


def test_hidden_pictures_are_decoded_where_needed_but_never_chosen() -> None:
    frames = [CodedFrame(-4, entry=True, shown=False), CodedFrame(-2, shown=False), CodedFrame(0), CodedFrame(1)]
    assert make_plan(frames, rule()) == [Run(range(3), (0,))]


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([CodedFrame(0), CodedFrame(1, entry=True)], "no_entry"),
        ([CodedFrame(0, entry=True), CodedFrame(0)], "repeated_times"),
        ([CodedFrame(0, entry=True, shown=False)], "no_picture"),
        ([CodedFrame(3, entry=True), CodedFrame(0, leading=True)], "leading"),
        ([CodedFrame(0, entry=True), CodedFrame(5), CodedFrame(3, entry=True)], "disorder"),
        ([CodedFrame(0, entry=True), CodedFrame(3, entry=True), CodedFrame(2)], "disorder"),
    ],
)
def test_streams_that_entries_do_not_part_are_unsuited(frames: list[CodedFrame], reason: str) -> None:
    with pytest.raises(UnsuitedError, match=f"^{reason}$"):
        make_plan(frames, rule())


@given(st.lists(st.integers(0, 50), unique=True))
def test_reorder_depth_counts_pictures_decoded_before_but_shown_after(times: list[int]) -> None:
    expected = max((sum(a > b for a in times[:n]) for n, b in enumerate(times)), default=0)
    assert reorder_depth([CodedFrame(time) for time in times]) == expected
