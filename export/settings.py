"""Settings of the export."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from m5data.stage_settings import StageSettings

__all__ = ["ExportSettings", "ShardFormat"]

ShardFormat = Literal["parquet", "webdataset"]


class ExportSettings(StageSettings):
    """What leaves the workspace, and how large its pieces are."""

    formats: tuple[ShardFormat, ...] = ("parquet", "webdataset")
    """Formats written by a run: both, so that either loader finds its own."""
    splits: tuple[str, ...] = ()
    """Splits written; empty: every split of the recipe but ``unused``."""
    max_shard_bytes: int = Field(default=256 * 1024**2, ge=1024)
    """A shard is closed when it holds this much: 256 MiB streams well and is soon retried."""
    out: Path | None = None
    """Folder written to; None: ``shards`` in the workspace."""
