"""Invalidation of a stage's work, for all or some products, so that its next run repeats it."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

import duckdb

from core.engine import bucket_sql, text
from core.errors import UsageError
from core.stage import StageReport
from crawler.pending_work import forget_fetched, forget_read
from crawler.pending_work import forget_media as forget_outcomes
from storage import Stage
from workspace import Workspace
from workspace.stages import STAGES, resolve

__all__ = [
    "Selection",
    "forget_extracted",
    "forget_fetched_pages",
    "forget_media",
    "forget_read_pages",
    "forget_run",
    "invalidate",
]


@dataclass(frozen=True, slots=True)
class Selection:
    """Products whose work is repeated; by default all."""

    source: str | None = None
    products: tuple[str, ...] = ()
    partition: int | None = None
    """Bucket of the products' ids."""

    @property
    def is_all(self) -> bool:
        """Whether all products are selected."""
        return self.source is None and not self.products and self.partition is None


def invalidate(workspace: Workspace, stage: str, selection: Selection, *, dry_run: bool = False) -> int:
    """Forget a stage's results for the selection, so that its next run recomputes them.

    Args:
        workspace: The workspace, at its newest version.
        stage: A stage of the registry that can be redone.
        selection: Products whose work is repeated.
        dry_run: Only count.

    Returns:
        Number of items: pages (crawl, records), media (download), stored objects (extract); for any other
        stage, which processes all products at once, the items of its last run.

    Raises:
        UsageError: There is no such stage, product, source or partition; or the stage cannot be redone in part.
        WorkspaceError: Another run holds the workspace.
    """
    redo = STAGES[stage].redo if stage in STAGES else None
    if redo is None:
        known = ", ".join(name for name, spec in STAGES.items() if spec.redo is not None)
        raise UsageError(f"redo --stage: {stage!r} cannot be redone; name one of {known}")
    with workspace.store.lock():
        count: int = resolve(redo)(workspace, stage, selection, dry_run=dry_run)
    return count


def forget_fetched_pages(workspace: Workspace, stage: str, selection: Selection, *, dry_run: bool) -> int:
    """Forget when pages were fetched: all are fetched again, in full."""
    del stage
    return sum(
        forget_fetched(workspace.store, selection.source, products, dry_run=dry_run)
        for products in _pages_of(workspace, selection)
    )


def forget_read_pages(workspace: Workspace, stage: str, selection: Selection, *, dry_run: bool) -> int:
    """Forget the records of stored pages: the pages are read again, not fetched."""
    count = sum(
        forget_read(workspace.store, selection.source, products, dry_run=dry_run)
        for products in _pages_of(workspace, selection)
    )
    _forget_commit(workspace, stage, count, dry_run=dry_run)
    return count


def forget_media(workspace: Workspace, stage: str, selection: Selection, *, dry_run: bool) -> int:
    """Forget the outcomes of media URLs: they are fetched again, and a stored file stays until another replaces it."""
    query = f"SELECT DISTINCT url FROM media WHERE product_id IN ({_chosen(workspace, selection)})"  # noqa: S608
    count = sum(forget_outcomes(workspace.store, urls, dry_run=dry_run) for urls in _values(workspace, query))
    if not dry_run:
        workspace.store.clear_spools()  # a killed run's outcomes would be added again
    _forget_commit(workspace, stage, count, dry_run=dry_run)
    return count


def forget_extracted(workspace: Workspace, stage: str, selection: Selection, *, dry_run: bool) -> int:
    """Forget frames, audio and image measures: the stored media are decoded again."""
    objects = (
        "SELECT DISTINCT sha256 FROM media WHERE state = 'ok' AND sha256 IS NOT NULL "  # noqa: S608
        f"AND product_id IN ({_chosen(workspace, selection)})"
    )
    count = int(workspace.sql(f"SELECT count(*) AS n FROM ({objects})")["n"][0].as_py())  # noqa: S608
    if selection.is_all:
        _forget_commit(workspace, stage, count, dry_run=dry_run)
    elif count and not dry_run:
        with (
            workspace.store.stage("redo", settings="") as redo,
            closing(redo.before.connection(("products", "media", "rejects", *_RESULTS))) as connection,
        ):
            connection.execute(f"CREATE TEMP TABLE again AS {objects}")
            _drop_results(redo, connection)
            redo.commit(StageReport("redo", count, count))
    return count


