"""Having a stage do work again: all of it, or that of some products."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from types import MappingProxyType

import duckdb

from crawler.pending_work import forget_fetched, forget_media, forget_read
from m5data.errors import UsageError
from m5data.stage import StageReport
from m5data.workspace import Workspace
from storage import Stage
from storage.engine import text
from storage.tables import bucket_sql

__all__ = ["REDONE", "Selection", "mark"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which products' work is done again; nothing given: all."""

    source: str | None = None
    products: tuple[str, ...] = ()
    partition: int | None = None
    """Bucket of the products' ids."""

    @property
    def is_all(self) -> bool:
        """Whether nothing was chosen."""
        return self.source is None and not self.products and self.partition is None


def mark(workspace: Workspace, stage: str, selection: Selection, *, dry_run: bool = False) -> int:
    """Forget what a stage made of the selection, so that its next run makes it again.

    Args:
        workspace: The workspace, at its newest version.
        stage: One of ``REDONE``.
        selection: Of which products.
        dry_run: Forget nothing.

    Returns:
        How many items that is: pages (crawl, records), media (download), stored objects (extract); of any
        other stage, which looks at all products at once, the items of its last run.

    Raises:
        UsageError: There is no such stage, product, source or partition; or the stage cannot be redone in part.
        WorkspaceError: Another run holds the workspace.
    """
    if stage not in REDONE:
        raise UsageError(f"redo --stage: wanted one of {', '.join(REDONE)}, got {stage!r}; correct the name")
    with workspace.store.lock():
        return REDONE[stage](workspace, stage, selection, dry_run)


def _crawl(workspace: Workspace, _: str, selection: Selection, dry_run: bool) -> int:  # noqa: FBT001 - as all of REDONE
    return sum(
        forget_fetched(workspace.store, selection.source, products, dry_run=dry_run)
        for products in _pages_of(workspace, selection)
    )


def _records(workspace: Workspace, stage: str, selection: Selection, dry_run: bool) -> int:  # noqa: FBT001
    count = sum(
        forget_read(workspace.store, selection.source, products, dry_run=dry_run)
        for products in _pages_of(workspace, selection)
    )
    _forget_run(workspace, stage, count, dry_run=dry_run)
    return count


def _download(workspace: Workspace, stage: str, selection: Selection, dry_run: bool) -> int:  # noqa: FBT001
    query = f"SELECT DISTINCT url FROM media WHERE product_id IN ({_chosen(workspace, selection)})"  # noqa: S608
    batches = [None] if selection.is_all else _values(workspace, query)
    count = sum(forget_media(workspace.store, urls, dry_run=dry_run) for urls in batches)
    _forget_run(workspace, stage, count, dry_run=dry_run)
    return count


def _extract(workspace: Workspace, stage: str, selection: Selection, dry_run: bool) -> int:  # noqa: FBT001
    objects = (
        "SELECT DISTINCT sha256 FROM media WHERE state = 'ok' AND sha256 IS NOT NULL "  # noqa: S608
        f"AND product_id IN ({_chosen(workspace, selection)})"
    )
    count = int(workspace.sql(f"SELECT count(*) AS n FROM ({objects})")["n"][0].as_py())  # noqa: S608
    if selection.is_all:
        _forget_run(workspace, stage, count, dry_run=dry_run)
    elif count and not dry_run:
        with (
            workspace.store.stage("redo", settings="") as redo,
            closing(redo.before.connection()) as connection,
        ):
            connection.execute(f"CREATE TEMP TABLE again AS {objects}")
            _drop_results(redo, connection)
            redo.commit(StageReport("redo", count, count))
    return count


def _whole(workspace: Workspace, stage: str, selection: Selection, dry_run: bool) -> int:  # noqa: FBT001
    if not selection.is_all:
        raise UsageError(
            f"redo --stage {stage}: it looks at all products at once; leave --source, --product and --partition out"
        )
    last = workspace.snapshot.stages.get(stage)
    count = last.report.read if last else 0
    _forget_run(workspace, stage, count, dry_run=dry_run)
    return count


REDONE: Mapping[str, Callable[[Workspace, str, Selection, bool], int]] = MappingProxyType(
    {
        "crawl": _crawl,
        "records": _records,
        "download": _download,
        "extract": _extract,
        **dict.fromkeys(("texts", "dedup", "align", "matches", "splits", "export", "stats"), _whole),
    }
)
"""Stage -> what forgets its work, and counts it."""

_RESULTS = {
    "frames": "SELECT * FROM frames WHERE video_sha256 NOT IN (SELECT sha256 FROM again)",
    "audio": "SELECT * FROM audio WHERE video_sha256 NOT IN (SELECT sha256 FROM again)",
    "images": "SELECT * FROM images WHERE sha256 NOT IN (SELECT sha256 FROM again)",
}
_REJECTS = "SELECT * FROM rejects WHERE stage = 'extract' AND item NOT IN (SELECT sha256 FROM again)"


def _drop_results(redo: Stage, connection: duckdb.DuckDBPyConnection) -> None:
    """Write extraction's tables without the results of objects in ``again``; a new version of media has it run."""
    for table, query in _RESULTS.items():
        redo.write(table, connection.sql(query))
    redo.write("rejects", connection.sql(_REJECTS), only="extract")
    redo.touch("media")


def _forget_run(workspace: Workspace, stage: str, count: int, *, dry_run: bool) -> None:
    """Commit a version that does not know that the stage ran."""
    if dry_run or stage not in workspace.store.snapshot().stages:
        return
    with workspace.store.stage("redo", settings="") as redo:
        redo.forget(stage)
        redo.commit(StageReport("redo", count, count))


def _pages_of(workspace: Workspace, selection: Selection) -> Iterator[list[str] | None]:
    """Yield the products whose pages are meant, some at a time; None: every address of the source, or of all."""
    chosen = _chosen(workspace, selection)
    if selection.products or selection.partition is not None:
        yield from _values(workspace, chosen)
    else:
        yield None


def _chosen(workspace: Workspace, selection: Selection) -> str:
    """Return a query of the ids of the selection.

    Raises:
        UsageError: A product, source or partition that is named is not there.
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
    """Yield the values of a query's one column, some thousands at a time."""
    for batch in workspace.snapshot.batches(query):
        yield batch.column(0).to_pylist()


def _listed(values: Iterable[str]) -> str:
    return ", ".join(map(text, values))


def _check(workspace: Workspace, selection: Selection) -> None:
    _check_source(workspace, selection)
    buckets = workspace.snapshot.record.buckets
    if selection.partition is not None and selection.partition >= buckets:
        raise UsageError(f"redo --partition: wanted 0 to {buckets - 1}, got {selection.partition}; correct it")
    if selection.products:
        known = workspace.sql(f"SELECT product_id FROM products WHERE product_id IN ({_listed(selection.products)})")  # noqa: S608
        if unknown := sorted({*selection.products} - {*known["product_id"].to_pylist()}):
            raise UsageError(
                f"redo --product: wanted products of the workspace, got {unknown[0]!r}; m5data sql tells ids"
            )


def _check_source(workspace: Workspace, selection: Selection) -> None:
    sources = workspace.settings.crawl.sources
    if selection.source is not None and selection.source not in sources:
        known = ", ".join(sorted(sources)) or "none"
        raise UsageError(f"redo --source: wanted one of {known}, got {selection.source!r}; correct the name")
