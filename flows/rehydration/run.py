"""Rebuilding of a published dataset: tables, download, extraction, comparison, certificate."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core.check import Check
from core.engine import open_engine
from core.errors import NotAuthorisedError
from core.files import replace_file
from core.run_options import RunContext, RunOptions
from core.stage import StageReport
from export.links import IMAGES, VIDEOS
from flows.rehydration.drift import INTACT, Drift, Medium, compare_media, lost_queries, summarise
from flows.rehydration.lists import LinkList, as_feed, listed_media
from flows.rehydration.published import Published
from flows.rehydration.tables import write_tables
from flows.run_stage import run_stage, stage_session
from splits import stored_recipes
from storage import Snapshot
from storage.split_digest import digest_splits
from workspace import SETTINGS_FILE, Workspace
from workspace.verification import verify_workspace
from workspace.workspace import default_settings

__all__ = ["Planned", "Rehydration", "open_target", "plan", "rehydrate", "rehydrate_list"]


@dataclass(frozen=True, slots=True)
class Planned:
    """What a rebuilding would fetch from one host."""

    kind: str
    host: str
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Rehydration:
    """A rebuilt dataset."""

    reports: tuple[StageReport, ...]
    drift: Drift
    checks: tuple[Check, ...]
    """Checks of ``m5data verify``."""

    @property
    def as_published(self) -> bool:
        """Whether every split has the rows that were published, and every check holds."""
        return all(self.drift.splits.values()) and all(check.ok for check in self.checks)


def plan(published: Published) -> list[Planned]:
    """Return what a rebuilding would fetch: each URL once, by kind and host."""
    media = " UNION ALL ".join(
        f"SELECT url, kind, bytes FROM ({published.relation(kind)})"  # noqa: S608 - quoted by relation
        for kind in (IMAGES, VIDEOS)
    )
    query = f"""
        SELECT kind, regexp_extract(url, '^[^/]*//([^/?#]*)', 1) AS host, count(*), coalesce(sum(bytes), 0)::BIGINT
        FROM (SELECT url, min(kind) AS kind, max(bytes) AS bytes FROM ({media}) GROUP BY url)
        GROUP BY ALL ORDER BY ALL
    """  # noqa: S608 - quoted by relation
    with closing(open_engine()) as engine:
        return [Planned(*row) for row in engine.execute(query).fetchall()]


def open_target(root: Path, licences: Mapping[str, str | None]) -> Workspace:
    """Open the workspace that is rebuilt, or make it with a section for each source of the links.

    Args:
        root: Its folder.
        licences: Source of the links -> licence of its data.

    Raises:
        NotAuthorisedError: The settings do not allow collecting the data of a source.
    """
    if not (root / SETTINGS_FILE).exists():
        sections = "".join(
            f"\n[sources.{name}]\ncrawl_authorised = false\nlicence = {json.dumps(licence or '', ensure_ascii=False)}\n"
            for name, licence in sorted(licences.items())
        )
        Workspace.create(root, default_settings() + sections)
    workspace = Workspace.open(root)
    sources = workspace.settings.crawl.sources
    for name in sorted(licences):
        if name not in sources or not sources[name].crawl_authorised:
            raise NotAuthorisedError(
                f"{root / SETTINGS_FILE}: sources.{name}.crawl_authorised must be true before its images and videos "
                "can be fetched. Ask the owner, then set it, and run the same command again."
            )
    return workspace


def rehydrate(workspace: Workspace, published: Published, *, retry_failed: bool = False) -> Rehydration:
    """Rebuild a published dataset: write its tables, fetch its media, extract, and compare with what was published.

    Finished work is not repeated. The drift report is written to ``reports/drift.json``, and each file that is not as
    published to ``reports/drift.jsonl``.

    Args:
        workspace: The workspace, whose settings allow its sources.
        published: The links.
        retry_failed: Whether to try failed URLs again.

    Raises:
        UsageError: The workspace has products that came otherwise.
        DataError: A file of the links cannot be read.
    """
    with stage_session(workspace, "rehydrate") as progress:
        context = RunContext(progress=progress, options=RunOptions(retry_failed=retry_failed))
        reports = [
            write_tables(workspace.store, published, workspace.settings.crawl.sources),
            *(run_stage(workspace, name, context) for name in ("download", "extract", "texts")),
        ]
    rebuilt = replace(workspace, version=workspace.store.snapshot().number)
    drift = _drift(rebuilt, published)
    return Rehydration(tuple(reports), drift, tuple(verify_workspace(rebuilt)))


def _drift(workspace: Workspace, published: Published) -> Drift:
    snapshot = workspace.snapshot
    media = compare_media(snapshot, published, workspace.settings.dedup.image_distance)
    lost = [one for one in media if one.verdict not in INTACT]
    rows = snapshot.sql("SELECT split, product_id, role, label, image_position FROM splits").to_pylist()
    recipes = [stored.recipe for stored in stored_recipes(snapshot) if stored.recipe.name == published.recipe]
    queries = lost_queries(rows, recipes[0], lost) if recipes else {}
    drift = summarise(media, _same_splits(snapshot, published), queries)
    _write_report(workspace.root / "reports", drift, media)
    return drift


def _write_report(folder: Path, drift: Drift, media: Sequence[Medium]) -> None:
    folder.mkdir(exist_ok=True)
    replace_file(folder / "drift.json", json.dumps(asdict(drift), ensure_ascii=False, indent=1).encode())
    lines = (json.dumps(one._asdict(), ensure_ascii=False) + "\n" for one in media if one.verdict != "same_bytes")
    replace_file(folder / "drift.jsonl", "".join(lines).encode())


def rehydrate_list(workspace: Workspace, found: LinkList, *, retry_failed: bool = False) -> Rehydration:
    """Make products of a list that others published, fetch their media, extract, and compare with its hashes.

    Finished work is not repeated. There are no splits; the reports are those of :func:`rehydrate`.

    Raises:
        FeedError: The list cannot be read, or no row is a product.
    """
    with stage_session(workspace, "rehydrate") as progress, as_feed(found) as feed:
        options = RunOptions(source=found.source, feed=feed, retry_failed=retry_failed)
        context = RunContext(progress=progress, options=options)
        reports = [run_stage(workspace, name, context) for name in ("ingest", "download", "extract", "texts")]
    rebuilt = replace(workspace, version=workspace.store.snapshot().number)
    with listed_media(found, rebuilt.snapshot) as listed:
        media = compare_media(rebuilt.snapshot, listed, workspace.settings.dedup.image_distance)
    drift = summarise(media, {}, {})
    _write_report(workspace.root / "reports", drift, media)
    return Rehydration(tuple(reports), drift, tuple(verify_workspace(rebuilt)))


def _same_splits(snapshot: Snapshot, published: Published) -> dict[str, bool]:
    """Return split -> whether its rows have the published digest."""
    wanted: Sequence[str] = published.splits
    with closing(snapshot.connection(("splits",))) as engine:
        found = digest_splits(engine, "splits")
    return {split: found.get(split) == published.record["digest"].get(split) for split in wanted}
