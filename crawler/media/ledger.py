"""Between the dataset's table ``media`` and the downloader's own: what is wanted, what came of it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing

import duckdb
import pyarrow as pa

from crawler.media.queue import OUTCOME_SCHEMA
from m5data.records import Reject
from storage import Snapshot, Stage
from takedown.register import Register

__all__ = ["publish", "read_wanted"]

_BATCH = 20_000

_MEDIA = """
    SELECT m.product_id, m.kind, m.position, m.url,
        if(fits, o.state, 'dropped') AS state, if(fits, o.reason, 'wrong_type') AS reason,
        o.attempts, o.http_status,
        if(fits, o.sha256, NULL) AS sha256, if(fits, o.bytes, NULL) AS bytes,
        if(fits, o.mime, NULL) AS mime, if(fits, o.width, NULL) AS width,
        if(fits, o.height, NULL) AS height, if(fits, o.duration_s, NULL) AS duration_s,
        o.etag, o.last_modified
    FROM (SELECT media.*, o, o.state <> 'ok' OR o.kind = media.kind AS fits
        FROM media LEFT JOIN outcomes AS o USING (url)) AS m
"""
"""An address that pages promise both as image and as video is only what it is."""

_COUNTS = """
    SELECT coalesce(reason, '') AS reason, count(*) AS urls FROM outcomes
    WHERE url IN (SELECT url FROM media) GROUP BY ALL ORDER BY ALL
"""

_REJECTS = """
    SELECT url, reason, detail FROM outcomes
    WHERE reason IS NOT NULL AND url IN (SELECT url FROM media) ORDER BY url
"""


def read_wanted(snapshot: Snapshot, register: Register) -> Iterator[tuple[str, str]]:
    """Yield url and kind of every medium that a product names, each url once, in the order of their text.

    Those that were taken down are not wanted.
    """
    query = f"SELECT url, min(kind) FROM media WHERE NOT {register.sql('url', 'url')} GROUP BY url ORDER BY url"  # noqa: S608
    with closing(snapshot.connection()) as connection:
        found = connection.execute(query)
        while rows := found.fetchmany(_BATCH):
            yield from rows


def publish(stage: Stage, outcomes: Iterable[pa.RecordBatch]) -> Counter[str]:
    """Write ``media`` with its outcomes, and the stage's rejects.

    Returns:
        Reason -> number of distinct urls; "" for those that are ok.
    """
    with closing(stage.before.connection()) as connection:
        connection.register("arriving", OUTCOME_SCHEMA.empty_table())
        connection.execute("CREATE TEMP TABLE outcomes AS SELECT * FROM arriving")
        for batch in outcomes:  # one by one: DuckDB would draw a stream from another thread
            connection.register("arriving", pa.Table.from_batches([batch]))
            connection.execute("INSERT INTO outcomes SELECT * FROM arriving")
        stage.write("media", connection.sql(_MEDIA))
        stage.reject(_read_rejects(connection))
        return Counter(dict(connection.execute(_COUNTS).fetchall()))


def _read_rejects(connection: duckdb.DuckDBPyConnection) -> Iterator[Reject]:
    found = connection.execute(_REJECTS)
    while rows := found.fetchmany(_BATCH):
        for url, reason, detail in rows:
            yield Reject(url, reason, detail)
