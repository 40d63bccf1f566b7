"""A deadline for reading each page during a crawl.

A signal stops Python code, and its page counts as unreadable. A parser that cannot be interrupted by a signal ends
the process of its source; the URL that it was reading stays in a file, so that the next run skips that page.
"""

import faulthandler
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from crawler.crawl.visits import CrawlTask, Visit

__all__ = ["PageDeadline"]

_STUCK_S = 300.0
"""Wall-clock seconds after which a page counts as stuck, even on a busy machine."""


class PageDeadline:
    """The deadline of the pages of one source, for the main thread of its process.

    Args:
        path: File with the URL that is being read and, if its parser did not end, a traceback.
        seconds: CPU time that reading one page may take.
        stuck_s: Seconds after which the process is ended.
    """

    def __init__(self, path: Path, seconds: float, stuck_s: float = _STUCK_S) -> None:
        path.touch()
        url, _, ended = path.read_text("utf-8").partition("\n")
        self._unfinished = url if ended else ""  # without a traceback, the process ended for another reason
        path.write_text("", "utf-8")
        self._path = path
        self._seconds = seconds
        self._stuck_s = stuck_s
        signal.signal(signal.SIGVTALRM, self._stop)

    def failed_before(self) -> list[Visit]:
        """Return the visit of the page, if any, whose parser ended an earlier process."""
        task = CrawlTask(self._unfinished, "page", 3, 1, 0, 0, listed=False)
        detail = "its parser did not end in time"
        return [Visit(task, "failed", "unreadable", detail, kind="page")] if self._unfinished else []

    @contextmanager
    def reading(self, url: str) -> Iterator[None]:
        """Apply the deadline to the block, which reads one page.

        Raises:
            TimeoutError: The block took more CPU time than allowed.
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
