from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from annotate.tasks import TaskBoard, TaskSettings
from storage import State, Store


@dataclass
class HeldClock:
    now: datetime = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_minutes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def state(tmp_path: Path) -> State:
    return Store.create(tmp_path / "workspace", buckets=1).state


OpenBoard = Callable[..., TaskBoard]


@pytest.fixture
def open_board(state: State, clock: HeldClock) -> Iterator[OpenBoard]:
    boards: list[TaskBoard] = []

    def make(**settings: object) -> TaskBoard:
        plain = {
            "gold_first": 0,
            "gold_share": 0.0,
            "gold_learning": 0.0,
            "fastest_s": 0.0,
            "lease_minutes": 10.0,
            **settings,
        }
        boards.append(TaskBoard(state, TaskSettings.model_validate(plain), clock))
        return boards[-1]

    yield make
    for board in boards:
        board.close()
