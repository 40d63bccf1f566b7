"""Progress is shown on a run's page only for long work, and always passed on."""

from uuid import UUID

import httpx
import pytest

from flows import tasks
from flows.tasks import EVERY_S, PageProgress

ARTIFACT = UUID(int=1)


class Recorder:
    """An inner sink that also records requests to the server."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, away: bool = False) -> None:
        self.passed_on: list[object] = []
        self.asked: list[tuple[object, ...]] = []
        self.now, self.away = 0.0, away
        monkeypatch.setattr(tasks, "create_progress_artifact", self.create)
        monkeypatch.setattr(tasks, "update_progress_artifact", self.update)
        monkeypatch.setattr("flows.tasks.time.monotonic", lambda: self.now)

    def start(self, stage: str, total: int | None) -> None:
        self.passed_on.append((stage, total))

    def advance(self, items: int = 1) -> None:
        self.passed_on.append(items)

    def finish(self) -> None:
        self.passed_on.append("finish")

    def create(self, percent: float, *, key: str, description: str) -> UUID:
        if self.away:
            raise httpx.ConnectError("away")
        self.asked.append((percent, key, description))
        return ARTIFACT

    def update(self, artifact: UUID, percent: float) -> None:
        self.asked.append((artifact, percent))


def work(recorder: Recorder, seconds_an_item: float) -> None:
    progress = PageProgress(recorder)
    progress.start("extract", 4)
    for _ in range(4):
        recorder.now += seconds_an_item
        progress.advance()
    progress.finish()


def test_short_work_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch)
    work(recorder, EVERY_S / 5)
    assert recorder.asked == []
    assert recorder.passed_on == [("extract", 4), 1, 1, 1, 1, "finish"]


def test_long_work_is_shown_now_and_then_and_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch)
    work(recorder, EVERY_S / 2)
    assert recorder.asked == [
        (50.0, "m5data-progress-extract", "extract: 4 items"),
        (ARTIFACT, 100.0),
        (ARTIFACT, 100.0),
    ]


def test_a_server_that_is_away_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch, away=True)
    work(recorder, EVERY_S)
    assert recorder.passed_on == [("extract", 4), 1, 1, 1, 1, "finish"]
