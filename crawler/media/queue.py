"""The downloader's queue and memory: one row a URL, in SQLite, so that a kill loses nothing."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

import pyarrow as pa

from crawler.media.outcome import Job, Outcome, Reason
from crawler.net.address_guard import authority
from crawler.settings import DownloadSettings

__all__ = ["DDL", "OUTCOME_SCHEMA", "ROOM", "UrlQueue"]

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
)
"""One row a URL. ``pending``: to be asked for. ``stale``: ok, to be asked for again on condition.
``limits``: digest of the limits that the outcome was judged by, ``+local`` behind it where the guard refused
although the host was local (a redirect leads elsewhere)."""


_BATCH = 20_000
_LIMITS: tuple[Reason, ...] = ("too_large", "too_long", "too_many_pixels")

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

_RECORD = """UPDATE media_urls SET state = ?, reason = ?, detail = ?, attempts = attempts + ?,
    http_status = ?, not_before = ?, sha256 = ?, bytes = ?, mime = ?, width = ?, height = ?,
    duration_s = ?, etag = ?, last_modified = ?, limits = ? WHERE url = ?"""
_KEEP = """UPDATE media_urls SET state = 'ok', attempts = attempts + ?, http_status = ?
    WHERE url = ? AND state = 'stale'"""
_GIVE_UP = """UPDATE media_urls SET state = iif(state = 'stale', 'ok', 'failed'),
    reason = iif(state = 'stale', NULL, 'host_down'),
    detail = iif(state = 'stale', '', 'too many failures in a row')
    WHERE host = ? AND url > ? AND state IN ('pending', 'stale')"""


class UrlQueue:
    """All media URLs of a workspace, what is to be asked for and what came of the rest.

    Args:
        connection: of ``State.connect``, for one thread, ``queue_schema.DDL`` migrated.
        settings: the limits that outcomes are judged by.
        local_hosts: ``host:port`` of sources marked local.
    """

    def __init__(
        self, connection: sqlite3.Connection, settings: DownloadSettings, local_hosts: Collection[str] = ()
    ) -> None:
        self._connection = connection
        self._local = local_hosts
        self._settings = settings
        self._limits = settings.limits_digest()

    def enlist(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Make the open URLs exactly those that are wanted and have no outcome yet.

        An outcome is forgotten where it was judged by other limits and these might judge
        otherwise, or where the guard refused a host that has become local since.

        Args:
            wanted: url and kind, each url once.
        """
        self._forget_outdated()
        self._change("DELETE FROM media_urls WHERE state = 'pending'", [()])
        rows = ((url, kind, authority(url)) for url, kind in wanted)
        while batch := list(islice(rows, _BATCH)):
            self._change("INSERT OR IGNORE INTO media_urls (url, kind, host) VALUES (?, ?, ?)", batch)

    def forget_failures(self, now: float) -> None:
        """Forget what failed, so that ``enlist`` opens it again; a Retry-After still running is kept to.

        Args:
            now: Unix seconds.
        """
        due = "DELETE FROM media_urls WHERE state = 'failed' AND coalesce(not_before, 0) <= ?"
        self._change(due, [(now,)])

    def mark_stale(self) -> None:
        """Have everything that is ok and has a validator asked for again on condition."""
        validated = "coalesce(etag, last_modified) IS NOT NULL"
        self._change(f"UPDATE media_urls SET state = 'stale' WHERE state = 'ok' AND {validated}", [()])  # noqa: S608

    def hosts(self) -> list[tuple[str, int]]:
        """Return the hosts with open URLs and how many, most first."""
        return self._connection.execute(
            """SELECT host, count(*) AS urls FROM media_urls WHERE state IN ('pending', 'stale')
            GROUP BY host ORDER BY urls DESC, host"""
        ).fetchall()

    def open_jobs(self, host: str, after: str, most: int) -> list[Job]:
        """Return the next open URLs of a host, in the order of their text.

        Args:
            host: as ``hosts`` gives it.
            after: the last URL taken before; "" at first.
            most: how many.
        """
        rows = self._connection.execute(
            """SELECT url, kind, iif(state = 'stale', sha256, NULL), etag, last_modified
            FROM media_urls WHERE host = ? AND url > ? AND state IN ('pending', 'stale')
            ORDER BY url LIMIT ?""",
            (host, after, most),
        )
        return [Job(*row) for row in rows]

    def record(self, outcomes: Iterable[Outcome], kept: Iterable[Outcome] = ()) -> None:
        """Record what became of URLs, in one transaction.

        Args:
            outcomes: new outcomes; their objects are flushed already.
            kept: of stale URLs whose object stays: unchanged, or the server failed.
        """
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(_RECORD, [self._row(outcome) for outcome in outcomes])
        self._connection.executemany(_KEEP, [(o.attempts, o.http_status, o.url) for o in kept])
        self._connection.execute("COMMIT")

    def give_up(self, host: str, after: str) -> int:
        """Fail the open URLs of a host past ``after`` as ``host_down``; return how many."""
        return self._connection.execute(_GIVE_UP, (host, after)).rowcount

    def outcomes(self) -> Iterator[pa.RecordBatch]:
        """Yield what became of all URLs, in their order; columns of ``OUTCOME_SCHEMA``."""
        names = ", ".join(OUTCOME_SCHEMA.names)
        cursor = self._connection.execute(f"SELECT {names} FROM media_urls ORDER BY url")  # noqa: S608
        while rows := cursor.fetchmany(_BATCH):
            columns = zip(*rows, strict=True)
            arrays = [pa.array(c, f.type) for c, f in zip(columns, OUTCOME_SCHEMA, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=OUTCOME_SCHEMA)

    def _forget_outdated(self) -> None:
        settings = self._settings
        limits = ", ".join(f"'{reason}'" for reason in _LIMITS)
        self._change(
            f"""DELETE FROM media_urls WHERE limits <> ? AND (reason IN ({limits}) OR state = 'ok' AND (
                bytes > iif(kind = 'image', ?, ?) OR width * height > ? OR duration_s > ?))""",  # noqa: S608
            [
                (
                    self._limits,
                    settings.max_image_bytes,
                    settings.max_video_bytes,
                    settings.max_pixels,
                    settings.max_duration_s,
                )
            ],
        )

        newly_local = "reason = 'private_address' AND host = ? AND limits NOT LIKE '%+local'"
        self._change(f"DELETE FROM media_urls WHERE {newly_local}", [(host,) for host in sorted(self._local)])  # noqa: S608

    def _change(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(statement, rows)
        self._connection.execute("COMMIT")

    def _row(self, o: Outcome) -> tuple[object, ...]:
        told = (o.state, o.reason, o.detail, o.attempts, o.http_status, o.not_before)
        medium = (o.sha256, o.bytes, o.mime, o.width, o.height, o.duration_s, o.etag, o.last_modified)
        local = o.reason == "private_address" and authority(o.url) in self._local
        return (*told, *medium, self._limits + "+local" * local, o.url)
