"""What a person chose on the command line, apart from the settings file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Choices"]


@dataclass(frozen=True, slots=True)
class Choices:
    """None and False leave a choice to the settings."""

    source: str | None = None
    """Only this source."""
    limit: int | None = None
    """At most this many pages a source."""
    refresh: bool = False
    """Ask for every page again, whatever its age."""
    refresh_media: bool = False
    """Ask again, on condition, for media that came with a validator."""
    retry_failed: bool = False
    """Ask again for media that failed, and for nothing else."""
    min_success: float | None = None
    """Share of media URLs below which a download has failed."""
    recipe: str | None = None
    """Name of a shipped split recipe, or path of a file."""
    seed: int | None = None
    """Seed of the splits."""
    feed: Path | None = None
    """File to ingest."""
    form: str = "auto"
    """Format of the feed, or of the export."""
    rule: str | None = None
    """Rule of the label alignment."""
    method: str | None = None
    """Method that aggregates judgements."""
    encoder: str | None = None
    """Encoder of the candidate search."""
    checkpoint: Path | None = None
    """Trained model of the encoder scale."""
    search: str | None = None
    """How candidates are searched: exact or approximate."""
    kind: str | None = None
    """Kind of tasks."""
    workers: int | None = None
    """Workers a task."""
    judgements: Path | None = None
    """File of judgements to import."""
    splits: tuple[str, ...] = ()
    """Splits to export; empty: all."""
    out: str | None = None
    """Folder or address to export to."""
    engine: Literal["local", "ray"] | None = None
    """Where partitions run."""
