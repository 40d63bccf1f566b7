"""A stage's progress, passed on and written down for ``m5data status`` and Prometheus; and an eye on the disk."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from flows.context import RunContext
from flows.machine import check_disk
from flows.metrics import write_metrics
from m5data.running_stage import PROGRESS_FILE, RunningStage
from m5data.stage import Progress
from m5data.workspace import Workspace
from storage.files import replace_file

__all__ = ["Watch", "watching"]

EVERY_S = 2.0


class Watch:
    """A progress sink between a stage and whoever shows its progress.

    Raises:
        DataError: From any call: the disk has become too full to go on.
    """

    def __init__(self, workspace: Workspace, name: str, context: RunContext) -> None:
        self._workspace = workspace
        self._inner: Progress = context.progress
        self._told = time.monotonic()
        self._at = RunningStage(context.run, name, os.getpid(), datetime.now(UTC), None, 0)

    def start(self, stage: str, total: int | None) -> None:
        """Begin a stage of ``total`` items."""
        self._at = self._at.of(total, datetime.now(UTC))
        self._inner.start(stage, total)
        self._write()

    def advance(self, items: int = 1) -> None:
        """Say that ``items`` more are done."""
        self._at = self._at.after(items)
        self._inner.advance(items)
        if time.monotonic() - self._told >= EVERY_S:
            self._write()

    def finish(self) -> None:
        """End the stage that was started last."""
        self._inner.finish()

    def _write(self) -> None:
        self._told = time.monotonic()
        root = self._workspace.root
        replace_file(root / PROGRESS_FILE, json.dumps(self._at.as_record()).encode())
        write_metrics(self._workspace, self._at)
        check_disk(root, self._workspace.settings.machine)


@contextmanager
def watching(workspace: Workspace, name: str, context: RunContext) -> Iterator[Watch]:
    """Yield the progress sink of a stage; what it wrote down goes when the stage ends, metrics stay.

    Raises:
        DataError: The disk is too full to begin.
    """
    check_disk(workspace.root, workspace.settings.machine)
    path: Path = workspace.root / PROGRESS_FILE
    path.parent.mkdir(exist_ok=True)
    try:
        yield Watch(workspace, name, context)
    finally:
        with suppress(OSError):  # a disk that cannot be written has ended the stage, and that is what is told
            path.unlink(missing_ok=True)
            write_metrics(workspace, None)
