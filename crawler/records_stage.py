"""Stage ``records``: makes product records from the pages that the crawl stored."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import closing
from itertools import groupby
from operator import itemgetter

from core.errors import DataError
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from crawler.crawl.frontier import each_frontier
from crawler.crawl.nothing_kept import explain_no_products
from crawler.crawl.stored_pages import (
    StoredPageRow,
    dead_canonicals,
    pages_digest,
    remember_outcomes,
    site_files,
    stored_pages,
)
from crawler.records.choice import ChosenPages, choose_products
from crawler.records.losses import loss_notes, pages_left_out
from crawler.records.page_outcome import PageOutcome
from crawler.records.page_reader import PageReader, read_lessons, read_pages
from crawler.records.tables import RecordFiles, check_shrinkage, known_products, write_records
from crawler.records.templates import known_template, remember_template, sample_of, samples_digest, teach
from crawler.records.usage_rights import HostFiles, write_usage_rights
from crawler.settings import CrawlSettings
from crawler.tombstoned_pages import drop_tombstoned_pages
from storage import Stage, Store
from storage.history import write_history
from storage.identity import load_or_create_key
from takedown.register import Register, open_register

__all__ = ["run"]

_SILENT = SilentProgress()
_FEW = 9
"""Products that a source may always lose in one run."""
_Readers = dict[str, PageReader]
_Outcomes = dict[tuple[str, str], PageOutcome]
"""Source and URL -> outcome."""


def run(
    store: Store,
    settings: CrawlSettings,
    *,
    allow_shrink: bool = False,
    clock: Clock = utc_now,
    progress: Progress = _SILENT,
) -> StageReport:
    """Write ``products``, ``specs``, ``media`` (pending), ``history`` and ``usage_rights`` from the stored pages.

    A page is read again only if its bytes or its reader changed. Products from feeds stay. A product is removed if its
    page is gone (404, 410), and stays unchanged if its page failed otherwise.

    ``read`` counts all stored pages: each becomes a product or a reject. Reasons: ``listing`` and ``other`` (pages that
    show no product and need not); ``not_a_product`` (a page that matches the ``product_urls`` of a source or, without
    those, that a sitemap lists); ``outside_product_urls`` (a product that matches none); ``soft_404``, ``no_content``,
    ``opt_out``, ``duplicate_url``, ``no_native_id``;
    ``timeout``, ``memory``, ``crashed`` and ``output_limit`` (reading the page was stopped), ``unreadable``, and those
    of :class:`core.errors.PageError`.

    Args:
        store: Storage of the workspace.
        settings: The sources with their page objects.
        allow_shrink: Whether more of a source may be removed than ``max_shrink`` of the settings.
        clock: Source of the time of changes, and of dropping the pages of taken-down items. Records have the time of
            their page.
        progress: Advances with every page read.

    Raises:
        SettingsError: A page object cannot be loaded.
        CorruptObjectError: A stored page is damaged.
        DataError: No page of a source shows a product; the other sources' products are kept. Or too many products of
            a source would be removed; then nothing is written.
    """
    began = time.monotonic()
    with store.lock():
        pages = list(stored_pages(store))
        register = open_register(store)
        readers = _readers_of(store, settings, pages, register)
        digest = _digest(settings, readers)
        left_out = pages_left_out(store)
        with store.stage("records", settings=digest, extra=pages_digest(store, left_out)) as stage:
            if stage.unchanged:
                return stage.report_unchanged()
            if not pages and "products" in stage.before.tables and "records" not in stage.before.stages:
                return stage.commit(StageReport("records", 0, 0))  # all products are from feeds
            # Templates follow from the pages and the readers, so the digests already cover them.
            readers |= _with_templates(store, pages, readers, settings)
            most = 1.0 if allow_shrink else settings.max_shrink
            choice, read = _write(stage, store, pages, readers, settings, most, progress)
            now = clock()
            write_history(stage, now)
            write_usage_rights(stage, choice, HostFiles(site_files(store), settings.user_agent), store)
            late = [page for page in pages if _kind(page, read) == "taken_down"]
            drop_tombstoned_pages(store, register, late, now)
            report = stage.commit(_report(choice, loss_notes(left_out, choice, settings), began))
            remember_outcomes(store, _changed_outcomes(pages, readers, {**read, **choice.outcomes}))
            progress.finish()
            _check_products(store, settings, choice)
            return report


def _readers_of(store: Store, settings: CrawlSettings, pages: Iterable[StoredPageRow], register: Register) -> _Readers:
    key = load_or_create_key(store.root)
    names = sorted({page.source for page in pages})
    return {name: PageReader.of(settings, name, key, register, store.root) for name in names}


def _with_templates(store: Store, pages: list[StoredPageRow], readers: _Readers, settings: CrawlSettings) -> _Readers:
    """Return the readers of sources that have a template, which is relearned if its sample pages changed."""
    samples = sample_of(pages)
    digests = {name: samples_digest(sample, readers[name].version) for name, sample in samples.items()}
    missing = [name for name, digest in digests.items() if known_template(store, name, digest) is None]
    lessons = read_lessons([page for name in missing for page in samples[name]], readers, store.objects, settings)
    for name, several in groupby(lessons, key=itemgetter(0)):
        remember_template(store, name, digests[name], teach(lesson for _, lesson in several))
    return {name: readers[name].with_template(known_template(store, name) or ()) for name in samples}


def _kind(page: StoredPageRow, read: _Outcomes) -> str | None:
    outcome = read.get((page.source, page.url)) or page.outcome
    return outcome.kind if outcome else None


def _check_products(store: Store, settings: CrawlSettings, choice: ChosenPages) -> None:
    """Raise if a source has pages but no product.

    Raises:
        DataError: A source has none.
    """
    with_products = {one.page.source for one in choice.products.values()}
    said = []
    for name, connection in each_frontier(store):
        source = settings.sources.get(name)
        if source and source.start and name not in with_products:
            said.append(explain_no_products(connection, name, source))
    if messages := [message for message in said if message]:
        raise DataError(" ".join(messages))


def _write(
    stage: Stage,
    store: Store,
    pages: list[StoredPageRow],
    readers: _Readers,
    settings: CrawlSettings,
    max_removed: float,
    progress: Progress,
) -> tuple[ChosenPages, _Outcomes]:
    """Read the pages that changed, or whose reader did, choose among all pages, and write the tables and rejects.

    Returns:
        The choice, and the outcomes of the pages read.
    """
    stale = [page for page in pages if page.outcome is None or page.parser != readers[page.source].version]
    progress.start("records", len(stale))
    read: _Outcomes = {}
    with closing(RecordFiles(stage.scratch / "records")) as rows:
        for outcomes, found in read_pages(stale, readers, store, stage, settings, progress):
            read.update(outcomes)
            rows.add(found)
        remembered = {(p.source, p.url): p.outcome for p in pages if p.outcome}
        choice = choose_products(pages, {**remembered, **read}, settings, dead_canonicals(store))
        known = known_products(stage.before)
        _check_removed(choice, {product for product, _ in known}, max_removed)
        lost = _without_rows(choice, known, read)
        for _, found in read_pages(lost, readers, store, stage, settings, progress):
            rows.add(found)
    write_records(stage, choice, rows)
    stage.reject(choice.rejects)
    return choice, read


def _check_removed(choice: ChosenPages, known: AbstractSet[str], most: float) -> None:
    """Raise if a source would lose many of its products: more likely its site is failing than it stopped selling them.

    Raises:
        DataError: It would lose more than the share ``most``, and more than a few.
    """
    before = Counter(product.partition(":")[0] for product in known)
    removed = Counter(product.partition(":")[0] for product in known - choice.products.keys())
    for source, count in sorted(removed.items()):
        if count > _FEW:
            check_shrinkage(source, before[source], count, most)


def _changed_outcomes(
    pages: Iterable[StoredPageRow], readers: _Readers, outcomes: _Outcomes
) -> Iterator[tuple[StoredPageRow, str, PageOutcome]]:
    """Yield the pages whose outcome or parser differs from the remembered one."""
    for page in pages:
        version, outcome = readers[page.source].version, outcomes.get((page.source, page.url))
        if outcome is not None and (page.parser, page.outcome) != (version, outcome):
            yield page, version, outcome


def _report(choice: ChosenPages, notes: tuple[str, ...], began: float) -> StageReport:
    dropped = Counter(reject.reason for reject in choice.rejects)
    kept = len(choice.products)
    seconds = time.monotonic() - began
    counts = dict(sorted(dropped.items()))
    return StageReport("records", kept + dropped.total(), kept, counts, seconds, notes=notes)


def _without_rows(choice: ChosenPages, known: set[tuple[str, str]], read: _Outcomes) -> list[StoredPageRow]:
    """Return chosen pages whose rows are neither in the tables nor just read: another page was chosen before."""
    return [
        one.page
        for name, one in choice.products.items()
        if (one.page.source, one.page.url) not in read and (name, one.page.sha256) not in known
    ]


def _digest(settings: CrawlSettings, readers: _Readers) -> str:
    """Return a hash of the settings that the records depend on."""
    parts = [
        (name, reader.version, settings.sources[name].product_urls if name in settings.sources else ())
        for name, reader in readers.items()
    ]
    return hashlib.sha256(repr((parts, settings.min_kept_share)).encode()).hexdigest()[:16]
