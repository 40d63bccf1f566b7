"""The file of the downloader's queue: each machine's own, and made from the dataset where it is missing."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from crawler.media.queue import DDL, ROOM, ROW_COLUMNS, DownloadRun
from crawler.net.address_guard import authority
from storage import Snapshot, State, Store, transaction
from storage.files import Layout, remove_database, sync_file, sync_folder, temporary_file

__all__ = ["make_queue", "reading_queue", "take_from_state"]

_BATCH = 10_000
_OUTCOMES = """
    SELECT DISTINCT ON (url) url, kind, state, reason, if(reason IS NULL, '', coalesce(r.detail, '')) AS detail,
        attempts, http_status, sha256, bytes, mime, width, height, duration_s, etag, last_modified
    FROM media LEFT JOIN (SELECT item, detail FROM rejects WHERE stage = 'download') r ON r.item = url
    WHERE state <> 'pending' AND reason IS DISTINCT FROM 'placeholder' ORDER BY url, kind
"""
"""Of a URL's rows the one of the first kind has what was downloaded; a placeholder is what ``records`` says."""
_ADD = f"""INSERT INTO media_urls ({", ".join(ROW_COLUMNS)}) VALUES ({", ".join("?" * len(ROW_COLUMNS))})
    ON CONFLICT (url) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in ROW_COLUMNS)}
    WHERE excluded.kind < media_urls.kind"""  # noqa: S608


def make_queue(store: Store, snapshot: Snapshot, run: DownloadRun | None = None) -> None:
    """Make the file where there is none, from the outcomes in the tables. Only under the lock.

    Retry-After of failed URLs, and URLs that no product names any more, are not known then.

    Args:
        store: The workspace's store.
        snapshot: Its newest version.
        run: The run that outcomes come from; None: another, so that refusals for a limit are judged again.
    """
    take_from_state(store)
    if not Layout(store.root).downloads.exists():
        with _making(store) as connection, transaction(connection):
            connection.executemany(_ADD, _outcomes(snapshot, run))
    store.downloads.migrate(ROOM, DDL)


def take_from_state(store: Store) -> None:
    """Move the queue out of the state, where earlier versions kept it. Only under the lock."""
    if not _is_in_state(store):
        return
    if not Layout(store.root).downloads.exists():
        with _making(store) as connection:
            connection.execute("ATTACH ? AS old", (str(Layout(store.root).state),))
            with transaction(connection):
                connection.execute("INSERT INTO media_urls SELECT * FROM old.media_urls")
            connection.execute("DETACH old")
            connection.execute(f"PRAGMA user_version = {store.snapshot().record.number + 1}")
    with closing(store.state.connect()) as connection:
        with transaction(connection):
            connection.execute("DROP TABLE media_urls")
            connection.execute("DELETE FROM migrations WHERE room = ?", (ROOM,))
        connection.execute("VACUUM")


@contextmanager
def reading_queue(store: Store) -> Iterator[sqlite3.Connection | None]:
    """Yield a connection that reads the queue, without a lock; None: the tables have all outcomes."""
    if Layout(store.root).downloads.exists():
        with closing(store.downloads.connect_reading()) as connection:
            yield connection
    elif _is_in_state(store):
        with closing(store.state.connect_reading()) as connection:
            yield connection
    else:
        yield None


@contextmanager
def _making(store: Store) -> Iterator[sqlite3.Connection]:
    """Yield a connection to a new file, which gets its name when the block ends well."""
    target = Layout(store.root).downloads
    with temporary_file(target) as file:
        new = State(Path(file.name))
        new.create()
        new.migrate(ROOM, DDL)
        with closing(new.connect()) as connection:
            yield connection
        sync_file(Path(file.name))
        remove_database(target)  # a log without its file
        Path(file.name).replace(target)
    sync_folder(target.parent)


def _is_in_state(store: Store) -> bool:
    with closing(store.state.connect_reading()) as connection:
        query = "SELECT 1 FROM sqlite_schema WHERE name = 'media_urls'"
        return connection.execute(query).fetchone() is not None


def _outcomes(snapshot: Snapshot, run: DownloadRun | None) -> Iterator[tuple[object, ...]]:
    """Yield the outcomes of URLs, bucket by bucket: ``ROW_COLUMNS``."""
    if "download" not in snapshot.stages:
        return
    limits = run.settings.limits_digest() if run else ""
    with closing(snapshot.connection(("rejects",))) as engine:
        for bucket in snapshot.by_partition("media"):
            engine.execute(snapshot.view("media", "media", only=[bucket]))
            found = engine.execute(_OUTCOMES)
            while rows := found.fetchmany(_BATCH):
                for row in rows:
                    host = authority(row[0])
                    yield *row, host, None, run.limits(limits, row[3], host) if run else ""
            engine.execute("DROP VIEW media")
