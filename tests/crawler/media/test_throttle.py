"""Limits on requests to a host, bytes in memory and bandwidth."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.stage import utc_now
from crawler.media.queue import DownloadRun
from crawler.media.throttle import Bandwidth, ByteBudget, Hosts
from crawler.settings import DownloadSettings


def test_a_host_never_has_more_at_a_time_than_its_slots() -> None:
    async def peak(authority: str) -> int:
        settings = DownloadSettings(per_host=3, concurrency=9, requests_per_second=10_000)
        hosts = Hosts(DownloadRun(settings, local_hosts=frozenset({"local:1"})), utc_now)
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


def test_a_host_goes_on_at_the_pace_that_an_earlier_part_left_it_at() -> None:
    async def pace() -> tuple[float, float]:
        now = utc_now()
        run = DownloadRun(DownloadSettings(), paces={"shop.example:80": (now.timestamp() + 30, 8.0)})
        limiter = Hosts(run, lambda: now).of("shop.example:80").limiter
        return limiter.pace(asyncio.get_running_loop().time())

    assert asyncio.run(pace()) == pytest.approx((30, 8.0), abs=5)


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


def test_a_cancelled_wait_takes_nothing_of_the_budget() -> None:
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


def waits_for(bandwidth: Bandwidth, sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that each size waits if all are paid for at once."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def pay() -> None:
        for size in sizes:
            await bandwidth.pay(size)

    monkeypatch.setattr("crawler.media.throttle.asyncio.sleep", sleep)
    asyncio.run(pay())
    return waits


def test_each_size_waits_for_itself_and_for_all_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = waits_for(Bandwidth(8.0), [1_000_000_000, 500_000_000, 0, 1_500_000_000], monkeypatch)
    assert waits == pytest.approx([1000, 1500, 3000], abs=1), "a megabyte a second; moments pass between the calls"


def test_without_a_limit_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waits_for(Bandwidth(None), [1_000_000_000], monkeypatch) == []
