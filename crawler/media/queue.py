"""The downloader's queue: one row per URL, in one SQLite file per machine, so that a kill loses nothing."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

from core.files import sync_file, sync_folder, temporary_file
from core.records import Reject
from crawler.failures import PAGE, Answers
from crawler.media.outcome import HTML_PAGE, DownloadJob, Outcome, Reason
from crawler.net.address_guard import authority
from crawler.settings import CHECKS, OPT_OUTS, DownloadSettings
from storage import Snapshot, State, Store, execute_rows, transaction
from storage.files import Layout, remove_database

if TYPE_CHECKING:  # every stage looks up pending URLs here, but only the download stage loads aiohttp
    from aiohttp.abc import AbstractResolver

__all__ = [
    "DDL",
    "OUTCOME_SCHEMA",
    "ROOM",
    "ROW_COLUMNS",
    "DownloadRun",
    "Pace",
    "UrlQueue",
    "make_queue",
    "reading_queue",
]


ROOM = "media"

DDL = (
    """CREATE TABLE media_urls (
        url TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        host TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'pending',
        reason TEXT,
        detail TEXT NOT NULL DEFAULT '',
        attempts INTEGER NOT NULL DEFAULT 0,
        http_status INTEGER,
        not_before REAL,
        sha256 TEXT,
        bytes INTEGER,
        mime TEXT,
        width INTEGER,
        height INTEGER,
        duration_s REAL,
        etag TEXT,
        last_modified TEXT,
        limits TEXT NOT NULL DEFAULT ''
    ) WITHOUT ROWID""",
    "CREATE INDEX media_urls_open ON media_urls (host, url) WHERE state IN ('pending', 'stale')",
    "ALTER TABLE media_urls ADD COLUMN page TEXT NOT NULL DEFAULT ''",
)
"""One row per URL. ``pending``: to download. ``stale``: ok, to request again (conditionally, unless ``attempts``
is 0).
``limits``: digest of the limits that the outcome was validated against, followed by ``+local`` if the guard refused
although the host was local (a redirect leads elsewhere).
``page``: the page that shows an open URL; empty once there is an outcome."""

_BATCH = 20_000
_LIMITS: tuple[Reason, ...] = ("too_large", "too_long", "too_many_pixels")
_CHECKED: tuple[Reason, ...] = ("bad_playlist", "broken", "truncated", "wrong_type")

OUTCOME_SCHEMA = pa.schema(
    [
        pa.field("url", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("attempts", pa.int32(), nullable=False),
        pa.field("http_status", pa.int32()),
        pa.field("sha256", pa.string()),
        pa.field("bytes", pa.int64()),
        pa.field("mime", pa.string()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("duration_s", pa.float64()),
        pa.field("etag", pa.string()),
        pa.field("last_modified", pa.string()),
    ]
)
"""Columns of ``UrlQueue.outcomes``."""

_ROW_SCHEMA = pa.schema(
    [
        *OUTCOME_SCHEMA,
        ("host", pa.string()),
        ("not_before", pa.float64()),
        ("limits", pa.string()),
        ("page", pa.string()),
    ]
)
ROW_COLUMNS: tuple[str, ...] = tuple(_ROW_SCHEMA.names)
"""Columns of the queue."""
_OPEN = "state IN ('pending', 'stale')"
_ADD = f"""INSERT INTO media_urls ({", ".join(_ROW_SCHEMA.names)})
    VALUES ({", ".join(f":{name}" for name in _ROW_SCHEMA.names)}) ON CONFLICT (url) DO UPDATE
    SET {", ".join(f"{name} = excluded.{name}" for name in _ROW_SCHEMA.names)} WHERE {_OPEN}"""  # noqa: S608

_FIRST_PAGE = "coalesce(min(nullif(page, ''), nullif(excluded.page, '')), page || excluded.page)"
"""The alphabetically first of two pages; an empty one does not count."""
_WANT = f"""INSERT INTO media_urls (url, kind, host, page) VALUES (?, ?, ?, ?)
    ON CONFLICT (url) DO UPDATE SET kind = min(kind, excluded.kind), page = {_FIRST_PAGE}
    WHERE state = 'pending'"""  # noqa: S608
_NAME = f"INSERT INTO named VALUES (?, ?) ON CONFLICT (url) DO UPDATE SET page = {_FIRST_PAGE}"  # noqa: S608
_STALE = """UPDATE media_urls SET state = 'stale',
    page = coalesce((SELECT page FROM named WHERE url = media_urls.url), '')
    WHERE state = 'ok' AND coalesce(etag, last_modified) IS NOT NULL"""

_RECORDED = (
    *("state", "reason", "detail", "http_status", "not_before", "sha256", "bytes", "mime"),
    *("width", "height", "duration_s", "etag", "last_modified", "limits"),
)
_RECORD = f"""WITH new (url, attempts, {", ".join(_RECORDED)}) AS (VALUES ?)
    UPDATE media_urls SET attempts = media_urls.attempts + new.attempts, page = '',
    {", ".join(f"{name} = new.{name}" for name in _RECORDED)} FROM new WHERE media_urls.url = new.url"""  # noqa: S608
_KEEP = """UPDATE media_urls SET state = 'ok', attempts = attempts + ?, http_status = ?, page = ''
    WHERE url = ? AND state = 'stale'"""
_GIVE_UP = """UPDATE media_urls SET state = iif(state = 'stale', 'ok', 'failed'), http_status = NULL, page = '',
    reason = iif(state = 'stale', NULL, 'host_down'),
    detail = iif(state = 'stale', '', 'too many failures in a row')
    WHERE host = ? AND url > ? AND state IN ('pending', 'stale')"""


Pace: TypeAlias = tuple[float, float]
"""When a host may be requested next, Unix seconds, and the seconds between two requests."""


@dataclass(frozen=True, slots=True)
class DownloadRun:
    """One run of the downloader: its settings, and on whose behalf it sends requests."""

    settings: DownloadSettings
    user_agent: str = "m5data"
    """Sent with every request; the name before ``/`` is the agent that opt-outs address."""
    local_hosts: frozenset[str] = frozenset()
    """``host:port`` of the sources marked local, in lower case."""
    opt_outs: frozenset[str] = frozenset(OPT_OUTS)
    """Directives that keep a file out."""
    bandwidth_mbit: float | None = None
    """Most megabits per second, on average; None: no limit."""
    resolver: "AbstractResolver | None" = None
    """Resolves host names before the guard checks them; None: the system's resolver."""
    paces: Mapping[str, Pace] = field(default_factory=dict)
    """Paces of hosts at the end of an earlier part of the download."""

    def limits(self, digest: str, reason: object, host: str) -> str:
        """Return ``limits`` of an outcome (see ``DDL``), given the digest of the settings' limits."""
        return digest + "+local" * (reason == "private_address" and host in self.local_hosts)


