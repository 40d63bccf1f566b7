"""Settings of the export."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from core.stage_settings import StageSettings
from core.usage import Purpose

__all__ = ["ExportSettings", "ShardFormat"]

ShardFormat = Literal["parquet", "webdataset", "links", "links-jsonl", "product1m", "m5product", "mep3m"]


class ExportSettings(StageSettings):
    """Content of an export, and the size of its pieces."""

    formats: tuple[ShardFormat, ...] = ("parquet", "webdataset")
    """Formats written by a run; by default both formats with media, one for each loader. ``links`` (Parquet) and
    ``links-jsonl`` name every file by URL and hash, so that ``m5data rehydrate`` rebuilds the dataset; ``product1m``,
    ``m5product`` and ``mep3m`` are the papers' files, without media."""
    splits: tuple[str, ...] = ()
    """Splits written; empty: all splits of the recipe except ``unused``, which only links have, so that a dataset
    rebuilt from them can be verified."""
    where: str | None = None
    """Only products for which this SQL condition over the view ``catalogue`` holds, such as
    ``brand = 'Acme' AND video_state = 'present'``; None: all."""
    purpose: Purpose = "train"
    """Purpose of the export: products whose shop refuses it are left out, and the manifest counts them."""
    max_shard_bytes: int = Field(default=256 * 1024**2, ge=1024, le=4 * 1024**3)
    """Size at which a shard is closed: 256 MiB streams well and is quickly retried. At most 4 GiB, because S3 accepts
    5 GiB in one put and the last sample may exceed the size."""
    out: str | Path | None = None
    """Folder written to, or its URL in an object store (``s3://bucket/prefix``); None: ``shards`` in the
    workspace."""
