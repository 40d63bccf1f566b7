"""Stored pages read into records, in chunks that survive a kill."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa

import crawler.pages as page_code
from crawler.crawl.stored_pages import PageOutcome, StoredPageRow
from crawler.net import opt_outs
from crawler.pages.document import read_document
from crawler.pages.links import page_opt_out
from crawler.pages.page_evidence import is_product
from crawler.pages.parse import load_page_object, page_object_for
from crawler.pages.text import storable
from crawler.records.tables import RECORD_TABLES, record_tables
from crawler.settings import CrawlSettings
from m5data.errors import PageError
from m5data.records import ProductRecord
from m5data.stage import Progress
from storage import Objects, Spool
from takedown.register import Register

__all__ = ["Outcomes", "PageReader", "ReadPages", "read_pages"]

_PAGES = Path(page_code.__file__).parent
"""Folder of the code that reads pages."""


@dataclass(frozen=True, slots=True)
class PageReader:
    """Reader of the pages of one source.

    ``version`` is a digest of all else that the outcome depends on: code, page object, key, opt-outs.
    """

    page_object: str | None
    merchant_key: bytes
    agent: str
    opt_outs: tuple[str, ...]
    version: str
    register: Register
    """Register of taken-down items. Pages that show one have the kind ``taken_down``."""

    @classmethod
    def of(cls, settings: CrawlSettings, source: str, merchant_key: bytes, register: Register) -> "PageReader":
        """Return the reader of a source. A source that is no longer in the settings gets the generic page object.

        Raises:
            SettingsError: The page object cannot be loaded.
        """
        known = settings.sources.get(source)
        page_object = known.page_object if known else None
        if page_object:
            load_page_object(page_object)
        choices = (page_object, settings.user_agent, settings.opt_outs)
        digest = hashlib.sha256(repr(choices).encode() + merchant_key)
        for path in _code(page_object):
            digest.update(path.read_bytes())
        return cls(page_object, merchant_key, settings.user_agent, settings.opt_outs, digest.hexdigest()[:16], register)

    def read(self, page: StoredPageRow, body: bytes) -> tuple[PageOutcome, ProductRecord | None]:
        """Return the outcome of a page, and its record if it is a product.

        Kinds: ``product``; ``listing`` and ``other``, pages without a product; and reasons to drop the page:
        ``soft_404``, ``no_content``, ``opt_out``, ``unreadable`` and those of :class:`m5data.errors.PageError`.
        """
        try:
            return self._read(page, body)
        except PageError as error:
            return PageOutcome(error.reason, str(error)), None
        except Exception as error:  # noqa: BLE001 - whatever one page does, the others go on; the reject names it
            return _unreadable(error), None

    def _read(self, page: StoredPageRow, body: bytes) -> tuple[PageOutcome, ProductRecord | None]:
        document = read_document(body, page.url, page.headers)
        said = page_opt_out(document, self.agent, self.opt_outs)
        if said:
            return PageOutcome("opt_out", said), None
        page_object = load_page_object(self.page_object) if self.page_object else page_object_for(page.url)
        record = page_object(document, self.merchant_key).to_record()
        verdict = is_product(record)
        if not verdict:
            return PageOutcome("other" if verdict.reason == "no_product_evidence" else verdict.reason), None
        if not record.native_id:
            return PageOutcome("no_native_id", "the page object found no id of the product"), None
        if self._is_tombstoned(page, record):
            return PageOutcome("taken_down"), None
        return PageOutcome("product", "", record.native_id, record.url), self._without_media(record)

    def _is_tombstoned(self, page: StoredPageRow, record: ProductRecord) -> bool:
        name, holds = f"{page.source}:{record.native_id}", self.register.holds
        return holds("product", name) or holds("url", record.url) or holds("merchant", record.merchant)

    def _without_media(self, record: ProductRecord) -> ProductRecord:
        """Return the record without media that were taken down."""
        if not self.register.has("url"):
            return record
        images, videos = (
            tuple(url for url in urls if not self.register.holds("url", url))
            for urls in (record.image_urls, record.video_urls)
        )
        return replace(record, image_urls=images, video_urls=videos)


def _unreadable(error: Exception) -> PageOutcome:
    return PageOutcome("unreadable", storable(" ".join(f"{type(error).__name__}: {error}".split()))[:200])


def _code(page_object: str | None) -> list[Path]:
    """Return the files that the reading of a page depends on."""
    files = [*sorted(_PAGES.rglob("*.py")), *sorted(_PAGES.rglob("*.txt")), Path(opt_outs.__file__)]
    own = find_spec(page_object.partition(":")[0]) if page_object else None
    return [*files, Path(own.origin)] if own and own.origin else files


_CHUNK = 200
"""Pages between two writes to the spool: a few seconds of work at 20 ms a page."""

Outcomes = dict[tuple[str, str], PageOutcome]
"""Source and URL -> kind of the page."""

ReadPages = tuple[Outcomes, dict[str, pa.Table]]
"""Kinds of pages, and the rows of products (:data:`crawler.records.tables.RECORD_TABLES`)."""

_OUTCOMES = pa.schema([(name, pa.string()) for name in ("source", "url", "kind", "detail", "native_id", "identity")])


def read_pages(
    pages: Sequence[StoredPageRow],
    readers: Mapping[str, PageReader],
    objects: Objects,
    spool: Spool,
    progress: Progress,
) -> ReadPages:
    """Read pages. Chunks that a killed run finished are taken from the spool.

    Args:
        pages: Pages in an order that does not change between runs.
        readers: Source -> its reader.
        objects: Store of the page bytes.
        spool: Store of finished chunks until the stage commits.
        progress: Advances with every page.
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


def _storable_row(
    page: StoredPageRow, outcome: PageOutcome, record: ProductRecord | None
) -> tuple[StoredPageRow, PageOutcome, ProductRecord | None]:
    """Return a page as it was read; unreadable if a page object gave what the tables cannot hold."""
    if record is not None:
        try:
            record_tables([(page, record)])
        except (pa.ArrowException, ArithmeticError, AttributeError, TypeError, ValueError) as error:
            return page, _unreadable(error), None
    return page, outcome, record


def _read_chunk(
    chunk: Sequence[StoredPageRow], readers: Mapping[str, PageReader], objects: Objects, spool: Spool
) -> dict[str, pa.Table]:
    names = [(page.source, page.url, page.sha256, readers[page.source].version) for page in chunk]
    fingerprint = hashlib.sha256(repr(names).encode()).hexdigest()
    kept = spool.get(fingerprint, fingerprint)
    if kept is not None:
        return kept
    read = [_storable_row(page, *readers[page.source].read(page, objects.read(page.sha256))) for page in chunk]
    products = [(page, record) for page, _, record in read if record]
    outcomes: list[dict[str, str | None]] = []
    for page, outcome, _ in read:
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