class UrlQueue:
    """All media URLs of a workspace: those to download, and the outcome of the rest.

    Args:
        connection: from ``State.connect``, for one thread, ``DDL`` migrated.
        run: limits and local hosts that outcomes depend on.
    """

    def __init__(self, connection: sqlite3.Connection, run: DownloadRun) -> None:
        self._connection = connection
        self._connection.execute(
            "CREATE TEMP TABLE IF NOT EXISTS named (url TEXT PRIMARY KEY, page TEXT) WITHOUT ROWID"
        )
        self._run = run
        self._limits = run.settings.limits_digest()

    def enlist(self, wanted: Iterable[tuple[str, str, str]]) -> None:
        """Open exactly those wanted URLs that have no outcome yet.

        An outcome is forgotten if other limits might change it, if its opt-out no longer counts, or if the guard
        refused a host that has since become local.

        Args:
            wanted: URL, kind and the page that shows it; of several kinds or pages of a URL, the alphabetically first
                counts.
        """
        self._forget_outdated()
        self._change("DELETE FROM media_urls WHERE state = 'pending'", [()])
        self._change("DELETE FROM named", [()])
        rows = ((url, kind, authority(url), page) for url, kind, page in wanted)
        while batch := list(islice(rows, _BATCH)):
            self._change(_WANT, batch)
            self._change(_NAME, [(url, page) for url, _, _, page in batch])

    def forget_failures(self, now: float) -> None:
        """Forget failures, so that ``enlist`` opens their URLs again, unless a Retry-After is still running.

        Args:
            now: Unix seconds.
        """
        due = "DELETE FROM media_urls WHERE state = 'failed' AND coalesce(not_before, 0) <= ?"
        self._change(due, [(now,)])

    def mark_stale(self) -> None:
        """Open every URL that is ok and has a validator, for a conditional request."""
        self._change(_STALE, [()])

    def count_kept(self) -> tuple[int, int]:
        """Return how many stored files are to be requested again, and for how many no server answered."""
        found: tuple[int, int] = self._connection.execute(
            """SELECT count(*) FILTER (WHERE state = 'stale'),
                count(*) FILTER (WHERE state = 'ok' AND http_status IS NULL) FROM media_urls"""
        ).fetchone()
        return found

    def hosts(self) -> list[tuple[str, int]]:
        """Return the hosts with open URLs and how many, most first."""
        return self._connection.execute(
            """SELECT host, count(*) AS urls FROM media_urls WHERE state IN ('pending', 'stale')
            GROUP BY host ORDER BY urls DESC, host"""
        ).fetchall()

    def open_jobs(self, host: str, after: str, most: int) -> list[DownloadJob]:
        """Return the next open URLs of a host, in text order.

        Args:
            host: as ``hosts`` returns it.
            after: the last URL taken before; "" at first.
            most: how many.
        """
        rows = self._connection.execute(
            """SELECT url, kind, iif(state = 'stale', sha256, NULL),
                iif(attempts, etag, NULL), iif(attempts, last_modified, NULL), page
            FROM media_urls WHERE host = ? AND url > ? AND state IN ('pending', 'stale')
            ORDER BY url LIMIT ?""",
            (host, after, most),
        )
        return [DownloadJob(*row) for row in rows]

    def record(self, outcomes: Iterable[Outcome], kept: Iterable[Outcome] = ()) -> None:
        """Record the outcomes of URLs, in one transaction.

        Args:
            outcomes: new outcomes; their objects are already flushed.
            kept: outcomes of stale URLs whose object stays: unchanged, or the server failed.
        """
        with transaction(self._connection):
            execute_rows(self._connection, _RECORD, [self._row(outcome) for outcome in outcomes])
            self._connection.executemany(_KEEP, [(o.attempts, o.http_status, o.url) for o in kept])

    def give_up(self, host: str, after: str = "") -> int:
        """Fail the open URLs of a host that follow ``after`` as ``host_down``; return how many."""
        return self._connection.execute(_GIVE_UP, (host, after)).rowcount

    def outcomes(self, urls: Sequence[str]) -> pa.Table:
        """Return the outcomes of URLs, in order; columns of ``OUTCOME_SCHEMA``."""
        condition = "url IN (SELECT value FROM json_each(?))"
        return pa.Table.from_batches(self._batches(OUTCOME_SCHEMA, condition, (json.dumps(urls),)), OUTCOME_SCHEMA)

    def counts(self) -> Counter[str]:
        """Return reason -> number of the URLs that ``enlist`` was given; "" for those that are ok."""
        query = "SELECT coalesce(reason, ''), count(*) FROM named JOIN media_urls USING (url) GROUP BY 1 ORDER BY 1"
        return Counter(dict(self._connection.execute(query).fetchall()))

    def answers(self) -> Iterator[Answers]:
        """Yield the hosts of the URLs that ``enlist`` was given, with the reasons of their outcomes."""
        is_page = f"reason = 'wrong_type' AND detail LIKE '%{HTML_PAGE}'"
        query = f"""SELECT host, iif({is_page}, '{PAGE}', coalesce(reason, '')), count(*)
            FROM named JOIN media_urls USING (url) GROUP BY 1, 2 ORDER BY 1, 2"""  # noqa: S608 - constants
        return (Answers(*row) for row in self._connection.execute(query))

    def rejects(self) -> Iterator[Reject]:
        """Yield the URLs that ``enlist`` was given and that are not ok."""
        query = """SELECT url, reason, detail FROM named JOIN media_urls USING (url)
            WHERE reason IS NOT NULL ORDER BY url"""
        return (Reject(*row) for row in self._connection.execute(query))

    def open_rows(self, host: str, after: str, most: int) -> pa.Table:
        """Return the recorded state of a host's next open URLs, to seed another process's queue; see ``open_jobs``."""
        condition = f"host = ? AND url > ? AND {_OPEN}"
        return pa.Table.from_batches(self._batches(_ROW_SCHEMA, condition, (host, after), most), _ROW_SCHEMA)

    def rows(self) -> pa.Table:
        """Return the recorded state of all URLs."""
        return pa.Table.from_batches(self._batches(_ROW_SCHEMA, "true"), _ROW_SCHEMA)

    def add(self, rows: pa.Table) -> None:
        """Add rows of another process's queue; an outcome that is already present stays."""
        self._change(_ADD, rows.to_pylist())

    def _batches(
        self, schema: pa.Schema, condition: str, values: tuple[object, ...] = (), most: int = -1
    ) -> Iterator[pa.RecordBatch]:
        query = f"SELECT {', '.join(schema.names)} FROM media_urls WHERE {condition} ORDER BY url LIMIT ?"  # noqa: S608
        cursor = self._connection.execute(query, (*values, most))
        while rows := cursor.fetchmany(_BATCH):
            columns = zip(*rows, strict=True)
            arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _forget_outdated(self) -> None:
        settings = self._run.settings
        limits = ", ".join(f"'{reason}'" for reason in _LIMITS)
        most = (settings.max_image_bytes, settings.max_video_bytes, settings.max_pixels, settings.max_duration_s)
        self._change(
            f"""DELETE FROM media_urls WHERE limits <> ? AND (reason IN ({limits}) OR state = 'ok' AND (
                bytes > iif(kind = 'image', ?, ?) OR width * height > ? OR duration_s > ?))""",  # noqa: S608
            [(self._limits, *most)],
        )
        refused = ", ".join(f"'{reason}'" for reason in _CHECKED)
        self._change(
            f"DELETE FROM media_urls WHERE reason IN ({refused}) AND limits NOT LIKE ?",  # noqa: S608
            [(f"{CHECKS}%",)],
        )
        self._change(
            """DELETE FROM media_urls WHERE reason = 'opted_out'
            AND substr(detail, instr(detail, ': ') + 2) IN (SELECT value FROM json_each(?))""",
            [(json.dumps(sorted({*OPT_OUTS} - self._run.opt_outs)),)],
        )
        newly_local = "reason = 'private_address' AND host = ? AND limits NOT LIKE '%+local'"
        hosts = [(host,) for host in sorted(self._run.local_hosts)]
        self._change(f"DELETE FROM media_urls WHERE {newly_local}", hosts)  # noqa: S608

    def _change(self, statement: str, rows: Iterable[tuple[object, ...] | dict[str, object]]) -> None:
        with transaction(self._connection):
            self._connection.executemany(statement, rows)

    def _row(self, o: Outcome) -> tuple[object, ...]:
        common = (o.url, o.attempts, o.state, o.reason, o.detail, o.http_status, o.not_before)
        file = (o.sha256, o.bytes, o.mime, o.width, o.height, o.duration_s, o.etag, o.last_modified)
        return (*common, *file, self._run.limits(self._limits, o.reason, authority(o.url) if o.reason else ""))


