"""Engines side by side."""

import os
from contextlib import closing

import pytest

from storage.engine import memory_limit, open_engine, side_by_side


@pytest.mark.parametrize(("limit", "at_once"), [(400, 1), (1_100, 2), (9_000, 4)])
def test_calls_side_by_side_share_the_limit_of_memory(
    limit: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(8)))
    found: list[str] = []

    def look(_item: int) -> None:
        with closing(open_engine()) as engine:
            found.extend(engine.execute("SELECT current_setting('memory_limit')").fetchall()[0])

    with memory_limit(limit):
        side_by_side(look, range(6))
    with memory_limit(min(limit // at_once, 1_000)), closing(open_engine()) as engine:
        expected = engine.execute("SELECT current_setting('memory_limit')").fetchall()[0][0]
    assert found == [expected] * 6
