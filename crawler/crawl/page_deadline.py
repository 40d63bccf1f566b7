"""A deadline for the reading of each page during a crawl.

Python code is stopped by a signal, and its page is unreadable. A parser that hears no signal ends the process of its
source; the URL that it was reading stays in a file, so that the next run leaves that page out.
"""

import faulthandler
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from crawler.crawl.visits import Task, Visit

__all__ = ["PageDeadline"]

_STUCK_S = 300.0
"""Seconds on the clock after which a page is taken to be stuck, also on a busy machine."""


class PageDeadline:
    """The deadline of the pages of one source, for the main thread of its process.

    Args:
        path: File of the URL that is being read and, where its parser did not end, of what it was doing.
        seconds: CPU time that the reading of one page may take.
        stuck_s: Seconds after which the process is ended.
    """

    def __init__(self, path: Path, seconds: float, stuck_s: float = _STUCK_S) -> None:
        path.touch()
        url, _, ended = path.read_text("utf-8").partition("\n")
        self._unfinished = url if ended else ""  # without a word of faulthandler's, it was killed otherwise
        path.write_text("", "utf-8")
        self._path = path
        self._seconds = seconds
        self._stuck_s = stuck_s
        signal.signal(signal.SIGVTALRM, self._stop)

    def failed_before(self) -> list[Visit]:
        """Return the visit of the page whose parser an earlier process was ended for."""
        task = Task(self._unfinished, "page", 3, 1, 0, 0, listed=False)
        detail = "its parser did not end in time"
        return [Visit(task, "failed", "unreadable", detail, kind="page")] if self._unfinished else []

    @contextmanager
    def reading(self, url: str) -> Iterator[None]:
        """Read one page in the block.

        Raises:
            TimeoutError: The block took more CPU time than it may.
        """
        with self._path.open("wb", buffering=0) as file:
            file.write(f"{url}\n".encode())
            faulthandler.dump_traceback_later(self._stuck_s, exit=True, file=file)
            signal.setitimer(signal.ITIMER_VIRTUAL, self._seconds)
            try:
                yield
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
                faulthandler.cancel_dump_traceback_later()
                file.truncate(0)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"its reading took more than {self._seconds:g} s")
