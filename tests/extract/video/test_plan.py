from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.video.plan import Picture, Run, UnsuitedError, make_plan, reorder_depth
from extract.video.seconds import SecondRule


def rule() -> SecondRule:
    return SecondRule(Fraction(1, 4), 1000)


@dataclass(frozen=True)
class Coded:
    picture: Picture
    needs: tuple[int, ...]


@st.composite
def streams(draw: st.DrawFn) -> list[Coded]:
    """Groups of an intra picture and references, each with B pictures before it; some groups open."""
    coded: list[Coded] = []
    time = 0
    anchor = 0
    for group in range(draw(st.integers(1, 5))):
        is_open = group > 0 and draw(st.booleans())
        for position in range(draw(st.integers(1, 6))):
            between = draw(st.integers(0, 3)) if position or is_open else 0
            number = len(coded)
            entry = position == 0
            coded.append(Coded(Picture(time + between, entry=entry), () if entry else (anchor,)))
            needs = (anchor, number) if number else (number,)
            before = [Picture(time + offset, leading=entry) for offset in range(between)]
            coded += [Coded(picture, needs) for picture in before]
            anchor = number
            time += between + 1
    return coded


def decoded(runs: list[Run], coded: list[Coded]) -> set[int]:
    """Return the timestamps that come out right: everything needed was decoded in the same run."""
    right: set[int] = set()
    for run in runs:
        there: set[int] = set()
        for number in run.packets:
            if there.issuperset(need for need in coded[number].needs if need != number):
                there.add(number)
                right.add(coded[number].picture.pts)
    return right


@given(streams())
def test_everything_that_a_wanted_frame_needs_is_decoded(coded: list[Coded]) -> None:
    pictures = [each.picture for each in coded]
    runs = make_plan(pictures, rule())
    wanted = [pts for run in runs for pts in run.wanted]
    assert wanted == [pts for pts in sorted(p.pts for p in pictures) if pts % 4 == 0]
    assert decoded(runs, coded).issuperset(wanted)


def test_the_end_of_a_group_and_a_group_without_a_wanted_frame_are_left_out() -> None:
    pictures = [
        Picture(0, entry=True),
        Picture(1),
        Picture(2, entry=True),
        Picture(3),
        Picture(4, entry=True),
        Picture(5),
    ]
    assert make_plan(pictures, rule()) == [Run(range(1), (0,)), Run(range(4, 5), (4,))]


def test_a_wanted_leading_picture_keeps_both_groups_together() -> None:
    pictures = [
        Picture(0, entry=True),
        Picture(3),
        Picture(5, entry=True),
        Picture(4, leading=True),
        Picture(6),
    ]
    assert make_plan(pictures, rule()) == [Run(range(4), (0, 4))]


def test_hidden_pictures_are_decoded_where_needed_but_never_chosen() -> None:
    pictures = [Picture(-4, entry=True, shown=False), Picture(-2, shown=False), Picture(0), Picture(1)]
    assert make_plan(pictures, rule()) == [Run(range(3), (0,))]


@pytest.mark.parametrize(
    ("pictures", "reason"),
    [
        ([Picture(0), Picture(1, entry=True)], "no_entry"),
        ([Picture(0, entry=True), Picture(0)], "repeated_times"),
        ([Picture(0, entry=True, shown=False)], "no_picture"),
        ([Picture(3, entry=True), Picture(0, leading=True)], "leading"),
        ([Picture(0, entry=True), Picture(5), Picture(3, entry=True)], "disorder"),
        ([Picture(0, entry=True), Picture(3, entry=True), Picture(2)], "disorder"),
    ],
)
def test_streams_that_entries_do_not_part_are_unsuited(pictures: list[Picture], reason: str) -> None:
    with pytest.raises(UnsuitedError, match=f"^{reason}$"):
        make_plan(pictures, rule())


@given(st.lists(st.integers(0, 50), unique=True))
def test_reorder_depth_counts_pictures_decoded_before_but_shown_after(times: list[int]) -> None:
    expected = max((sum(a > b for a in times[:n]) for n, b in enumerate(times)), default=0)
    assert reorder_depth([Picture(time) for time in times]) == expected
