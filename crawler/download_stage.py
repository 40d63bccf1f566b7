"""Stage ``download``: downloads every media URL of the dataset once and records its outcome.

Reads the URLs of ``media``, writes ``media`` with their outcomes. Counts distinct URLs: ``read`` all,
``kept`` those that are ok.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from typing import cast

import duckdb
import pyarrow as pa

from core.engine import open_engine
from core.errors import MissingInputError, ThresholdError
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from crawler.failures import explain_failures
from crawler.media.chunks import add_finished, download_chunks
from crawler.media.downloader import download_all
from crawler.media.queue import DownloadRun, UrlQueue, make_queue
from crawler.settings import OPT_OUTS, DownloadSettings
from storage import Snapshot, Stage, Store
from storage.tables import TABLES
from storage.tasks import Runner
from takedown.register import Register, open_register

__all__ = ["run"]

_STAGE = "download"
_PORT = re.compile(r":\d+$")
_BATCH = 4_000
_SLOWER = "lower download.requests_per_second and download.per_host"
_RETRY = "run m5data download --retry-failed"

_MEDIA = """
    SELECT m.product_id, m.kind, m.position, m.url,
        if(fits, o.state, 'dropped') AS state,
        CASE WHEN fits THEN o.reason WHEN shared THEN m.reason ELSE 'wrong_type' END AS reason,
        coalesce(o.attempts, m.attempts) AS attempts, o.http_status,
        if(fits, o.sha256, NULL) AS sha256, if(fits, o.bytes, NULL) AS bytes,
        if(fits, o.mime, NULL) AS mime, if(fits, o.width, NULL) AS width,
        if(fits, o.height, NULL) AS height, if(fits, o.duration_s, NULL) AS duration_s,
        o.etag, o.last_modified
    FROM (SELECT part.*, o, coalesce(part.reason = 'placeholder', false) AS shared,
            NOT shared AND (o.state <> 'ok' OR o.kind = part.kind) AS fits
        FROM part LEFT JOIN outcomes AS o USING (url)) AS m
    ORDER BY m.product_id, m.kind, m.position
