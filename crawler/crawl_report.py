"""What the frontier says of all sources: counts, rejects, and a digest to tell change by."""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterator

from m5data.records import Reject
from m5data.stage import StageReport

__all__ = ["crawl_digest", "crawl_rejects", "crawl_report"]

# An address that waits because its source stopped short is dropped for the source's reason,
# unless an earlier page of it is stored.
_ROWS = """
SELECT p.source, p.url,
    CASE WHEN p.state = 'done' OR (p.state = 'pending' AND p.page_sha256 IS NOT NULL) THEN NULL
         WHEN p.state = 'pending' THEN coalesce(r.stopped, 'budget') ELSE p.reason END AS why,
    CASE WHEN p.state = 'pending' THEN coalesce(r.detail, '') ELSE p.detail END AS detail,
    p.page_sha256
FROM source_pages p LEFT JOIN source_runs r USING (source)
WHERE p.state != 'absent' ORDER BY p.source, p.url
"""


def crawl_report(connection: sqlite3.Connection, seconds: float) -> StageReport:
    """Count addresses: read are all that were discovered, kept those whose page is stored."""
    counts = Counter(dict(connection.execute(f"SELECT why, count(*) FROM ({_ROWS}) GROUP BY why")))  # noqa: S608
    kept = counts.pop(None, 0)
    return StageReport("crawl", kept + counts.total(), kept, dict(sorted(counts.items())), seconds)


def crawl_rejects(connection: sqlite3.Connection) -> Iterator[Reject]:
    """Yield the addresses without a page, and why, by source and address."""
    for _, url, why, detail, _ in connection.execute(_ROWS):
        if why is not None:
            yield Reject(url, why, detail)


def crawl_digest(connection: sqlite3.Connection) -> str:
    """Return a hash over what became of every address."""
    digest = hashlib.sha256()
    for row in connection.execute(_ROWS):
        digest.update(repr(row).encode())
    return digest.hexdigest()[:16]
