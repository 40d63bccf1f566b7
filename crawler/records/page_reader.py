"""Reading of stored pages into records by killable processes, in chunks that survive a kill."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa

import core
import reader
from core.processes.message import Fault, Message
from core.processes.pool import ChildPool, Job, PoolLimits, processes_for
from core.records import ProductRecord
from core.stage import Progress
from crawler.crawl.stored_pages import StoredPageRow
from crawler.net import robots
from crawler.records import page_outcome
from crawler.records.page_outcome import (
    PageOptions,
    PageOutcome,
    handle,
    handle_lesson,
    job_data,
    lesson_of,
    record_of,
    unreadable,
)
from crawler.records.tables import record_tables
from crawler.records.templates import TemplatePosition, priors_of
from crawler.rights import opt_outs
from crawler.settings import CrawlSettings
from reader.document import MAX_BYTES
from reader.model import kinds_model, shipped_model
from reader.parse import load_page_object
from reader.template import Observation
from storage import Objects, Stage, Store
from storage.partitions import Done, Results, in_pool, run_partitions
from takedown.register import Register

__all__ = ["PageReader", "ReadChunk", "read_lessons", "read_pages"]

_READING = tuple(Path(str(module.__file__)).parent for module in (reader, core))
"""Folders of the code that reads pages."""
_JUDGING = tuple(Path(str(module.__file__)) for module in (page_outcome, opt_outs, robots))
"""Files of the code that decides what becomes of a page."""


@dataclass(frozen=True, slots=True)
class PageReader:
    """Reader of the pages of one source."""

    options: PageOptions
    version: str
    """Digest of everything else that the outcome depends on: code, page object, key, opt-outs, limits."""
    register: Register
    """Register of taken-down items. Pages that show one have the kind ``taken_down``."""

    @classmethod
    def of(
        cls, settings: CrawlSettings, source: str, merchant_key: bytes, register: Register, root: Path = Path()
    ) -> "PageReader":
        """Return the reader of a source. A source that is no longer in the settings gets the generic page object.

        Raises:
            SettingsError: The page object or the reader's model cannot be loaded.
        """
        known = settings.sources.get(source)
        page_object = known.page_object if known else None
        if page_object:
            load_page_object(page_object)
        model = str(root / known.reader) if known and known.reader else None
        least = tuple(sorted(known.reader_min.items())) if known else ()
        urls = known.product_urls if known else ()
        options = PageOptions(page_object, merchant_key, settings.user_agent, settings.opt_outs, model, least, urls)
        digest = hashlib.sha256(repr((options, settings.parse_timeout_s, settings.parse_memory_mb)).encode())
        digest.update(str((options.reader.model or shipped_model()).about["digest"]).encode())
        digest.update(str(kinds_model().about["digest"]).encode())
        for path in _code(page_object):
            digest.update(path.read_bytes())
        return cls(options, digest.hexdigest()[:16], register)

    def with_template(self, places: Sequence[TemplatePosition]) -> "PageReader":
        """Return the reader with a template applied."""
        priors = priors_of(places)
        version = hashlib.sha256(repr((self.version, priors)).encode()).hexdigest()[:16] if priors else self.version
        return replace(self, options=self.options._replace(template=priors), version=version)

    def receive(self, page: StoredPageRow, reply: Message | Fault) -> tuple[PageOutcome, ProductRecord | None]:
        """Return the outcome of a page and its record from the reply of the process that read it.

        In addition to those of ``read_page``, the kinds are ``taken_down`` and the faults of the process: ``timeout``,
        ``memory``, ``crashed``, ``output_limit``.
        """
        if isinstance(reply, Fault):
            return PageOutcome(reply.reason, reply.detail), None
        if "fault" in reply.head:
            return PageOutcome(str(reply.head["fault"]), str(reply.head["detail"])), None
        outcome = PageOutcome.from_json(reply.bodies[0])
        record = record_of(reply)
        if record is not None and self._is_tombstoned(page, record):
            return PageOutcome("taken_down"), None
        return outcome, self._without_media(record) if record else None

    def _is_tombstoned(self, page: StoredPageRow, record: ProductRecord) -> bool:
        name, holds = f"{page.source}:{record.native_id}", self.register.holds
        return holds("product", name) or holds("url", record.url) or holds("merchant", record.merchant)

    def _without_media(self, record: ProductRecord) -> ProductRecord:
        """Return the record without taken-down media."""
        if not self.register.has("url"):
            return record
        images, videos = (
            tuple(url for url in urls if not self.register.holds("url", url))
            for urls in (record.image_urls, record.video_urls)
        )
        variants = tuple(
            replace(one, image_url=None) if self.register.holds("url", one.image_url) else one
            for one in record.variants
        )
        return replace(record, image_urls=images, video_urls=videos, variants=variants)


def _code(page_object: str | None) -> list[Path]:
    """Return the files that the reading of a page depends on."""
    files = [
        path for folder in _READING for ending in ("*.py", "*.txt", "*.toml") for path in sorted(folder.rglob(ending))
    ]
    files += _JUDGING
    own = find_spec(page_object.partition(":")[0]) if page_object else None
    return [*files, Path(own.origin)] if own and own.origin else files


_CHUNK = 200
"""Pages between two writes to the spool: a few seconds of work at 20 ms per page."""
_PAGES_PER_PROCESS = 100
"""Minimum pages for which another process is started; starting one costs as much as some 30 pages."""
_OUTPUT_BYTES = 16 << 20

ReadChunk = tuple[dict[tuple[str, str], PageOutcome], dict[str, pa.Table]]
"""Source and URL -> outcome, and the rows of products (:data:`crawler.records.tables.RECORD_TABLES`)."""

_OUTCOMES = pa.schema([(name, pa.string()) for name in ("source", "url", "outcome")])


def read_pages(
    pages: Sequence[StoredPageRow],
    readers: Mapping[str, PageReader],
    store: Store,
    stage: Stage,
    settings: CrawlSettings,
    progress: Progress,
) -> Iterator[ReadChunk]:
    """Yield the outcomes and rows of pages, in chunks in the order of the pages.

    Chunks that a killed run finished are taken from the stage's spool. A page that needs more time or memory than the
    settings allow costs its process, but no other page.

    Args:
        pages: Pages in an order that does not change between runs.
        readers: Source -> its reader.
        store: Store of the page bytes.
        stage: The stage that runs.
        settings: Settings with the limits of a page.
        progress: Progress, advanced with every page.
    """
    results = Results(stage.name, stage.spool, stage.location, store.objects.index)
    parts = [pages[start : start + _CHUNK] for start in range(0, len(pages), _CHUNK)]
    chunks = [_Chunk(_fingerprint(part, readers), part) for part in parts]
    begun: dict[str, StoredPageRow] = {}

    def names(chunk: _Chunk) -> list[str]:
        begun.update((_name(page), page) for page in chunk.pages)
        return [_name(page) for page in chunk.pages]

    def replies(names: Iterator[str]) -> Iterator[tuple[str, Message | Fault]]:
        jobs = (Job(name, begun[name].source, _job_data(begun[name], store.objects)) for name in names)
        with _pool(handle, readers, settings, len(pages)) as pool:
            for job, reply in pool.run(jobs):
                yield job.key, reply

    def add(chunk: _Chunk, name: str, reply: Message | Fault) -> None:
        page = begun.pop(name)
        chunk.read[name] = (page, *readers[page.source].receive(page, reply))
        progress.advance()

    def count(done: Done[_Chunk]) -> None:
        progress.advance(len(done.partition.pages) if done.resumed else 0)

    run_partitions(results, chunks, in_pool(results, names, replies, add, _tables), count)
    for chunk in chunks:
        found = stage.spool.get(chunk.name, chunk.name)
        if found is not None:
            yield _outcomes_of(found.pop("outcomes")), found


def _name(page: StoredPageRow) -> str:
    return f"{page.source} {page.url}"


_Read = tuple[StoredPageRow, PageOutcome, ProductRecord | None]


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Pages that are checkpointed together."""

    name: str
    pages: Sequence[StoredPageRow]
    read: dict[str, _Read] = field(default_factory=dict)
    """Name of a page -> the page as read."""

    @property
    def fingerprint(self) -> str:
        """The name, a digest of the pages and of their readers."""
        return self.name


