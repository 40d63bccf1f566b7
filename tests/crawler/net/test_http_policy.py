"""Backoff, Retry-After, retryable reasons and the request rate of a host."""

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.net.http_policy import RateLimiter, backoff_s, is_retryable, retry_after_s, retry_wait_s, status_reason

NOW = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)


@given(st.integers(1, 10_000), st.floats(0, 100), st.floats(0, 1000), st.randoms(use_true_random=False))
def test_a_wait_lies_between_half_and_the_whole_of_the_doubled_time(
    attempt: int, first: float, most: float, random: Random
) -> None:
    whole = min(most, first * 2.0 ** min(attempt - 1, 30))
    assert whole / 2 <= backoff_s(attempt, first_s=first, max_s=most, random=random) <= whole


def test_waits_differ_but_a_seed_repeats_them() -> None:
    def waits(seed: int) -> list[float]:
        random = Random(seed)
        return [backoff_s(n, first_s=1, max_s=100, random=random) for n in range(1, 6)]

    assert waits(1) == waits(1) != waits(2)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("999999999999999", 999_999_999.0),
        ("Wed, 01 May 2024 12:01:30 GMT", 90.0),
        ("Wed, 01 May 2024 11:00:00 GMT", 0.0),
        ("Wed, 01 May 2024 14:00:00 +0200", 0.0),
        ("Wed, 99 May 2024 11:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds


def test_the_limiter_spaces_requests_evenly() -> None:
    limiter = RateLimiter(0.5)
    assert [limiter.take(10.0) for _ in range(3)] == [0.0, 0.5, 1.0]
    assert limiter.take(20.0) == 0.0


def test_complaint_stops_then_slows_requests_until_good_responses() -> None:
    limiter = RateLimiter(0.5)
    limiter.take(0.0)
    limiter.slow_down(0.0, wait_s=30.0)
    assert (limiter.is_paused(29.0), limiter.is_paused(30.0)) == (True, False)
    assert limiter.take(1.0) == 29.0
    limiter.slow_down(1.0, wait_s=0.0)
    assert limiter.interval_s == 1.0
    for _ in range(10):
        limiter.recover()
    assert limiter.interval_s == 0.5


def test_a_host_without_a_limit_gets_one_by_complaining_and_loses_it_again() -> None:
    limiter = RateLimiter(0.0)
    limiter.recover()
    limiter.slow_down(0.0, 0.0)
    assert limiter.interval_s == 0.1
    for second in range(1, 50):
        limiter.slow_down(second, 0.0)
    assert limiter.interval_s == 30.0
    for _ in range(100):
        limiter.recover()
    assert limiter.interval_s == 0.0


def test_rate_slows_after_a_complaint_and_recovers() -> None:
    limiter = RateLimiter(0.0)
    limiter.report(0.0, 503, 2.0)
    assert (limiter.is_paused(1.9), limiter.interval_s) == (True, 0.1)
    limiter.report(3.0, None, 0.0)
    assert limiter.interval_s == 0.1
    limiter.report(3.0, 404, 0.0)
    assert limiter.interval_s == pytest.approx(0.09)


@pytest.mark.parametrize(
    ("asked", "low", "high"), [(None, 1.0, 2.0), (0.0, 1.0, 2.0), (5.0, 5.0, 5.0), (10.0, 10.0, 10.0)]
)
def test_the_wait_is_the_longer_of_backoff_and_retry_after(asked: float | None, low: float, high: float) -> None:
    wait = retry_wait_s(2, asked, first_s=1, max_s=10, random=Random(1))
    assert wait is not None
    assert low <= wait <= high


def test_a_server_that_asks_for_too_long_a_wait_gets_no_retry() -> None:
    assert retry_wait_s(1, 11, first_s=1, max_s=10, random=Random(1)) is None


@pytest.mark.parametrize(
    ("status", "reason", "retryable"),
    [(401, "http_403", False), (402, "http_402", False), (404, "http_404", False), (408, "http_4xx", True),
     (410, "http_410", False), (418, "http_4xx", False), (425, "http_4xx", True), (429, "http_429", True),
     (451, "http_403", False), (500, "http_5xx", True), (503, "http_5xx", True), (204, "http_status", False),
     (304, "http_status", False)],
)  # fmt: skip
def test_each_status_has_one_reason_for_pages_and_media(status: int, reason: str, retryable: bool) -> None:  # noqa: FBT001
    assert status_reason(status) == reason
    assert is_retryable(reason, status) is retryable


def test_only_passing_faults_are_retryable() -> None:
    reasons = ("timeout", "dns", "truncated", "bad_tls", "private_address", None)
    assert [reason for reason in reasons if is_retryable(reason)] == ["timeout", "dns", "truncated"]