"""
"""A URL that pages name both as image and as video counts only as its actual kind; a placeholder stays dropped."""

_SHOWN = "SELECT product_id, url, kind FROM media WHERE reason IS DISTINCT FROM 'placeholder'"
"""The files that are downloaded: a placeholder stands for a missing image and shows no product."""

_NO_PAGES = "CREATE VIEW pages AS SELECT NULL AS product_id, NULL AS url WHERE false"


def run(  # noqa: PLR0913 - the options of one command
    store: Store,
    settings: DownloadSettings,
    *,
    user_agent: str = "m5data",
    local_hosts: Collection[str] = frozenset(),
    opt_outs: Collection[str] = OPT_OUTS,
    retry_failed: bool = False,
    refresh: bool = False,
    bandwidth_mbit: float | None = None,
    clock: Clock = utc_now,
    progress: Progress | None = None,
    runner: Runner | None = None,
) -> StageReport:
    """Download every URL without an outcome, then write all outcomes to ``media``.

    Args:
        store: the workspace.
        settings: limits and politeness.
        user_agent: sent with every request; the name before ``/`` is the agent that opt-outs address.
        local_hosts: ``host:port`` of the sources marked local; without a port, those of http and https.
        opt_outs: directives of a response's headers that keep a file out (``crawl.opt_outs``).
        retry_failed: try failed URLs again, but not dropped ones.
        refresh: repeat, conditionally, requests for files that are ok and have an ETag or a Last-Modified.
        bandwidth_mbit: most megabits per second, on average, over all hosts; None: no limit.
        clock: source of times.
        progress: advanced by every URL.
        runner: runs chunks of URLs elsewhere; None: they are downloaded here.

    Raises:
        MissingInputError: no stage has written ``media``.
        ThresholdError: fewer than ``settings.min_success`` are ok, or stored files were to be requested again and
            no server answered; everything downloaded is kept nevertheless.
    """
    this_run = DownloadRun(settings, user_agent, _with_ports(local_hosts), frozenset(opt_outs), bandwidth_mbit)
    honoured = [] if this_run.opt_outs == set(OPT_OUTS) else ["opt-outs:", *sorted(this_run.opt_outs)]
    extra = " ".join([*sorted(this_run.local_hosts), *honoured])
    with store.stage(_STAGE, settings=settings.digest(), reads=("media",), extra=extra) as stage:
        if stage.unchanged and not (retry_failed or refresh):
            report = stage.report_unchanged()
        elif "media" not in stage.before.tables:
            _check_products(stage.before)
            return stage.commit(StageReport(_STAGE, 0, 0))  # products from feeds without media
        else:
            last = stage.before.stages.get(_STAGE)
            is_same = last is not None and (last.settings, last.extra) == (settings.digest(), extra)
            shown, again = progress or SilentProgress(), (retry_failed, refresh)
            report = _work(store, stage, this_run, again, clock, shown, runner, is_same=is_same)
    _check_success(report, settings)
    return report


def _work(
    store: Store,
    stage: Stage,
    run: DownloadRun,
    again: tuple[bool, bool],
    clock: Clock,
    progress: Progress,
    runner: Runner | None,
    *,
    is_same: bool,
) -> StageReport:
    """Download the URLs without an outcome, and commit all; ``again``: also those that failed, those that are ok."""
    started, (retry_failed, refresh) = clock(), again
    with _open_queue(store, stage, run, is_same=is_same) as queue:
        if retry_failed:
            queue.forget_failures(started.timestamp())
        queue.enlist(_read_wanted(stage.before, open_register(store)))
        if refresh:
            queue.mark_stale()
        before = queue.count_kept()
        if runner is None:
            download_all(store, queue, run, clock, progress)
        else:
            download_chunks(stage, store, queue, run, progress, runner)
        after, counts = queue.count_kept(), queue.counts()
        notes = explain_failures(queue.answers(), slower=_SLOWER, retry=_RETRY)
        _publish(stage, queue)
    report = stage.commit(_report(counts, (clock() - started).total_seconds(), notes))
    _check_answered(before[0], after[1] - before[1])
    return report


@contextmanager
def _open_queue(store: Store, stage: Stage, run: DownloadRun, *, is_same: bool) -> Iterator[UrlQueue]:
    """Yield the queue of URLs, with the outcomes that finished tasks of a killed run left.

    Args:
        store: The workspace.
        stage: The stage that runs.
        run: This run.
        is_same: Whether the stage's last run had the same settings, so that its outcomes count as those of ``run``.
    """
    make_queue(store, stage.before, run if is_same else None)
    store.downloads.set_mark(stage.before.record.number + 1)
    with closing(store.downloads.connect(threads=True)) as connection:
        queue = UrlQueue(connection, run)
        add_finished(stage, store, queue)
        yield queue


def _check_products(snapshot: Snapshot) -> None:
    if "products" not in snapshot.tables:
        raise MissingInputError("download: the workspace has no products. Run m5data crawl or m5data ingest first.")


def _with_ports(hosts: Collection[str]) -> frozenset[str]:
    """Return hosts as ``host:port`` in lower case; an IPv6 address must be in brackets."""
    whole = (host.lower() for host in hosts)
    return frozenset(
        full for host in whole for full in ([host] if _PORT.search(host) else [f"{host}:80", f"{host}:443"])
    )


def _report(counts: Counter[str], seconds: float, notes: tuple[str, ...]) -> StageReport:
    dropped = {reason: count for reason, count in sorted(counts.items()) if reason}
    return StageReport(_STAGE, counts.total(), counts[""], dropped, seconds, notes=notes)


def _check_answered(again: int, silent: int) -> None:
    """Refuse a run in which stored files were requested again and no server answered for any of them."""
    if again and silent == again:
        raise ThresholdError(
            f"download: no server answered for any of the {again:,} stored files that were requested again; "
            "they stay. Check the network and that the shop is up, then run the same command again."
        )


def _check_success(report: StageReport, settings: DownloadSettings) -> None:
    if report.success < settings.min_success:
        worst = ", ".join(f"{reason} {count}" for reason, count in report.dropped.items())
        raise ThresholdError(
            f"download: {report.success:.1%} of {report.read} URLs are ok, fewer than download.min_success = "
            f"{settings.min_success:.1%} ({worst}). Look at the rejects, then run m5data download --retry-failed."
        )


def _read_wanted(snapshot: Snapshot, register: Register) -> Iterator[tuple[str, str, str]]:
    """Yield URL, kind and page of every media file that a product names, except those that were taken down."""
    query = f"""SELECT m.url, min(kind), coalesce(min(p.url), '')
        FROM ({_SHOWN}) m LEFT JOIN pages p USING (product_id)
        WHERE NOT {register.sql("url", "m.url")} GROUP BY m.url ORDER BY m.url"""  # noqa: S608
    for bucket, engine in _by_bucket(snapshot):
        has_pages = "products" in snapshot.tables
        engine.execute(snapshot.view("pages", "products", only=[bucket]) if has_pages else _NO_PAGES)
        found = engine.execute(query)
        while rows := found.fetchmany(_BATCH):
            yield from rows
        engine.execute("DROP VIEW pages")


def _publish(stage: Stage, queue: UrlQueue) -> None:
    """Write ``media`` with the outcomes of its URLs, and the stage's rejects."""
    schema = TABLES["media"].schema
    for bucket, engine in _by_bucket(stage.before):
        rows = pa.RecordBatchReader.from_batches(schema, _with_outcomes(engine, queue, schema))
        stage.write("media", rows, only=[bucket])
    stage.reject(queue.rejects())


def _with_outcomes(engine: duckdb.DuckDBPyConnection, queue: UrlQueue, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the rows of ``media`` with the outcomes of their URLs, sorted by key."""
    with closing(engine.cursor()) as reader:
        for batch in reader.sql("FROM media").to_arrow_reader(_BATCH):
            part = pa.Table.from_batches([batch])
            engine.register("part", part)
            engine.register("outcomes", queue.outcomes(part["url"].to_pylist()))
            yield from engine.sql(_MEDIA).to_arrow_table().cast(schema).to_batches()


def _by_bucket(snapshot: Snapshot) -> Iterator[tuple[int, duckdb.DuckDBPyConnection]]:
    """Yield each bucket of ``media``, and DuckDB with a view ``media`` of its rows, sorted by key."""
    keys = ", ".join(TABLES["media"].key)
    with closing(open_engine()) as engine:
        for bucket, files in snapshot.by_partition("media").items():
            engine.execute(snapshot.view("bucket", "media", only=[bucket]))
            order = f"ORDER BY {keys}" if len(files) > 1 else ""
            engine.execute(f"CREATE VIEW media AS FROM bucket {order}")
            yield cast("int", bucket), engine
            engine.execute("DROP VIEW media; DROP VIEW bucket")
