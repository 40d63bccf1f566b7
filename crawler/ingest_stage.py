"""Stage ``ingest``: reads the products of one source from a feed instead of its pages.

The feed is the whole content of the source: products that it does not name are removed from the tables. The unit of
work is the row: ``read`` counts rows and ``kept`` products. Other sources do not change.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from core.contacts import hash_merchant, mask_lines
from core.engine import open_engine, side_by_side
from core.errors import FeedError, NotAuthorisedError, SettingsError, UsageError
from core.files import file_sha256
from core.modalities import feed_columns
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from core.urls import absolute
from crawler.feeds import FeedFormat, detect, open_feed
from crawler.feeds.cleaning import Part, add_functions, divide, open_part, rejects_sql, validate_rows
from crawler.feeds.files import check_file
from crawler.feeds.formats import companions, formats
from crawler.feeds.irregular import has_sale_dates
from crawler.feeds.redaction import drop_taken_down_media, taken_down_rows, write_hashes, write_masks
from crawler.feeds.tables import feed_tables, part_views
from crawler.records.tables import check_shrinkage
from crawler.settings import CrawlSettings, SourceSettings
from storage import Stage, Store
from storage.history import write_history
from storage.identity import load_or_create_key
from takedown.register import Register, open_register

__all__ = ["run"]


def run(
    store: Store,
    settings: CrawlSettings,
    feed: Path,
    *,
    source: str,
    form: str = "auto",
    allow_shrink: bool = False,
    clock: Clock = utc_now,
    progress: Progress | None = None,
) -> StageReport:
    """Replace the products, specifications and media of a source with those of a feed.

    Rows of tables that modalities declare with a feed column are replaced, too.

    Args:
        store: Storage of the workspace.
        settings: The sources, and which of them are authorised.
        feed: The file.
        source: Name of the source.
        form: One of ``crawler.feeds.formats.formats()``, or ``auto``.
        allow_shrink: Whether more products may be removed than ``max_shrink`` of the settings.
        clock: Source of times.
        progress: Receives the number of rows.

    Raises:
        SettingsError: The source is not in the settings.
        NotAuthorisedError: The settings do not allow collecting data of the source.
        UsageError: ``form`` is unknown.
        FeedError: The file cannot be read, or no row is a product. Nothing is written.
        DataError: The source would lose too many products. Nothing is written.
    """
    _check_source(settings, source)
    chosen = _choose(feed, form)
    name = f"ingest-{source}"
    more = [spec.name for _, spec in feed_columns()]
    today = [clock().date().isoformat()] if has_sale_dates(feed) else []
    base = _base(settings.sources[source])
    files = (file_sha256(one) for one in (feed, *companions(feed, chosen)))
    extra = " ".join((chosen, feed.name, base, *files, *today, *more))
    with store.stage(name, settings="", reads=("products", "specs", *more), extra=extra) as stage:
        if stage.unchanged:
            return stage.report_unchanged()
        sink = progress or SilentProgress()
        sink.start("ingest", None)
        try:
            most = 1.0 if allow_shrink else settings.max_shrink
            report = _Ingest(stage, store, feed, chosen, base, source, most, clock).run()
            sink.advance(report.read)
        finally:
            sink.finish()
        return stage.commit(report)


@dataclass(frozen=True, slots=True)
class _Ingest:
    """The ingestion of one feed."""

    stage: Stage
    store: Store
    feed: Path
    form: FeedFormat
    base: str
    source: str
    max_removed: float
    clock: Clock

    def run(self) -> StageReport:
        """Write the tables and return the report."""
        try:
            return self._write(checked=False)
        except duckdb.InvalidInputException as error:
            if self.form != "parquet" or "UTF8" not in str(error):
                raise
            shutil.rmtree(self.stage.scratch / "feed", ignore_errors=True)
            return self._write(checked=True)

    def _write(self, *, checked: bool) -> StageReport:
        started = self.clock()
        with closing(self.stage.before.connection(("products",))) as connection:
            _prepare(connection, self.source, started)
            register = open_register(self.store)
            with self._naming_the_feed():
                counts = self._validate(connection, register, started, checked=checked)
                parts = divide(connection, self.stage.scratch / "feed", counts[""], self.stage.before.record.buckets)
            side_by_side(lambda part: self._write_part(part, register, started), parts)
            write_history(self.stage, started)
            rejected = connection.sql(rejects_sql(self.stage.name, self.feed.name))
            self.stage.write("rejects", rejected, only=self.stage.name)
            left_out = dict(connection.execute(_LEFT_OUT).fetchall())
        dropped = {reason: count for reason, count in sorted(counts.items()) if reason}
        seconds = (self.clock() - started).total_seconds()
        return StageReport(self.stage.name, counts.total(), counts[""], dropped, seconds, left_out=left_out)

    def _write_part(self, part: Part, register: Register, started: datetime) -> None:
        with closing(open_engine()) as connection:
            _prepare(connection, self.source, started)
            open_part(connection, part)
            _write_tables(self.stage, connection, part.buckets, register, f"{self.source}:")

    def _validate(
        self, connection: duckdb.DuckDBPyConnection, register: Register, now: datetime, *, checked: bool
    ) -> Counter[str]:
        """Create the relations of accepted and of rejected items and return their counts by reason."""
        open_feed(connection, self.feed, self.form, base=self.base, checked=checked)
        key = load_or_create_key(self.store.root)
        validate_rows(connection, now, taken_down_rows(connection, register, key))
        counts = _count(connection)
        if not counts[""]:
            raise FeedError(_nothing_readable(connection, self.feed, self.form))
        check_shrinkage(self.source, *_removed(connection), self.max_removed)
        write_hashes(connection, lambda name: hash_merchant(name, key))
        return counts

    @contextmanager
    def _naming_the_feed(self) -> Iterator[None]:
        """Raise DuckDB's errors about the feed as ``FeedError``; others are about the workspace."""
        try:
            yield
        except duckdb.Error as error:
            if str(self.feed) not in str(error) or "UTF8" in str(error):
                raise
            raise FeedError(f"{self.feed}: the file cannot be read: {str(error).splitlines()[0]}") from error


