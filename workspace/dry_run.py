"""Pending work: the estimate of ``m5data run --dry-run``, and the counts of ``m5data status``."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from core.stage import Clock, utc_now
from crawler.pending_work import due_pages, pending_media, pending_records
from extract.extract_stage import pending_objects
from extract.image_text_stage import count_unread
from storage import Snapshot
from storage.consistency import is_current
from workspace import Workspace
from workspace.stages import PARTS, STAGES, Part, resolve

__all__ = [
    "Outlook",
    "PlanLine",
    "images_to_read",
    "media_to_fetch",
    "objects_to_decode",
    "pages_to_fetch",
    "pages_to_read",
    "plan_run",
]

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
    """Bytes to fetch or decode, estimated from the mean of stored items; None if none is stored."""
    stored: int | None
    """Bytes by which the workspace grows; None as for ``bytes``."""
    hours: float | None
    """Duration at the settings' pace or the last run's rate, whichever is slower; None if neither is known."""


@dataclass(frozen=True)
class Outlook:
    """View of a workspace that counts its pending work, and locks and changes nothing."""

    workspace: Workspace
    snapshot: Snapshot
    now: datetime
    """Start of the planned run."""
    refresh: bool = False
    """Whether the run would request every page again."""
    estimate: bool = True
    """Whether bytes are estimated, which costs a query; otherwise they are None."""

    @cached_property
    def means(self) -> Mapping[str, float | None]:
        """Mean bytes of a stored page, image and video, and of the objects derived from a video."""
        if not self.estimate:
            return dict.fromkeys(("page", "image", "video", "derived"))
        return dict(self.snapshot.sql(_MEANS).to_pylist()[0])

    def bytes_of(self, kind: str, count: int) -> int | None:
        """Return the bytes of ``count`` items, estimated from the mean of stored ones; None if none is stored."""
        if not count:
            return 0
        mean = self.means[kind]
        return None if mean is None else round(count * mean)

    def hours_at_last_rate(self, stage: str, items: int) -> float | None:
        """Return the hours that a stage would need at the rate of its last run."""
        last = self.snapshot.stages.get(stage)
        if not items:
            return 0.0
        if last is None or not last.report.read or not last.report.seconds:
            return None
        return items * last.report.seconds / last.report.read / _HOUR


def plan_run(
    workspace: Workspace, part: Part = "everything", *, refresh: bool = False, clock: Clock = utc_now
) -> list[PlanLine]:
    """Return the work of the next run as far as it is known now; new pages may add more.

    Args:
        workspace: The workspace, at its newest version.
        part: Part of the pipeline that would run.
        refresh: Whether the run would request every page again.
        clock: Source of the run's start time.
    """
    outlook = Outlook(workspace, workspace.store.snapshot(), clock(), refresh)
    return [line for name in PARTS[part] for line in _lines(outlook, name)]


def _lines(outlook: Outlook, name: str) -> Iterable[PlanLine]:
    """Return the work of a stage; a stage that always processes the whole dataset runs if its inputs changed."""
    pending, last = STAGES[name].pending, outlook.snapshot.stages.get(name)
    if pending is not None:
        lines: Iterable[PlanLine] = resolve(pending)(outlook)
        return lines
    if last is None:
        return [PlanLine(name, "runs over the whole dataset: it never ran", 1, None, None, None)]
    changed = not is_current(outlook.snapshot, name)
    hours = outlook.hours_at_last_rate(name, last.report.read) if changed else 0.0
    what = "its inputs changed" if changed else "none, unless earlier stages or the settings change its inputs"
    return [PlanLine(name, f"runs over the whole dataset: {what}", int(changed), None, None, hours)]


def pages_to_fetch(outlook: Outlook) -> Iterator[PlanLine]:
    """Yield the pages that are due, by source."""
    settings = outlook.workspace.settings.crawl
    for source in due_pages(outlook.workspace.store, settings, outlook.now, refresh=outlook.refresh):
        own = settings.sources[source.source].delay_s
        count = source.new + source.again
        new, again = outlook.bytes_of("page", source.new), outlook.bytes_of("page", source.again)
        what = f"pages of {source.source}: {source.new:,} new, {source.again:,} again (most of them unchanged, so less)"
        paced = count * (settings.delay_s if own is None else own) / _HOUR
        size = None if new is None or again is None else new + again
        hours = _slower(paced, outlook.hours_at_last_rate("crawl", count))
        yield PlanLine("crawl", what, count, size, new, hours)


def pages_to_read(outlook: Outlook) -> Iterator[PlanLine]:
    """Yield the stored pages that have not been read since they changed."""
    yield PlanLine("records", "stored pages to read", pending_records(outlook.workspace.store), None, None, None)


def media_to_fetch(outlook: Outlook) -> Iterator[PlanLine]:
    """Yield the images and videos that have no outcome yet."""
    mbit = outlook.workspace.settings.machine.bandwidth_mbit
    for kind, count in pending_media(outlook.workspace.store, outlook.snapshot).items():
        size = outlook.bytes_of(kind, count)
        paced = size / (mbit * _MBIT) / _HOUR if mbit and size else None
        hours = _slower(paced, outlook.hours_at_last_rate("download", count))
        yield PlanLine("download", f"{kind}s to fetch", count, size, size, hours)


def objects_to_decode(outlook: Outlook) -> Iterator[PlanLine]:
    """Yield the stored videos and images without results."""
    workspace = outlook.workspace
    for waiting in pending_objects(workspace.store, outlook.snapshot, workspace.settings.extract):
        results = waiting.count * (2 if waiting.kind == "video" else 1)
        stored = outlook.bytes_of("derived", waiting.count) if waiting.kind == "video" else 0
        hours = outlook.hours_at_last_rate("extract", results)
        yield PlanLine("extract", f"stored {waiting.kind}s to decode", waiting.count, waiting.bytes, stored, hours)


def images_to_read(outlook: Outlook) -> Iterator[PlanLine]:
    """Yield the stored images whose text has not been read, if ``extract.ocr`` is on."""
    settings = outlook.workspace.settings.extract
    if settings.ocr:
        count = count_unread(outlook.snapshot, settings)
        hours = outlook.hours_at_last_rate("image_text", count)
        yield PlanLine("image_text", "stored images to read text in", count, outlook.bytes_of("image", count), 0, hours)


def _slower(*hours: float | None) -> float | None:
    known = [one for one in hours if one is not None]
    return max(known) if known else None
