"""Having a stage do work again: all of it, or that of some products."""

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from types import MappingProxyType

import duckdb

from crawler.redoing import forget_fetched, forget_media, forget_read
from m5data.errors import UsageError
from m5data.stage import StageReport
from m5data.workspace import Workspace
from storage import Stage
from storage.buckets import bucket_of

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
    return forget_fetched(workspace.store, selection.source, _pages_of(workspace, selection), dry_run=dry_run)


def _records(workspace: Workspace, stage: str, selection: Selection, dry_run: bool) -> int:  # noqa: FBT001
    products = _pages_of(workspace, selection)
    count = forget_read(workspace.store, selection.source, products, dry_run=dry_run)
    _forget_run(workspace, stage, count, dry_run=dry_run)
    return count


def _download(workspace: Workspace, stage: str, selection: Selection, dry_run: bool) -> int:  # noqa: FBT001
    urls = None if selection.is_all else _of_media(workspace, "url", selection)
    count = forget_media(workspace.store, urls, dry_run=dry_run)
    _forget_run(workspace, stage, count, dry_run=dry_run)
    return count


def _extract(workspace: Workspace, stage: str, selection: Selection, dry_run: bool) -> int:  # noqa: FBT001
    objects = _of_media(workspace, "sha256", selection)
    if selection.is_all:
        _forget_run(workspace, stage, len(objects), dry_run=dry_run)
    elif objects and not dry_run:
        with (
            workspace.store.stage("redo", settings="") as redo,
            closing(redo.before.connection()) as connection,
        ):
            _drop_results(redo, connection, objects)
            redo.commit(StageReport("redo", len(objects), len(objects)))
    return len(objects)


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


def _drop_results(redo: Stage, connection: duckdb.DuckDBPyConnection, objects: set[str]) -> None:
    """Write the tables of extraction without the results of some objects; a new version of media has it run."""
    values = json.dumps(sorted(objects))
    connection.execute("CREATE TEMP TABLE again AS SELECT unnest(from_json($1, '[\"VARCHAR\"]')) AS sha256", [values])
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


def _pages_of(workspace: Workspace, selection: Selection) -> set[str] | None:
    """Return the products whose pages are meant; None: every address of the source, or of all."""
    _check_source(workspace, selection)
    chosen = selection.products or selection.partition is not None
    return _products(workspace, selection) if chosen else None


def _of_media(workspace: Workspace, column: str, selection: Selection) -> set[str]:
    _check_source(workspace, selection)
    rows = workspace.table("media").select(["product_id", column]).to_pylist()
    products = None if selection.is_all else _products(workspace, selection)
    return {row[column] for row in rows if row[column] and (products is None or row["product_id"] in products)}


def _products(workspace: Workspace, selection: Selection) -> set[str]:
    """Return the ids of the selection.

    Raises:
        UsageError: A product that is named is not there, or there is no such partition.
    """
    rows = workspace.table("products").select(["product_id", "source"]).to_pylist()
    if unknown := sorted(set(selection.products) - {row["product_id"] for row in rows}):
        raise UsageError(
            f"redo --product: wanted products of the workspace, got {unknown[0]!r}; ask m5data sql for ids"
        )
    buckets = workspace.snapshot.record.buckets
    if selection.partition is not None and selection.partition >= buckets:
        raise UsageError(f"redo --partition: wanted 0 to {buckets - 1}, got {selection.partition}; correct it")
    return {
        row["product_id"]
        for row in rows
        if (not selection.products or row["product_id"] in selection.products)
        and selection.source in {None, row["source"]}
        and selection.partition in {None, bucket_of(row["product_id"], buckets)}
    }


def _check_source(workspace: Workspace, selection: Selection) -> None:
    sources = workspace.settings.crawl.sources
    if selection.source is not None and selection.source not in sources:
        known = ", ".join(sorted(sources)) or "none"
        raise UsageError(f"redo --source: wanted one of {known}, got {selection.source!r}; correct the name")
