"""Store what came: bytes first, flushed, then the rows that call them ok."""

from collections.abc import Collection
from contextlib import ExitStack
from typing import Self

from crawler.download_settings import DownloadSettings
from crawler.media.outcome import Outcome
from crawler.media.queue import UrlQueue
from crawler.media.settled import Settled
from storage import ObjectWriter, Store

__all__ = ["Shelf"]


class Shelf:
    """Where settled jobs go: objects into a segment, outcomes into the queue's table.

    Belongs to the thread that makes it (SQLite's connections do).
    """

    def __init__(self, writer: ObjectWriter, queue: UrlQueue, resources: ExitStack) -> None:
        self._writer = writer
        self._queue = queue
        self._resources = resources

    @classmethod
    def open(cls, store: Store, settings: DownloadSettings, local_hosts: Collection[str]) -> Self:
        """Open a segment and a connection; ``close`` closes both."""
        with ExitStack() as stack:
            connection = store.state.connect()
            stack.callback(connection.close)
            writer = stack.enter_context(store.objects.writer("media"))
            return cls(writer, UrlQueue(connection, settings, local_hosts), stack.pop_all())

    def store(self, batch: list[Settled]) -> None:
        """Store the objects of a batch durably, then record its outcomes.

        A stale URL that fails keeps its object: a page still shows it, and we have it.
        """
        outcomes: list[Outcome] = []
        kept: list[Outcome] = []
        for settled in batch:
            job, answer = settled.job, settled.answer
            if job.sha256 is not None and (answer.not_modified or answer.reason is not None):
                if answer.not_modified:
                    self._writer.revisit(job.url, job.sha256)
                kept.append(settled.outcome())
            else:
                outcomes.append(self._put(settled))
        self._writer.flush()
        self._queue.record(outcomes, kept)

    def close(self) -> None:
        """Close segment and connection."""
        self._resources.close()

    def _put(self, settled: Settled) -> Outcome:
        answer = settled.answer
        if answer.reason is not None or answer.mime is None:
            return settled.outcome()
        sha256 = self._writer.put(answer.body, mime=answer.mime, url=settled.job.url, headers=answer.headers)
        return settled.outcome(sha256)