_OUTCOMES_AT_ONCE = 10_000
_OUTCOMES = """
    SELECT DISTINCT ON (url) url, kind, state, reason, if(reason IS NULL, '', coalesce(r.detail, '')) AS detail,
        attempts, http_status, sha256, bytes, mime, width, height, duration_s, etag, last_modified
    FROM media LEFT JOIN (SELECT item, detail FROM rejects WHERE stage = 'download') r ON r.item = url
    WHERE state <> 'pending' AND reason IS DISTINCT FROM 'placeholder' ORDER BY url, kind
"""
"""Of a URL's rows, that of the first kind has the downloaded file; placeholders are decided by ``records``."""
_ADD_OUTCOME = f"""INSERT INTO media_urls ({", ".join(ROW_COLUMNS)}) VALUES ({", ".join("?" * len(ROW_COLUMNS))})
    ON CONFLICT (url) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in ROW_COLUMNS)}
    WHERE excluded.kind < media_urls.kind"""  # noqa: S608


def make_queue(store: Store, snapshot: Snapshot, run: DownloadRun | None = None) -> None:
    """Create the file, if there is none, from the outcomes in the tables. The caller must hold the lock.

    A new file lacks the Retry-After of failed URLs, and URLs that no product names any more.

    Args:
        store: The workspace's store.
        snapshot: Its newest version.
        run: The run that outcomes come from; None: another, so that refusals for a limit are reconsidered.
    """
    if not Layout(store.root).downloads.exists():
        with _making(store) as connection, transaction(connection):
            connection.executemany(_ADD_OUTCOME, _outcomes(snapshot, run))
    store.downloads.migrate(ROOM, DDL)


