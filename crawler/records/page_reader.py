"""Stored pages read into records, in chunks that survive a kill."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
from lxml import etree

import crawler.pages as page_code
from crawler.crawl.stored_pages import PageOutcome, StoredPageRow
from crawler.pages.document import read_document
from crawler.pages.optouts import page_opt_out
from crawler.pages.page_kind import is_product
from crawler.pages.parse import load_page_object, page_object_for
from crawler.records.tables import RECORD_TABLES, record_tables
from crawler.settings import CrawlSettings
from m5data.errors import PageError
from m5data.records import ProductRecord
from m5data.stage import Progress
from storage import Objects, Spool
from takedown.register import Register

__all__ = ["Outcomes", "PageReader", "ReadPages", "read_pages"]

_PAGES = Path(page_code.__file__).parent
"""Code that decides what a page is read as."""
_FAILURES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, etree.LxmlError)
"""What a reader, perhaps a user's own, may raise at a page nobody thought of; it must not stop the others."""


@dataclass(frozen=True, slots=True)
class PageReader:
    """Reads the pages of one source.

    ``version`` names everything that the outcome depends on beside the page: code, page object, key, opt-outs.
    """

    page_object: str | None
    merchant_key: bytes
    agent: str
    opt_outs: tuple[str, ...]
    version: str
    register: Register
    """What was taken down; a page that shows it is of the kind ``taken_down``."""

    @classmethod
    def of(cls, settings: CrawlSettings, source: str, merchant_key: bytes, register: Register) -> "PageReader":
        """Return the reader of a source; one that is not in the settings any more is read generically.

        Raises:
            SettingsError: its page object cannot be loaded.
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
        """Say what a page is, with its record where it is a product.

        Kinds: ``product``; ``listing`` and ``other``, which hold none and need not; ``soft_404``,
        ``no_content``, ``opt_out``, ``unreadable`` and the reasons of
        :class:`m5data.errors.PageError`, which are reasons to drop it.
        """
        try:
            return self._read(page, body)
        except PageError as error:
            return PageOutcome(error.reason, str(error)), None
        except _FAILURES as error:
            return PageOutcome("unreadable", " ".join(f"{type(error).__name__}: {error}".split())[:200]), None

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
            return PageOutcome("no_native_id", "the page object found no id that names the product"), None
        if self._is_tombstoned(page, record):
            return PageOutcome("taken_down"), None
        return PageOutcome("product", "", record.native_id, record.url), self._without_media(record)

    def _is_tombstoned(self, page: StoredPageRow, record: ProductRecord) -> bool:
        name, holds = f"{page.source}:{record.native_id}", self.register.holds
        return holds("product", name) or holds("url", record.url) or holds("merchant", record.merchant)

    def _without_media(self, record: ProductRecord) -> ProductRecord:
        """Leave out media that were taken down."""
        if not self.register.has("url"):
            return record
        images, videos = (
            tuple(url for url in urls if not self.register.holds("url", url))
            for urls in (record.image_urls, record.video_urls)
        )
        return replace(record, image_urls=images, video_urls=videos)


def _code(page_object: str | None) -> list[Path]:
    """Return the files whose code decides what a page is read as."""
    files = sorted(_PAGES.rglob("*.py"))
    own = find_spec(page_object.partition(":")[0]) if page_object else None
    return [*files, Path(own.origin)] if own and own.origin else files


_CHUNK = 200
"""Pages read between two writes to the spool: some seconds of work at 20 ms a page."""

Outcomes = dict[tuple[str, str], PageOutcome]
"""Source and address -> what the page is."""

ReadPages = tuple[Outcomes, dict[str, pa.Table]]
"""What pages are, and the rows of those that are products (:data:`crawler.records.tables.RECORD_TABLES`)."""

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
