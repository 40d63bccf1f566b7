"""What a run would fetch, decode and store, before it does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crawler.pending_work import WaitingPages, due_pages, waiting_media, waiting_records
from extract.pending import pending_objects
from m5data.stage import Clock, utc_now
from m5data.workspace import Workspace
from storage import Snapshot

__all__ = ["PlanLine", "make_plan"]

_MEANS = """
SELECT
    (SELECT avg(length) FROM objects WHERE kind = 'page') AS page,
    (SELECT avg(bytes) FROM media WHERE kind = 'image' AND state = 'ok') AS image,
    (SELECT avg(bytes) FROM media WHERE kind = 'video' AND state = 'ok') AS video,
    (SELECT sum(length) FROM objects WHERE kind = 'derived')
        / nullif((SELECT count(DISTINCT video_sha256) FROM frames), 0) AS derived
"""
_MBIT = 125_000
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One kind of work that a run would do."""

    stage: str
    what: str
    count: int
    bytes: int | None
    """Fetched or decoded, by the means of what is there; None: nothing is, so that nothing can be said."""
    stored: int | None
    """Bytes that the workspace grows by; None: as above."""
    hours: float | None
    """By the settings' pace or the last run's rate, whichever is slower; None: neither is known."""


def make_plan(workspace: Workspace, *, refresh: bool = False, clock: Clock = utc_now) -> list[PlanLine]:
    """Return what the next run would do with what is known now; pages may lead to more. Nothing is locked or changed.

    Args:
        workspace: The workspace, at its newest version.
        refresh: As of a run that asks for every page again.
        clock: When the run would begin.
    """
    snapshot = workspace.store.snapshot()
    means = dict(snapshot.sql(_MEANS).to_pylist()[0])
    pages = due_pages(workspace.store, workspace.settings.crawl, clock(), refresh=refresh)
    return [
        *(_pages(workspace, snapshot, source, means) for source in pages),
        PlanLine("records", "stored pages to read", waiting_records(workspace.store), None, None, None),
        *_media(workspace, snapshot, means),
        *_extraction(workspace, snapshot, means),
    ]


def _pages(
    workspace: Workspace, snapshot: Snapshot, source: WaitingPages, means: Mapping[str, float | None]
) -> PlanLine:
    settings = workspace.settings.crawl
    own = settings.sources[source.source].delay_s
    count = source.new + source.again
    new, again = _times(source.new, means["page"]), _times(source.again, means["page"])
    what = f"pages of {source.source}: {source.new:,} new, {source.again:,} again (most of them unchanged, so less)"
    paced = count * (settings.delay_s if own is None else own) / _HOUR
    return PlanLine(
        "crawl",
        what,
        count,
        None if new is None or again is None else new + again,
        new,
        _slower(paced, _at_last_rate(snapshot, "crawl", count)),
    )


def _media(workspace: Workspace, snapshot: Snapshot, means: Mapping[str, float | None]) -> Iterator[PlanLine]:
    mbit = workspace.settings.machine.bandwidth_mbit
    for kind, count in waiting_media(workspace.store, snapshot).items():
        size = _times(count, means[kind])
        paced = size / (mbit * _MBIT) / _HOUR if mbit and size else None
        hours = _slower(paced, _at_last_rate(snapshot, "download", count))
        yield PlanLine("download", f"{kind}s to fetch", count, size, size, hours)


def _extraction(workspace: Workspace, snapshot: Snapshot, means: Mapping[str, float | None]) -> Iterator[PlanLine]:
    for waiting in pending_objects(workspace.store, snapshot, workspace.settings.extract):
        results = waiting.count * (2 if waiting.kind == "video" else 1)
        stored = _times(waiting.count, means["derived"]) if waiting.kind == "video" else 0
        hours = _at_last_rate(snapshot, "extract", results)
        yield PlanLine("extract", f"stored {waiting.kind}s to decode", waiting.count, waiting.bytes, stored, hours)


def _times(count: int, mean: float | None) -> int | None:
    if not count:
        return 0
    return None if mean is None else round(count * mean)


def _at_last_rate(snapshot: Snapshot, stage: str, items: int) -> float | None:
    """Return the hours that a stage would need at the rate of its last run."""
    last = snapshot.stages.get(stage)
    if not items:
        return 0.0
    if last is None or not last.report.read or not last.report.seconds:
        return None
    return items * last.report.seconds / last.report.read / _HOUR


def _slower(*hours: float | None) -> float | None:
    known = [one for one in hours if one is not None]
    return max(known) if known else None
