"""Options of one run: values from the command line or a flow's parameters that are not in the settings file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from core.stage import Clock, Progress, SilentProgress, utc_now

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
    feed: Path | None = None
    """File to ingest."""
    feed_format: str = "auto"
    """Format of the feed."""
    archives: tuple[Path, ...] = ()
    """Web archives to import instead of crawling."""
    allow_shrink: bool = False
    """Remove all products that a feed or a site no longer has, however many."""
    kind: str | None = None
    """Kind of tasks."""
    judgements: Path | None = None
    """File of judgements to import."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of stages that this run replaces, by key (``workspace.stages.StageSpec.options``); None keeps one."""
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
    if media or options.settings.get("formats"):
        return options
    return replace(options, settings={**options.settings, "formats": ("links",)})
