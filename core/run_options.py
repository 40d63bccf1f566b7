"""Options of one run: values from the command line or a flow's parameters that are not in the settings file."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from core.stage import Clock, Progress, SilentProgress, utc_now
from core.usage import Purpose

__all__ = ["RunContext", "RunOptions", "without_media"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of a run; None and False leave a choice to the settings."""

    source: str | None = None
    """Only this source."""
    limit: int | None = None
    """Fetch at most this many product pages per source."""
    refresh: bool = False
    """Request every page again, whatever its age."""
    refresh_media: bool = False
    """Request media that were served with a validator again, conditionally."""
    retry_failed: bool = False
    """Also request media that failed before."""
    min_success: float | None = None
    """Share of successful media URLs below which a download fails."""
    recipe: str | None = None
    """Name of a shipped split recipe, or path of a file."""
    seed: int | None = None
    """Seed of the stage's random draw."""
    feed: Path | None = None
    """File to ingest."""
    feed_format: str = "auto"
    """Format of the feed."""
    allow_shrink: bool = False
    """Remove all products that a feed or a site no longer has, however many."""
    formats: tuple[str, ...] | None = None
    """Formats of the export."""
    rule: str | None = None
    """Rule of the label alignment."""
    method: str | None = None
    """Method that aggregates judgements."""
    encoder: str | None = None
    """Encoder of the candidate search."""
    checkpoint: Path | None = None
    """Trained model of the encoder ``scale``."""
    search: str | None = None
    """Search for candidates: exact or approximate."""
    kind: str | None = None
    """Kind of tasks."""
    workers: int | None = None
    """Workers per task."""
    judgements: Path | None = None
    """File of judgements to import."""
    splits: Sequence[str] | None = None
    """Splits to export."""
    where: str | None = None
    """SQL condition over the view catalogue that exported products meet."""
    purpose: Purpose | None = None
    """Purpose of the export."""
    out: str | None = None
    """Folder or object store URL to export to."""
    engine: Literal["local", "ray"] | None = None
    """Where partitions run."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """Context that a run passes to each of its stages."""

    progress: Progress = field(default_factory=SilentProgress)
    clock: Clock = utc_now
    options: RunOptions = field(default_factory=RunOptions)
    run: str = ""
    """Name of the run in logs and metrics; empty if it has none."""


def without_media(options: RunOptions, *, media: bool) -> RunOptions:
    """Return the options of a run; without media it exports links, which need none."""
    return options if media or options.formats else replace(options, formats=("links",))
