"""Reading many stored pages, in chunks that survive a kill."""

import hashlib
from collections.abc import Mapping, Sequence

import pyarrow as pa

from crawler.crawl.stored_pages import PageOutcome, StoredPageRow
from crawler.page_reading import PageReader
from crawler.record_rows import RECORD_TABLES, record_tables
from m5data.records import ProductRecord
from m5data.stage import Progress
from storage import Objects, Spool

__all__ = ["Outcomes", "ReadPages", "read_pages"]

_CHUNK = 200
"""Pages read between two writes to the spool: some seconds of work at 20 ms a page."""

Outcomes = dict[tuple[str, str], PageOutcome]
"""Source and address -> what the page is."""

ReadPages = tuple[Outcomes, dict[str, pa.Table]]
"""What pages are, and the rows of those that are products (:data:`crawler.record_rows.RECORD_TABLES`)."""

_OUTCOMES = pa.schema([(name, pa.string()) for name in ("source", "url", "kind", "detail", "native_id", "identity")])


def read_pages(
    pages: Sequence[StoredPageRow],
    readers: Mapping[str, PageReader],
    objects: Objects,
    spool: Spool,
    progress: Progress,
) -> ReadPages:
    """Read pages; chunks that an earlier, killed run had finished are taken from the spool.

    Args:
        pages: what to read, in an order that does not change between runs.
        readers: source -> its reader.
        objects: where the pages' bytes are.
        spool: where finished chunks are kept until the stage commits.
        progress: told of every page.
    """
    parts = {name: [schema.empty_table()] for name, schema in RECORD_TABLES.items()}
    outcomes: Outcomes = {}
    for start in range(0, len(pages), _CHUNK):
        chunk = pages[start : start + _CHUNK]
        found = _read_chunk(chunk, readers, objects, spool)
        for row in found["outcomes"].to_pylist():
            key = row.pop("source"), row.pop("url")
            outcomes[key] = PageOutcome(**row)
        for name, rows in parts.items():
            rows.append(found[name])
        progress.advance(len(chunk))
    return outcomes, {name: pa.concat_tables(rows) for name, rows in parts.items()}


def _read_chunk(
    chunk: Sequence[StoredPageRow], readers: Mapping[str, PageReader], objects: Objects, spool: Spool
) -> dict[str, pa.Table]:
    names = [(page.source, page.url, page.sha256, readers[page.source].version) for page in chunk]
    fingerprint = hashlib.sha256(repr(names).encode()).hexdigest()
    kept = spool.get(fingerprint, fingerprint)
    if kept is not None:
        return kept
    products: list[tuple[StoredPageRow, ProductRecord]] = []
    outcomes: list[dict[str, str | None]] = []
    for page in chunk:
        outcome, record = readers[page.source].read(page, objects.read(page.sha256))
        products += [(page, record)] if record else []
        outcomes.append(
            {
                "source": page.source,
                "url": page.url,
                "kind": outcome.kind,
                "detail": outcome.detail,
                "native_id": outcome.native_id,
                "identity": outcome.identity,
            }
        )
    tables = {**record_tables(products), "outcomes": pa.Table.from_pylist(outcomes, schema=_OUTCOMES)}
    spool.put(fingerprint, fingerprint, tables)
    return tables