def _fingerprint(chunk: Sequence[StoredPageRow], readers: Mapping[str, PageReader]) -> str:
    names = [(page.source, page.url, page.sha256, readers[page.source].version) for page in chunk]
    return hashlib.sha256(repr(names).encode()).hexdigest()


def _outcomes_of(table: pa.Table) -> dict[tuple[str, str], PageOutcome]:
    return {(row["source"], row["url"]): PageOutcome.from_json(row["outcome"]) for row in table.to_pylist()}


def read_lessons(
    pages: Sequence[StoredPageRow], readers: Mapping[str, PageReader], objects: Objects, settings: CrawlSettings
) -> Iterator[tuple[str, Mapping[str, Observation]]]:
    """Yield the source of each page and its observations of the template, in order of the pages.

    A page that exceeds its limits yields no observations.
    """
    found: dict[int, Mapping[str, Observation]] = {}
    following = 0
    jobs = (Job(str(n), page.source, _job_data(page, objects)) for n, page in enumerate(pages))
    with _pool(handle_lesson, readers, settings, len(pages)) as pool:
        for job, reply in pool.run(jobs):
            failed = isinstance(reply, Fault) or "fault" in reply.head
            found[int(job.key)] = {} if failed else lesson_of(reply)  # type: ignore[arg-type]  # no fault
            while following in found:
                yield pages[following].source, found.pop(following)
                following += 1


