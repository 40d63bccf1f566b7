"""The state table of the downloader."""

__all__ = ["DDL", "ROOM"]

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
