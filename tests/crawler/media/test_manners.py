"""Waiting: back-off, Retry-After, the pace of a host, the budget of bytes."""

import asyncio
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.media.outcome import MEANINGS, REASONS, RETRYABLE, state_of
from crawler.media.throttle import ByteBudget, Hosts
from crawler.net.http_policy import Pace, pause, retry_after
from crawler.net.opt_outs import forbids
from crawler.settings import DownloadSettings

NOW = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)


@given(st.integers(1, 10_000), st.floats(0, 100), st.floats(0, 1000), st.randoms(use_true_random=False))
def test_a_pause_stays_between_half_and_the_whole_of_the_doubled_time(
    attempt: int, first: float, most: float, random: Random
) -> None:
    whole = min(most, first * 2.0 ** min(attempt - 1, 30))
    assert whole / 2 <= pause(attempt, first_s=first, most_s=most, random=random) <= whole


def test_pauses_differ_but_a_seed_repeats_them() -> None:
    def pauses(seed: int) -> list[float]:
        random = Random(seed)
        return [pause(n, first_s=1, most_s=100, random=random) for n in range(1, 6)]

    assert pauses(1) == pauses(1) != pauses(2)


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
    assert retry_after(value, NOW) == seconds


def test_a_pace_spaces_requests_evenly() -> None:
    pace = Pace(0.5)
    assert [pace.take(10.0) for _ in range(3)] == [0.0, 0.5, 1.0]
    assert pace.take(20.0) == 0.0


def test_a_complaint_stops_then_slows_and_good_answers_restore() -> None:
    pace = Pace(0.5)
    pace.take(0.0)
    pace.complain(0.0, wait_s=30.0)
    assert pace.take(1.0) == 29.0
    pace.complain(1.0, wait_s=0.0)
    assert pace.interval_s == 1.0
    for _ in range(10):
        pace.please()
    assert pace.interval_s == 0.5


def test_a_host_without_a_limit_gets_one_by_complaining_and_loses_it_again() -> None:
    pace = Pace(0.0)
    pace.please()
    pace.complain(0.0, 0.0)
    assert pace.interval_s == 0.1
    for second in range(1, 50):
        pace.complain(second, 0.0)
    assert pace.interval_s == 30.0
    for _ in range(100):
        pace.please()
    assert pace.interval_s == 0.0


def test_a_host_never_has_more_at_a_time_than_its_slots() -> None:
    async def peak(authority: str) -> int:
        hosts = Hosts(DownloadSettings(per_host=3, concurrency=9, requests_per_second=10_000), {"local:1"})
        busy = most = 0

        async def request() -> None:
            nonlocal busy, most
            async with hosts.of(authority):
                busy += 1
                most = max(most, busy)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                busy -= 1

        await asyncio.gather(*(request() for _ in range(30)))
        return most

    assert asyncio.run(peak("shop.example:80")) == 3
    assert asyncio.run(peak("local:1")) == 3


@given(st.lists(st.integers(0, 150), max_size=40))
def test_the_budget_is_never_overdrawn_and_serves_everyone(sizes: list[int]) -> None:
    async def play() -> int:
        budget = ByteBudget(100)
        held = 0

        async def hold(size: int) -> None:
            nonlocal held
            taken = await budget.take(size)
            assert taken == min(size, 100)
            held += taken
            assert held <= 100
            await asyncio.sleep(0)
            held -= taken
            budget.give(taken)

        await asyncio.gather(*(hold(size) for size in sizes))
        return budget.free

    assert asyncio.run(play()) == 100


def test_who_stops_waiting_for_the_budget_takes_nothing() -> None:
    async def play() -> tuple[int, int]:
        budget = ByteBudget(10)
        await budget.take(8)
        waiting = asyncio.create_task(budget.take(5))
        behind = asyncio.create_task(budget.take(2))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return await behind, budget.free

    assert asyncio.run(play()) == (2, 0)


@pytest.mark.parametrize(
    ("headers", "word"),
    [
        ({}, None),
        ({"X-Robots-Tag": "noindex, nofollow"}, None),
        ({"X-Robots-Tag": "noindex, NoAI"}, "X-Robots-Tag: noai"),
        ({"X-Robots-Tag": "otherbot: noimageai"}, "X-Robots-Tag: noimageai"),
        ({"TDM-Reservation": "0"}, None),
        ({"TDM-Reservation": " 1"}, "TDM-Reservation: 1"),
    ],
)
def test_headers_may_forbid_machine_learning(headers: dict[str, str], word: str | None) -> None:
    assert forbids(headers) == word


def test_the_vocabulary_is_closed_and_explained() -> None:
    assert tuple(MEANINGS) == REASONS == tuple(sorted(REASONS))
    assert {state_of(reason) for reason in RETRYABLE} == {"failed"}
    assert state_of(None) == "ok"
    assert state_of("wrong_type") == state_of("private_address") == "dropped"
