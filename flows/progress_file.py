"""A running stage's progress, passed on and written to files for ``m5data status`` and Prometheus."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from flows.disk_errors import check_disk
from flows.metrics import write_metrics
from m5data.progress import PROGRESS_FILE, RunningStage
from m5data.run_options import RunContext
from m5data.stage import Progress
from m5data.workspace import Workspace
from storage.files import replace_file

__all__ = ["ProgressFile", "recorded_progress"]

EVERY_S = 2.0


class ProgressFile:
    """A progress sink that also writes the progress to a file, and watches the disk.

    Raises:
        DataError: From any call: the disk has become too full to go on.
    """

    def __init__(self, workspace: Workspace, name: str, context: RunContext) -> None:
        self._workspace = workspace
        self._inner: Progress = context.progress
        self._written = time.monotonic()
        self._running = RunningStage(context.run, name, os.getpid(), datetime.now(UTC), None, 0)

    def start(self, stage: str, total: int | None) -> None:
        """Begin a stage of ``total`` items."""
        self._running = self._running.restarted(total, datetime.now(UTC))
        self._inner.start(stage, total)
        self._write()

    def advance(self, items: int = 1) -> None:
        """Count ``items`` more as done."""
        self._running = self._running.advanced(items)
        self._inner.advance(items)
        if time.monotonic() - self._written >= EVERY_S:
            self._write()

    def finish(self) -> None:
        """End the stage that was started last."""
        self._inner.finish()

    def _write(self) -> None:
        self._written = time.monotonic()
        root = self._workspace.root
        replace_file(root / PROGRESS_FILE, json.dumps(self._running.as_record()).encode())
        write_metrics(self._workspace, self._running)
        check_disk(root, self._workspace.settings.machine)


@contextmanager
def recorded_progress(workspace: Workspace, name: str, context: RunContext) -> Iterator[ProgressFile]:
    """Yield the progress sink of a stage; when it ends, its progress file is removed and the metrics stay.

    Raises:
        DataError: The disk is too full to begin.
    """
    check_disk(workspace.root, workspace.settings.machine)
    path: Path = workspace.root / PROGRESS_FILE
    path.parent.mkdir(exist_ok=True)
    try:
        yield ProgressFile(workspace, name, context)
    finally:
        with suppress(OSError):  # an unwritable disk has ended the stage already, with an error of its own
            path.unlink(missing_ok=True)
            write_metrics(workspace, None)
