"""A scheduler for any Scrapy project, with which a crawl survives ``kill -9``, a crash or a power cut.

    SCHEDULER = "crawler.crawl.durable_scheduler.DurableScheduler"
    DURABLE_DIR = "state"

Scrapy's own queue (``JOBDIR``) is complete only if the crawl ends cleanly; this one is always in SQLite. It needs
nothing else from m5data: see docs/machines.md.
"""

import logging
import pickle
import sqlite3
import time
from collections import deque
from pathlib import Path
from typing import Any, Self

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler
from scrapy.utils.request import request_from_dict

__all__ = ["DurableScheduler"]

logger = logging.getLogger(__name__)

_LONGEST_S = 1.0
"""Seconds after which changes are made durable, however few."""
_WAITING, _HANDED, _DONE = 0, 1, 2
_DDL = """
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY,
    fingerprint BLOB UNIQUE,  -- NULL: not to be compared with others
    priority INTEGER NOT NULL,
    state INTEGER NOT NULL,
    request BLOB  -- NULL: done
);
CREATE INDEX IF NOT EXISTS waiting ON requests (priority DESC, id) WHERE state = 0;
"""
_AGAIN = frozenset({"retry_times", "redirect_times"})
"""Keys of ``meta`` that mark a retry or a redirect: such a request is no longer a start request."""
_SERIALIZING_ERRORS = (ValueError, TypeError, AttributeError, pickle.PicklingError, RecursionError)


class DurableScheduler(BaseScheduler):
    """Keeps requests in SQLite until their callbacks have ended.

    A request is done once its callback and pipelines are; the requests they yielded are stored by then. After a kill,
    requests in progress are repeated, and those that ended since the last commit: at most ``DURABLE_BATCH`` requests,
    or a second's. Requests of equal priority are sent in the order in which they were found.

    Args:
        crawler: The crawler; its engine knows which requests are in progress.
        folder: Where the state is kept.
        batch: Number of ended requests that are made durable together.
    """

    def __init__(self, crawler: Crawler, folder: Path, batch: int) -> None:
        self._crawler = crawler
        self._folder = folder
        self._batch = batch
        self._handed: dict[Request, int] = {}
        self._in_memory: deque[Request] = deque()
        self._waiting = self._ended = 0
        self._resumed = self._warned = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Create the scheduler of a crawler from its settings.

        Raises:
            ValueError: ``DURABLE_DIR`` is not set.
        """
        folder = crawler.settings.get("DURABLE_DIR")
        if not folder:
            raise ValueError("DURABLE_DIR must name the folder that keeps the state of the crawl.")
        return cls(crawler, Path(folder), crawler.settings.getint("DURABLE_BATCH", 16))

    def open(self, spider: Spider) -> None:
        """Open the state; requests that were in progress when an earlier crawl ended wait again.

        Raises:
            RuntimeError: Another crawl is using the folder.
        """
        self._spider = spider
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "requests.sqlite"
        self._state = sqlite3.connect(path, isolation_level=None, timeout=1)
        try:
            self._state.executescript(
                f"PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {_DDL}"
            )
            self._state.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            self._state.close()
            raise RuntimeError(f"{path}: {error}. Give each crawl a DURABLE_DIR of its own.") from error
        self._state.execute("UPDATE requests SET state = ? WHERE state = ?", (_WAITING, _HANDED))
        known, self._waiting = self._state.execute(
            "SELECT count(*), count(*) FILTER (WHERE state = 0) FROM requests"
        ).fetchone()
        self._resumed = known > 0
        if self._resumed:
            logger.info("Resuming: %d requests wait, %d are done", self._waiting, known - self._waiting)
        self._commit()

    def close(self, reason: str) -> None:
        """Make everything durable and close the state."""
        del reason
        self._settle()
        self._state.execute("COMMIT")
        self._state.close()

    def has_pending_requests(self) -> bool:
        """Return whether requests are waiting."""
        return len(self) > 0

    def __len__(self) -> int:
        return self._waiting + len(self._in_memory)

    def enqueue_request(self, request: Request) -> bool:
        """Store a request; return False for one that was stored before and may be filtered."""
        stored = self._store(request)
        self._count("scheduler/enqueued" if stored else "dupefilter/filtered")
        return stored

    def next_request(self) -> Request | None:
        """Return the next request; None if none is waiting."""
        self._settle()
        if self._in_memory:
            request = self._in_memory.popleft()
        else:
            query = "SELECT id, request FROM requests WHERE state = 0 ORDER BY priority DESC, id LIMIT 1"
            row = self._state.execute(query).fetchone()
            if row is None:
                return None
            self._state.execute("UPDATE requests SET state = ? WHERE id = ?", (_HANDED, row[0]))
            self._waiting -= 1
            request = request_from_dict(pickle.loads(row[1]), spider=self._spider)  # noqa: S301 - written by _store
            self._handed[request] = row[0]
        self._count("scheduler/dequeued")
        return request

    def _store(self, request: Request) -> bool:
        try:
            data = pickle.dumps(request.to_dict(spider=self._spider), protocol=5)
        except _SERIALIZING_ERRORS as error:
            return self._keep_in_memory(request, error)
        starts = request.meta.get("is_start_request") and not request.meta.keys() & _AGAIN
        unique = not request.dont_filter or starts
        fingerprint = self._fingerprint(request) if unique else None
        row = (fingerprint, request.priority, _WAITING, data)
        statement = "INSERT OR IGNORE INTO requests (fingerprint, priority, state, request) VALUES (?, ?, ?, ?)"
        stored = self._state.execute(statement, row).rowcount > 0
        if not stored and request.dont_filter and not self._resumed:
            stored = self._state.execute(statement, (None, *row[1:])).rowcount > 0
        self._waiting += stored
        return stored

    def _keep_in_memory(self, request: Request, error: Exception) -> bool:
        """Keep a request that cannot be serialised, such as one with a lambda as its callback; a kill loses it."""
        if not self._warned:
            logger.warning("%r cannot be stored (%s). A kill loses it and others like it.", request, error)
            self._warned = True
        self._count("scheduler/unserializable")
        self._in_memory.append(request)
        return True

    def _settle(self) -> None:
        """Record which requests have ended, and commit if the batch is full or the last commit is long ago."""
        slot = getattr(self._crawler.engine, "_slot", None)
        under_way = slot.inprogress if slot is not None else ()
        ended = [request for request in self._handed if request not in under_way]
        if ended:
            rows = [(_DONE, self._handed.pop(request)) for request in ended]
            self._state.executemany("UPDATE requests SET state = ?, request = NULL WHERE id = ?", rows)
            self._ended += len(ended)
        if self._ended >= self._batch or time.monotonic() - self._committed >= _LONGEST_S:
            self._commit()

    def _commit(self) -> None:
        self._state.execute("COMMIT")
        self._state.execute("BEGIN IMMEDIATE")
        self._ended, self._committed = 0, time.monotonic()

    def _fingerprint(self, request: Request) -> bytes:
        fingerprinter: Any = self._crawler.request_fingerprinter
        found: bytes = fingerprinter.fingerprint(request)
        return found

    def _count(self, name: str) -> None:
        if self._crawler.stats is not None:
            self._crawler.stats.inc_value(name)
