"""Tables of the frontier in the workspace's SQLite state."""

__all__ = ["FRONTIER_DDL"]

FRONTIER_DDL = (
    # One row an address of a source. state: pending, done, failed, skipped, redirected, absent.
    # page_sha256 is the last stored page, whatever became of later visits; parsed_* is what the
    # records stage made of it (a cache, believed only beside the tables of its own commit).
    """CREATE TABLE IF NOT EXISTS source_pages (
        source TEXT NOT NULL,
        url TEXT NOT NULL,
        kind TEXT NOT NULL,
        rank INTEGER NOT NULL,
        depth INTEGER NOT NULL,
        hops INTEGER NOT NULL,
        chain INTEGER NOT NULL,
        listed INTEGER NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        detail TEXT NOT NULL DEFAULT '',
        attempts INTEGER NOT NULL DEFAULT 0,
        http_status INTEGER,
        etag TEXT,
        last_modified TEXT,
        headers TEXT,
        page_sha256 TEXT,
        redirect_to TEXT,
        canonical TEXT,
        fetched_at TEXT,
        checked_at TEXT,
        vanished_at TEXT,
        parsed_sha256 TEXT,
        parser TEXT,
        outcome TEXT,
        outcome_detail TEXT,
        native_id TEXT,
        identity TEXT,
        PRIMARY KEY (source, url)
    ) WITHOUT ROWID""",
    """CREATE INDEX IF NOT EXISTS source_pages_queue ON source_pages (source, state, rank, depth, url)""",
    # robots.txt and its like; status 0: no answer.
    """CREATE TABLE IF NOT EXISTS source_files (
        url TEXT PRIMARY KEY,
        status INTEGER NOT NULL,
        body TEXT NOT NULL,
        fetched_at TEXT NOT NULL
    ) WITHOUT ROWID""",
    # One row a source: the scope its pages were judged by, and why its last run stopped short.
    """CREATE TABLE IF NOT EXISTS source_runs (
        source TEXT PRIMARY KEY,
        scope TEXT NOT NULL,
        stopped TEXT,
        detail TEXT NOT NULL DEFAULT ''
    ) WITHOUT ROWID""",
    # The sitemap that names the page and when, as it says, the page changed; visits in a row that found no change.
    "ALTER TABLE source_pages ADD COLUMN listed_in TEXT",
    "ALTER TABLE source_pages ADD COLUMN listed_modified TEXT",
    "ALTER TABLE source_pages ADD COLUMN steady INTEGER NOT NULL DEFAULT 0",
)
