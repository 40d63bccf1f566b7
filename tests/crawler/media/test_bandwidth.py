"""Bodies together take no more of the line than the settings allow."""

import asyncio

import pytest

from crawler.media.throttle import Bandwidth


def waits_for(bandwidth: Bandwidth, sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that each size has to wait when all are paid for at once."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def pay() -> None:
        for size in sizes:
            await bandwidth.pay(size)

    monkeypatch.setattr("crawler.media.throttle.asyncio.sleep", sleep)
    asyncio.run(pay())
    return waits


def test_each_waits_for_itself_and_for_all_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = waits_for(Bandwidth(8.0), [1_000_000_000, 500_000_000, 0, 1_500_000_000], monkeypatch)
    assert waits == pytest.approx([1000, 1500, 3000], abs=1), "a megabyte a second; moments pass between the calls"


def test_without_a_bound_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waits_for(Bandwidth(None), [1_000_000_000], monkeypatch) == []