@contextmanager
def reading_queue(store: Store) -> Iterator[sqlite3.Connection | None]:
    """Yield a connection that reads the queue, without a lock; None: the tables have all outcomes."""
    if Layout(store.root).downloads.exists():
        with closing(store.downloads.connect_reading()) as connection:
            yield connection
    else:
        yield None


@contextmanager
def _making(store: Store) -> Iterator[sqlite3.Connection]:
    """Yield a connection to a new file, which gets its final name when the block succeeds."""
    target = Layout(store.root).downloads
    with temporary_file(target) as file:
        new = State(Path(file.name))
        new.create()
        new.migrate(ROOM, DDL)
        with closing(new.connect()) as connection:
            yield connection
        sync_file(Path(file.name))
        remove_database(target)  # a leftover log without its file
        Path(file.name).replace(target)
    sync_folder(target.parent)


def _outcomes(snapshot: Snapshot, run: DownloadRun | None) -> Iterator[tuple[object, ...]]:
    """Yield the outcomes of URLs, bucket by bucket: ``ROW_COLUMNS``."""
    if "download" not in snapshot.stages:
        return
    limits = run.settings.limits_digest() if run else ""
    with closing(snapshot.connection(("rejects",))) as engine:
        for bucket in snapshot.by_partition("media"):
            engine.execute(snapshot.view("media", "media", only=[bucket]))
            found = engine.execute(_OUTCOMES)
            while rows := found.fetchmany(_OUTCOMES_AT_ONCE):
                for row in rows:
                    host = authority(row[0])
                    yield *row, host, None, run.limits(limits, row[3], host) if run else "", ""
            engine.execute("DROP VIEW media")
