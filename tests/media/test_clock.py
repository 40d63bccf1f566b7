import pytest

from media.clock import AudioClock

RATE = 1000


def test_frames_within_the_tolerance_follow_one_another() -> None:
    clock = AudioClock(60.0)
    assert [clock.place(time, 100, RATE) for time in (5.0, 5.11, 5.19, 5.31)] == [(0, 0)] * 4
    assert clock.end_s == pytest.approx(0.4)


def test_late_frame_leaves_a_gap_and_early_one_overlaps() -> None:
    clock = AudioClock(60.0)
    clock.place(5.0, 100, RATE)
    assert clock.place(7.1, 100, RATE) == (2000, 0)
    assert clock.place(7.15, 100, RATE) == (0, 50)
    (gap,) = clock.gaps
    assert (gap.start_s, gap.length_s) == pytest.approx((0.1, 2.0))
    assert clock.end_s == pytest.approx(2.25)


@pytest.mark.parametrize("jump", [-50.0, 95_443.7])
def test_jump_of_the_times_is_no_gap(jump: float) -> None:
    clock = AudioClock(60.0)
    clock.place(100.0, 1000, RATE)
    assert clock.place(101.0 + jump, 1000, RATE) == (0, 0)
    assert clock.place(103.0 + jump, 1000, RATE) == (1000, 0)
    (gap,) = clock.gaps
    assert (gap.start_s, gap.length_s) == pytest.approx((2.0, 1.0))


def test_without_stored_times_only_the_first_counts() -> None:
    clock = AudioClock(60.0, is_exact=False)
    assert [clock.place(time, 100, RATE) for time in (2.0, 9.0, None)] == [(0, 0)] * 3
    assert clock.start_after(1.5) == 0.5


def test_start_without_video_or_beyond_all_bounds_is_nought() -> None:
    clock = AudioClock(60.0)
    clock.place(5.0, 100, RATE)
    assert [clock.start_after(origin) for origin in (None, 7.0, 90_000.0)] == [0.0, -2.0, 0.0]
