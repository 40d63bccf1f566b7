"""Progress of long work: shown as a bar on a terminal or as plain lines, and readable from other processes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from core.small_files import read_json
from core.stage import Progress as ProgressSink
from core.stage import StageReport
from storage.lock import holder_of
from workspace import Workspace

__all__ = ["PROGRESS_FILE", "RunProgress", "RunningStage", "running_stage", "showing_progress"]

PROGRESS_FILE = Path("logs") / "progress.json"
LINE_EVERY_S = 10.0


class RunProgress(ProgressSink, Protocol):
    """A progress sink that also shows what each stage did, in the counts of its report."""

    def completed(self, report: StageReport) -> None:
        """Show the report of a stage that ended."""


@dataclass(frozen=True, slots=True)
class RunningStage:
    """A running stage and its progress."""

    run: str
    """Name of the run; empty if it has none."""
    stage: str
    process: int
    began: datetime
    """Start of its counting, UTC."""
    total: int | None
    """Items to do; None if unknown."""
    done: int

    def restarted(self, total: int | None, now: datetime) -> "RunningStage":
        """Return a copy that is at the beginning of ``total`` items."""
        return replace(self, began=now, total=total, done=0)

    def advanced(self, items: int) -> "RunningStage":
        """Return a copy with ``items`` more done."""
        return replace(self, done=self.done + items)

    def rate(self, now: datetime) -> float | None:
        """Return items per second so far; None if nothing is done yet."""
        seconds = (now - self.began).total_seconds()
        return self.done / seconds if self.done and seconds > 0 else None

    def expected_end(self, now: datetime) -> datetime | None:
        """Return its expected end at the rate so far; None if that is unknown."""
        rate = self.rate(now)
        return None if rate is None or self.total is None else now + timedelta(seconds=(self.total - self.done) / rate)

    def as_record(self) -> dict[str, object]:
        """Return its fields as JSON values."""
        return {
            "run": self.run,
            "stage": self.stage,
            "process": self.process,
            "began": self.began.isoformat(),
            "total": self.total,
            "done": self.done,
        }


def running_stage(workspace: Workspace) -> RunningStage | None:
    """Return the running stage; None if none runs, or it has not begun to count."""
    try:
        found = read_json(
            workspace.root / PROGRESS_FILE,
            lambda data: RunningStage(**{**data, "began": datetime.fromisoformat(data["began"])}),
            "Remove it: the next run writes it again.",
        )
    except FileNotFoundError:
        return None
    return found if holder_of(workspace.root) == found.process else None


@contextmanager
def showing_progress() -> Iterator[RunProgress]:
    """Yield a progress sink that writes to standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        yield _Bars(bars)


class _Bars:
    """A bar for each phase; a stage's only bar ends at the number of items that its report says were read."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._begun: list[TaskID] = []
        """Bars begun since the last report."""
        self._current = bars.add_task("start", total=None, visible=False)

    def start(self, stage: str, total: int | None) -> None:
        self._current = self._bars.add_task(stage, total=total)
        self._begun.append(self._current)

    def advance(self, items: int = 1) -> None:
        self._bars.advance(self._current, items)

    def finish(self) -> None:
        task = self._bars.tasks[-1]
        self._bars.update(task.id, total=task.completed)
        self._bars.stop_task(task.id)

    def completed(self, report: StageReport) -> None:
        if len(self._begun) == 1 and not report.unchanged:
            self._bars.update(self._begun[0], total=report.read, completed=report.read)
        self._begun = []


class _Lines:
    """A line when a stage starts, every ten seconds, and when it ended.

    Work is shown as a share: a stage may cut it into other pieces than the items that its report counts.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stage, self._done, self._printed = "", 0, 0.0
        self._total: int | None = None

    def start(self, stage: str, total: int | None) -> None:
        self._stage, self._total, self._done, self._printed = stage, total, 0, time.monotonic()
        self._print(f"{stage}: started")

    def advance(self, items: int = 1) -> None:
        self._done += items
        if time.monotonic() - self._printed >= LINE_EVERY_S:
            self._printed = time.monotonic()
            done = f"{self._done / self._total:.0%} done" if self._total else f"{self._done:,} steps done"
            self._print(f"{self._stage}: {done}")

    def finish(self) -> None:
        """Print nothing: the report that follows has the counts."""

    def completed(self, report: StageReport) -> None:
        self._print(report.sentence())

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