_LEFT_OUT = "SELECT reason, count(*) FROM left_out GROUP BY reason ORDER BY reason"


def _removed(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Return how many products the source has, and how many of them the feed no longer names."""
    query = """
        SELECT count(*), count(*) FILTER (feed.id IS NULL) FROM products
        LEFT JOIN (SELECT DISTINCT fold(id) AS id FROM good) AS feed ON feed.id = native_id
        WHERE source = getvariable('source')
    """
    [(before, removed)] = connection.execute(query).fetchall()
    return before, removed


def _write_tables(
    stage: Stage, connection: duckdb.DuckDBPyConnection, buckets: tuple[int, ...], register: Register, prefix: str
) -> None:
    """Write some buckets of each table from the view ``part_rows``."""
    tables = feed_tables()
    for table in tables:
        connection.execute(stage.before.view(f"before_{table}", table, only=buckets))
    for view in part_views():
        connection.execute(view)
    drop_taken_down_media(connection, register)
    write_masks(connection, mask_lines)
    for table, query in tables.items():
        stage.write(table, connection.sql(query), only=buckets, within=[prefix])


def _prepare(connection: duckdb.DuckDBPyConnection, source: str, now: datetime) -> None:
    connection.execute("SET VARIABLE source = $source", {"source": source})
    connection.execute("SET VARIABLE now = $now::TIMESTAMPTZ", {"now": now})
    add_functions(connection)


def _count(connection: duckdb.DuckDBPyConnection) -> Counter[str]:
    """Return reason -> number of rows; "" for accepted rows."""
    query = "SELECT coalesce(reason, ''), count(*) FROM feed LEFT JOIN rejected USING (item) GROUP BY ALL"
    return Counter(dict(connection.execute(query).fetchall()))


def _nothing_readable(connection: duckdb.DuckDBPyConnection, feed: Path, form: FeedFormat) -> str:
    first = connection.execute("SELECT item, detail FROM rejected ORDER BY item LIMIT 1").fetchone()
    if first is None:
        return f"{feed}: the feed has no rows. Nothing was changed; check how it was made."
    item, detail = first
    return (
        f"{feed}:{item}: {detail}. No row is a product. "
        f"Check that the format is {form} and that the fields are those of a feed row."
    )


def _check_source(settings: CrawlSettings, source: str) -> None:
    if source not in settings.sources:
        known = ", ".join(sorted(settings.sources)) or "none"
        raise SettingsError(f"m5data.toml has no source {source!r} (sources: {known}). Add it, or name one of them.")
    if not settings.sources[source].crawl_authorised:
        raise NotAuthorisedError(
            f"m5data.toml: sources.{source}.crawl_authorised must be true before its feed can be used. "
            "Ask the owner of the feed, then set it."
        )


def _base(source: SourceSettings) -> str:
    """Return the URL that pages and files stand under which a feed names by path; "" if none is known."""
    home = absolute(source.start[0], "/") if source.start else None
    base = source.feed_base or home or ""
    return base if not base or base.endswith("/") else f"{base}/"


def _choose(feed: Path, form: str) -> FeedFormat:
    if form == "auto":
        check_file(feed)
        return detect(feed)
    if form not in formats():
        raise UsageError(f"--format {form} is unknown. Use auto, {', '.join(formats())}.")
    check_file(feed)
    return form
