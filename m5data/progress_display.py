"""Progress of long work: a bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from m5data.stage import Progress as ProgressSink

__all__ = ["showing_progress"]

LINE_EVERY_S = 10.0


@contextmanager
def showing_progress() -> Iterator[ProgressSink]:
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
    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._ids = [bars.add_task("start", total=None, visible=False)]

    def start(self, stage: str, total: int | None) -> None:
        self._ids.append(self._bars.add_task(stage, total=total))

    def advance(self, items: int = 1) -> None:
        self._bars.advance(self._ids[-1], items)

    def finish(self) -> None:
        task = self._bars.tasks[-1]
        self._bars.update(task.id, total=task.completed)
        self._bars.stop_task(task.id)


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._stage, self._done, self._told = "", 0, 0.0
        self._total: int | None = None

    def start(self, stage: str, total: int | None) -> None:
        self._stage, self._total, self._done, self._told = stage, total, 0, time.monotonic()
        self._tell("started" if total is None else f"started: {total} items")

    def advance(self, items: int = 1) -> None:
        self._done += items
        if time.monotonic() - self._told >= LINE_EVERY_S:
            self._told = time.monotonic()
            self._tell(f"{self._done} of {'?' if self._total is None else self._total}")

    def finish(self) -> None:
        self._tell(f"finished: {self._done} items")

    def _tell(self, text: str) -> None:
        self._console.print(f"{self._stage}: {text}", markup=False, highlight=False)
