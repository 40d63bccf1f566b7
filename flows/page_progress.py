"""A stage's progress on its page in Prefect, passed on to whoever else shows it."""

import time
from contextlib import suppress
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from m5data.stage import Progress

__all__ = ["PageProgress"]

EVERY_S = 5.0


class PageProgress:
    """A progress sink that shows work of more than some seconds as an artifact of its task.

    A server that does not answer is no fault of the stage: its progress is not shown then.

    Args:
        inner: Is told everything, too.
    """

    def __init__(self, inner: Progress) -> None:
        self._inner = inner
        self._stage, self._done, self._told = "", 0, 0.0
        self._total: int | None = None
        self._artifact: UUID | None = None

    def start(self, stage: str, total: int | None) -> None:
        """Begin a stage of ``total`` items."""
        self._stage, self._total, self._done, self._artifact = stage, total, 0, None
        self._told = time.monotonic()
        self._inner.start(stage, total)

    def advance(self, items: int = 1) -> None:
        """Say that ``items`` more are done."""
        self._done += items
        self._inner.advance(items)
        if self._total and time.monotonic() - self._told >= EVERY_S:
            self._told = time.monotonic()
            self._show(100 * self._done / self._total)

    def finish(self) -> None:
        """End the stage that was started last."""
        if self._artifact is not None:
            self._show(100.0)
        self._inner.finish()

    def _show(self, percent: float) -> None:
        with suppress(httpx.HTTPError):
            if self._artifact is None:
                words = f"{self._stage}: {self._total:,} items"
                made = create_progress_artifact(percent, key=f"m5data-progress-{self._stage}", description=words)
                self._artifact = made if isinstance(made, UUID) else None  # a coroutine where there is a loop: not here
            else:
                update_progress_artifact(self._artifact, percent)
