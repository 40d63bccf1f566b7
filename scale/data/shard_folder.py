"""The folder that ``m5data export`` wrote: its manifest, and the shards of a split."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from m5data.errors import DataError, MissingInputError

__all__ = ["FORMS", "Shard", "ShardFolder"]

FORMS = ("parquet", "webdataset")
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard file of a split."""

    path: Path
    samples: int
    bytes: int
    sha256: str

    @property
    def is_whole(self) -> bool:
        """Whether the file is there with the length that the manifest says."""
        return self.path.is_file() and self.path.stat().st_size == self.bytes


@dataclass(frozen=True)
class ShardFolder:
    """An export: shards of several splits in one or both formats."""

    root: Path
    form: str | None = None
    """``parquet`` or ``webdataset``; None: the first that the export has."""

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest.

        Raises:
            MissingInputError: There is none: nothing was exported, or an export broke off.
            DataError: It is not what ``m5data export`` writes.
        """
        path = self.root / MANIFEST
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            dict(content["splits"]), dict(content["tables"])
        except FileNotFoundError:
            raise MissingInputError(f"{path}: There is no manifest of an export. Run: m5data export") from None
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: This is not a manifest of m5data export: {error!r}. Export again.") from None
        return dict(content)

    @property
    def version(self) -> str:
        """The dataset version: a hash of the tables' versions and of every shard's hash."""
        text = json.dumps([self.manifest["tables"], self.manifest["splits"]], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in alphabetical order."""
        return tuple(sorted(self.manifest["splits"]))

    def shards(self, split: str) -> tuple[Shard, ...]:
        """Return the shards of a split, in order; shards without a sample are left out.

        Raises:
            MissingInputError: The export has no such split, not in this form, or no sample in it.
        """
        forms = self.manifest["splits"].get(split)
        if forms is None:
            raise MissingInputError(
                f"{self.root}: The export has no split {split!r}, only {', '.join(self.splits)}. "
                f"Use one of those, or run: m5data export --split {split}"
            )
        form = self.form or next((name for name in FORMS if name in forms), None)
        if form is None or form not in forms:
            raise MissingInputError(
                f"{self.root}: Split {split!r} has no shards as {form or 'parquet or webdataset'}, "
                f"only as {', '.join(forms) or 'nothing'}. Run: m5data export --format parquet"
            )
        folder = self.root / form / split
        shards = tuple(Shard(folder / row["file"], row["samples"], row["bytes"], row["sha256"]) for row in forms[form])
        if not any(shard.samples for shard in shards):
            raise MissingInputError(f"{folder}: The split has no samples. Check its recipe.")
        return tuple(shard for shard in shards if shard.samples)