def _pool(
    task: Callable[[Mapping[str, PageOptions], str, bytes], Message],
    readers: Mapping[str, PageReader],
    settings: CrawlSettings,
    pages: int,
) -> ChildPool:
    """Return a pool of killable processes, sized for a number of pages."""
    processes = processes_for(settings.parse_workers, -(-pages // _PAGES_PER_PROCESS))
    limits = PoolLimits(settings.parse_timeout_s, settings.parse_memory_mb << 20, 2 * MAX_BYTES, _OUTPUT_BYTES)
    return ChildPool(partial(task, {name: reader.options for name, reader in readers.items()}), processes, limits)


def _job_data(page: StoredPageRow, objects: Objects) -> bytes:
    body = objects.read(page.sha256)[: MAX_BYTES + 1]  # longer pages are refused unread
    return job_data(page.url, page.headers, body)


def _tables(chunk: _Chunk) -> dict[str, pa.Table]:
    """Return the rows of a chunk and release its pages. A page whose record does not fit the tables is unreadable."""
    read = [chunk.read[_name(page)] for page in chunk.pages]
    chunk.read.clear()
    try:
        rows = record_tables((page, record) for page, _, record in read if record)
    except _WRONG_TYPES:
        read = [_checked(*one) for one in read]
        rows = record_tables((page, record) for page, _, record in read if record)
    outcomes = [{"source": page.source, "url": page.url, "outcome": outcome.to_json()} for page, outcome, _ in read]
    return {**rows, "outcomes": pa.Table.from_pylist(outcomes, schema=_OUTCOMES)}


_WRONG_TYPES = (pa.ArrowException, ArithmeticError, AttributeError, TypeError, ValueError)
"""Errors of a record whose values do not have their declared types, as a user's page object may return."""


def _checked(page: StoredPageRow, outcome: PageOutcome, record: ProductRecord | None) -> _Read:
    try:
        record_tables([(page, record)] if record else ())
    except _WRONG_TYPES as error:
        return page, unreadable(error), None
    return page, outcome, record
