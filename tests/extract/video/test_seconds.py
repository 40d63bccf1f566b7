from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import MediaError
from extract.video.seconds import SecondRule

TIME_BASES = st.fractions(min_value=Fraction(1, 90_000), max_value=Fraction(1, 5), max_denominator=90_000)


@given(TIME_BASES, st.lists(st.integers(0, 2000), min_size=1, unique=True), st.integers(-10_000, 10_000))
def test_each_second_goes_to_the_first_frame_at_or_after_it(time_base: Fraction, ticks: list[int], offset: int) -> None:
    times = sorted(tick + offset for tick in ticks)
    rule = SecondRule(time_base, 10_000)
    claimed = {second: pts for pts in times for second in rule.claim(pts)}
    last = (times[-1] - times[0]) * time_base
    assert claimed == {
        second: min(pts for pts in times if (pts - times[0]) * time_base >= second) for second in range(int(last) + 1)
    }


def test_time_counts_from_the_first_frame_even_where_that_one_is_not_kept() -> None:
    rule = SecondRule(Fraction(1, 10), 60)
    rule.begin(100)
    rule.begin(90)
    assert (list(rule.claim(104)), list(rule.claim(110)), rule.time(110)) == ([0], [1], 1.0)


def test_a_frame_beyond_the_limit_is_refused_and_one_on_it_is_not() -> None:
    rule = SecondRule(Fraction(1, 10), 2)
    assert list(rule.claim(0)) == [0]
    assert list(rule.claim(20)) == [1, 2]
    with pytest.raises(MediaError, match=r"too_long: a frame at 2\.1 s lies beyond 2 s"):
        rule.claim(21)
