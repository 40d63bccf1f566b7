"""Stage ``ingest``: takes the products of one source from a feed instead of its pages.

The feed is the whole content of the source: products that it does not name are removed from the tables. The unit of
work is the row: ``read`` counts rows and ``kept`` products. Other sources do not change.
"""

from collections import Counter
from contextlib import closing
from datetime import datetime
from pathlib import Path

import duckdb

from crawler.feeds import FeedFormat, detect, open_feed
from crawler.feeds.cleaning import MACROS, divide, open_part
from crawler.feeds.formats import FORMATS, check_file
from crawler.feeds.redaction import drop_taken_down_media, taken_down_rows, write_hashes, write_masks
from crawler.feeds.tables import feed_tables, part_views
from crawler.feeds.validation import read_rejects, validate_rows
from crawler.pages.privacy import hash_merchant, mask_contacts
from crawler.settings import CrawlSettings
from m5data.errors import FeedError, NotAuthorisedError, SettingsError, UsageError
from m5data.modalities import feed_columns
from m5data.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Stage, Store
from storage.files import file_sha256
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
    clock: Clock = utc_now,
    progress: Progress | None = None,
) -> StageReport:
    """Replace the products, specifications and media of a source by those of a feed.

    So are the rows of tables that modalities declare with a column of feeds.

    Args:
        store: Storage of the workspace.
        settings: The sources, and which of them are authorised.
        feed: The file.
        source: Name of the source.
        form: One of ``crawler.feeds.formats.FORMATS``, or ``auto``.
        clock: Source of times.
        progress: Receives the number of rows.

    Raises:
        SettingsError: The source is not in the settings.
        NotAuthorisedError: The settings do not allow collecting data of the source.
        UsageError: ``form`` is unknown.
        FeedError: The file cannot be read, or no row is a product. Nothing is written.
    """
    _check_source(settings, source)
    chosen = _choose(feed, form)
    name = f"ingest-{source}"
    more = [spec.name for _, spec in feed_columns()]
    extra = " ".join((chosen, feed.name, file_sha256(feed), *more))
    with store.stage(name, settings="", reads=("products", "specs", *more), extra=extra) as stage:
        if stage.unchanged:
            return stage.report_unchanged()
        sink = progress or SilentProgress()
        sink.start("ingest", None)
        try:
            report = _ingest(stage, store, feed, chosen, source, clock)
            sink.advance(report.read)
        finally:
            sink.finish()
        return stage.commit(report)


def _ingest(stage: Stage, store: Store, feed: Path, form: FeedFormat, source: str, clock: Clock) -> StageReport:
    started = clock()
    with closing(stage.before.connection()) as connection:
        _prepare(connection, source, started)
        open_feed(connection, feed, form)
        key, register = load_or_create_key(store.root), open_register(store)
        validate_rows(connection, taken_down_rows(connection, register, key))
        counts = _count(connection)
        if counts and not counts[""]:
            raise FeedError(_nothing_readable(connection, feed, form))
        write_hashes(connection, lambda name: hash_merchant(name, key))
        buckets = stage.before.record.buckets
        for part in divide(connection, stage.scratch / "feed", counts[""], buckets):
            open_part(connection, part)
            _write_part(stage, connection, part.buckets, register)
        stage.reject(read_rejects(connection, feed.name))
    dropped = {reason: count for reason, count in sorted(counts.items()) if reason}
    seconds = (clock() - started).total_seconds()
    return StageReport(f"ingest-{source}", counts.total(), counts[""], dropped, seconds)


def _write_part(
    stage: Stage, connection: duckdb.DuckDBPyConnection, buckets: tuple[int, ...], register: Register
) -> None:
    """Write some buckets of each table from the view ``part_rows``."""
    tables = feed_tables()
    for table in tables:
        connection.execute(f"DROP VIEW IF EXISTS before_{table}")
        connection.execute(stage.before.view(f"before_{table}", table, only=buckets))
    for view in part_views():
        connection.execute(view)
    drop_taken_down_media(connection, register)
    write_masks(connection, mask_contacts)
    for table, query in tables.items():
        stage.write(table, connection.sql(query), only=buckets)


def _prepare(connection: duckdb.DuckDBPyConnection, source: str, now: datetime) -> None:
    connection.execute("SET VARIABLE source = $source", {"source": source})
    connection.execute("SET VARIABLE now = $now::TIMESTAMPTZ", {"now": now})
    for macro in MACROS:
        connection.execute(macro)


def _count(connection: duckdb.DuckDBPyConnection) -> Counter[str]:
    """Return reason -> number of rows; "" for accepted rows."""
    query = "SELECT coalesce(reason, ''), count(*) FROM feed LEFT JOIN rejected USING (line) GROUP BY ALL"
    return Counter(dict(connection.execute(query).fetchall()))


def _nothing_readable(connection: duckdb.DuckDBPyConnection, feed: Path, form: FeedFormat) -> str:
    first = connection.execute("SELECT line, detail FROM rejected ORDER BY line LIMIT 1").fetchone()
    line, detail = first or (1, "")
    return (
        f"{feed}:{line}: {detail}. No row is a product. "
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


def _choose(feed: Path, form: str) -> FeedFormat:
    if form == "auto":
        check_file(feed)
        return detect(feed)
    chosen = next((name for name in FORMATS if name == form), None)
    if chosen is None:
        raise UsageError(f"--format {form} is unknown. Use auto, {', '.join(FORMATS)}.")
    check_file(feed)
    return chosen