def forget_run(workspace: Workspace, stage: str, selection: Selection, *, dry_run: bool) -> int:
    """Forget that the stage ran: it does all its work again.

    Raises:
        UsageError: Only some products were selected.
    """
    if not selection.is_all:
        raise UsageError(
            f"redo --stage {stage}: it looks at all products at once; leave --source, --product and --partition out"
        )
    last = workspace.snapshot.stages.get(stage)
    count = last.report.read if last else 0
    _forget_commit(workspace, stage, count, dry_run=dry_run)
    return count


_RESULTS = {
    "frames": "SELECT * FROM frames WHERE video_sha256 NOT IN (SELECT sha256 FROM again)",
    "audio": "SELECT * FROM audio WHERE video_sha256 NOT IN (SELECT sha256 FROM again)",
    "images": "SELECT * FROM images WHERE sha256 NOT IN (SELECT sha256 FROM again)",
}
_REJECTS = "SELECT * FROM rejects WHERE stage = 'extract' AND item NOT IN (SELECT sha256 FROM again)"


def _drop_results(redo: Stage, connection: duckdb.DuckDBPyConnection) -> None:
    """Write extraction's tables without the results of objects in ``again``; touching media makes extraction run."""
    for table, query in _RESULTS.items():
        redo.write(table, connection.sql(query))
    redo.write("rejects", connection.sql(_REJECTS), only="extract")
    redo.touch("media")


def _forget_commit(workspace: Workspace, stage: str, count: int, *, dry_run: bool) -> None:
    """Commit a version without the record that the stage ran."""
    if dry_run or stage not in workspace.store.snapshot().stages:
        return
    with workspace.store.stage("redo", settings="") as redo:
        redo.forget(stage)
        redo.commit(StageReport("redo", count, count))


def _pages_of(workspace: Workspace, selection: Selection) -> Iterator[list[str] | None]:
    """Yield the selected products in batches; None stands for every URL of the source, or of all sources."""
    chosen = _chosen(workspace, selection)
    if selection.products or selection.partition is not None:
        yield from _values(workspace, chosen)
    else:
        yield None


def _chosen(workspace: Workspace, selection: Selection) -> str:
    """Return a query of the selection's product ids.

    Raises:
        UsageError: A product, source or partition does not exist.
    """
    _check(workspace, selection)
    conditions = ["true"]
    if selection.products:
        conditions.append(f"product_id IN ({_listed(selection.products)})")
    if selection.source is not None:
        conditions.append(f"source = {text(selection.source)}")
    if selection.partition is not None:
        bucket = bucket_sql("product_id", workspace.snapshot.record.buckets)
        conditions.append(f"{bucket} = {selection.partition}")
    return f"SELECT product_id FROM products WHERE {' AND '.join(conditions)}"  # noqa: S608 - quoted by ``text``


def _values(workspace: Workspace, query: str) -> Iterator[list[str]]:
    """Yield the values of a query's only column, a few thousand at a time."""
    for batch in workspace.snapshot.batches(query):
        yield batch.column(0).to_pylist()


def _listed(values: Iterable[str]) -> str:
    return ", ".join(map(text, values))


def _check(workspace: Workspace, selection: Selection) -> None:
    _check_source(workspace, selection)
    buckets = workspace.snapshot.record.buckets
    if selection.partition is not None and selection.partition >= buckets:
        raise UsageError(
            f"redo --partition: there is no partition {selection.partition}; name one of 0 to {buckets - 1}"
        )
    if selection.products:
        known = workspace.sql(f"SELECT product_id FROM products WHERE product_id IN ({_listed(selection.products)})")  # noqa: S608
        if unknown := sorted({*selection.products} - {*known["product_id"].to_pylist()}):
            raise UsageError(f"redo --product: there is no product {unknown[0]!r}; the table products lists the ids")


def _check_source(workspace: Workspace, selection: Selection) -> None:
    sources = workspace.settings.crawl.sources
    if selection.source is not None and selection.source not in sources:
        known = ", ".join(sorted(sources)) or "none"
        raise UsageError(f"redo --source: there is no source {selection.source!r}; name one of {known}")
