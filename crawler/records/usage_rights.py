"""The table ``usage_rights``: signals of shops about the use of each product, with their dates."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from functools import cache
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from core.engine import text
from core.usage import strictest
from crawler.crawl.frontier import each_frontier
from crawler.crawl.scope import web_host
from crawler.crawl.stored_pages import SiteFile
from crawler.net.robots import robots_meaning
from crawler.records.choice import ChosenPages
from crawler.rights.page import from_json
from crawler.rights.rsl import Content, read_licence
from crawler.rights.signals import Signal, Statement, decide
from crawler.rights.site import SITE_FILES, SiteSignals
from storage import Stage, Store
from storage.tables import TABLES

__all__ = ["HostFiles", "write_usage_rights"]

_BATCH = 20_000
_LONGEST = 4_000
"""Maximum characters of a signal that the table keeps."""
_TABLE = TABLES["usage_rights"]
_SCHEMA = pa.schema([column for column in _TABLE.schema if column.name != "until"])
_VISITED = pa.schema([("product_id", pa.string()), ("seen", pa.timestamp("us", tz="UTC"))])


class _Page(NamedTuple):
    """The page of one product."""

    product_id: str
    url: str
    signals: str | None
    checked_at: str


class HostFiles:
    """Files of all hosts that state usage rights.

    Args:
        files: Latest fetched files.
        agent: Name by which rules address the crawler.
    """

    def __init__(self, files: Iterable[SiteFile], agent: str) -> None:
        self._by_url = {file.url: file for file in files}
        self._of_host: dict[tuple[str, str], SiteFile] = {}
        for file in self._by_url.values():
            self._of_host[web_host(file.url), "/" + file.url.split("/", 3)[-1]] = file
        self._agent = agent
        self.licence = cache(self._licence)
        self.site = cache(self._site)

    def _licence(self, url: str) -> tuple[Content, ...] | None:
        file = self._by_url.get(url)
        return read_licence(file.body) if file is not None and file.status == 200 else None

    def _site(self, host: str) -> tuple[SiteSignals, str]:
        """Return the signals of a host, and when its robots.txt was fetched."""
        found = [self._of_host.get((host, path)) for path in SITE_FILES]
        texts = [file.body if file is not None and robots_meaning(file.status) == "rules" else "" for file in found]
        robots, tdmrep, ai = texts
        home, fetched_at = (found[0].url, found[0].fetched_at) if found[0] else (f"https://{host}/", "")
        return SiteSignals.read(home, robots, tdmrep, ai, self._agent), fetched_at


def write_usage_rights(stage: Stage, choice: ChosenPages, files: HostFiles, store: Store) -> None:
    """Write the signals in force for each product; those no longer in force get an end time.

    Args:
        stage: The running stage.
        choice: The page of each product.
        files: Files of hosts, such as robots.txt.
        store: Store whose frontiers know the pages of products that have just opted out.
    """
    path = stage.scratch / "usage_rights.parquet"
    with closing(stage.before.connection(("products", "usage_rights"))) as engine:
        rows = engine.execute("SELECT product_id, source, url FROM products WHERE page_sha256 IS NOT NULL").fetchall()
        gone = [row for row in rows if row[0] not in choice.products]
        visited = _write_signals(path, _pages(choice, gone, store), files)
        engine.register("visited", visited)
        engine.execute(f"CREATE TEMP VIEW signalled AS FROM read_parquet({text(str(path))})")
        stage.write("usage_rights", engine.sql(_MERGED))


def _pages(choice: ChosenPages, gone: Iterable[tuple[str, str, str]], store: Store) -> Iterator[_Page]:
    """Yield the page of each product, and of each removed product whose last visit is known."""
    for product_id, one in choice.products.items():
        yield _Page(product_id, one.page.url, one.page.signals, one.page.checked_at)
    query = "SELECT signals, checked_at FROM source_pages WHERE source = ? AND url = ? AND checked_at IS NOT NULL"
    asked = {source: [*rows] for source, rows in groupby(sorted(gone, key=itemgetter(1)), key=itemgetter(1))}
    for source, connection in each_frontier(store):
        for product_id, _, url in asked.get(source, ()):
            if row := connection.execute(query, (source, url)).fetchone():
                yield _Page(product_id, url, *row)


def _write_signals(path: Path, pages: Iterator[_Page], files: HostFiles) -> pa.Table:
    """Write the current signals to a file, so that they need not fit in memory; return when each page was seen."""
    visited: list[pa.Table] = []
    with pq.ParquetWriter(path, _SCHEMA, compression="lz4") as writer:
        while batch := list(islice(pages, _BATCH)):
            found = [(page, *_signals(page, files)) for page in batch]
            rows = [_row(page, signal, seen) for page, _, signals in found for signal, seen in signals]
            writer.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA))
            seen_at = [{"product_id": page.product_id, "seen": _time(seen)} for page, seen, _ in found]
            visited.append(pa.Table.from_pylist(seen_at, schema=_VISITED))
    return pa.concat_tables([_VISITED.empty_table(), *visited])


def _signals(page: _Page, files: HostFiles) -> tuple[str, list[tuple[Signal, str]]]:
    """Return when a page and its host were last seen, and its signals, each with the time it was seen."""
    site, fetched_at = files.site(web_host(page.url))
    found: dict[tuple[str, str], tuple[list[Signal], str]] = {}
    for statements, seen in ((from_json(page.signals), page.checked_at), (site.statements(page.url), fetched_at)):
        for statement in dict.fromkeys(statements):
            signal = decide(Statement(*statement), page.url, files.licence)
            found.setdefault((signal.name, signal.place), ([], seen))[0].append(signal)
    joined = [
        (
            Signal(
                ones[0].name,
                ones[0].place,
                "\n".join(one.served for one in ones)[:_LONGEST],
                strictest(o.meaning for o in ones),
            ),
            at,
        )
        for ones, at in found.values()
    ]
    return max(page.checked_at, fetched_at), joined


def _row(page: _Page, signal: Signal, seen: str) -> dict[str, object]:
    return {
        "product_id": page.product_id,
        "url": page.url,
        "signal": signal.name,
        "place": signal.place,
        "served": signal.served,
        **signal.meaning._asdict(),
        "since": _time(seen),
    }


def _time(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


# A signal that is already known unchanged keeps its time. One that was in force for no time is not kept.
_SAME = (
    " AND ".join(
        f"n.{name} = o.{name}" for name in ("product_id", "url", "signal", "place", "served", "train", "evaluate")
    )
    + " AND n.search = o.search AND n.display = o.display"
)
_MERGED = f"""
SELECT o.* FROM usage_rights o WHERE o.until IS NOT NULL
UNION ALL BY NAME
SELECT * FROM (
    SELECT o.* REPLACE (
        CASE WHEN v.seen IS NOT NULL AND NOT EXISTS (FROM signalled n WHERE {_SAME}) THEN v.seen END AS until)
    FROM usage_rights o LEFT JOIN visited v ON v.product_id = o.product_id WHERE o.until IS NULL
) WHERE until IS NULL OR until > since
UNION ALL BY NAME
SELECT n.*, NULL::TIMESTAMPTZ AS until FROM signalled n
WHERE NOT EXISTS (FROM usage_rights o WHERE o.until IS NULL AND {_SAME})
"""  # noqa: S608 - constants
