"""The folder written by ``m5data export``: its manifest, and the shards of a split."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core.errors import DataError, MissingInputError, NotAuthorisedError
from core.usage import Purpose

__all__ = ["FORMS", "ShardFile", "ShardFolder"]

FORMS = ("parquet", "webdataset")
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class ShardFile:
    """One shard file of a split."""

    path: Path
    samples: int
    bytes: int
    sha256: str

    @property
    def is_whole(self) -> bool:
        """Whether the file exists with the size that the manifest states."""
        return self.path.is_file() and self.path.stat().st_size == self.bytes


@dataclass(frozen=True)
class ShardFolder:
    """An export in a format that training reads.

    ``root`` is the export's folder, which has one folder per format, or one of those.
    """

    root: Path
    form: str | None = None
    """``parquet`` or ``webdataset``; None: the first that the export has."""

    @cached_property
    def folder(self) -> Path:
        """The folder of one format."""
        if (self.root / MANIFEST).is_file():
            return self.root
        forms = FORMS if self.form is None else (self.form,)
        found = [self.root / form for form in forms if (self.root / form / MANIFEST).is_file()]
        return found[0] if found else self.root / forms[0]

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest.

        Raises:
            MissingInputError: There is none: nothing was exported in this format, or an export was interrupted.
            DataError: It was not written by ``m5data export``, or the format is not one of ``FORMS``.
        """
        path = self.folder / MANIFEST
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            dict(content["splits"]), dict(content["tables"])
            form = str(content["format"])
        except FileNotFoundError:
            raise MissingInputError(
                f"{path}: There is no manifest of an export. Run: m5data export --format {self.folder.name}"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(f"{path}: This is not a manifest of m5data export: {error!r}. Export again.") from None
        if form not in FORMS:
            raise DataError(f"{path}: Training does not read {form}. Run: m5data export --format parquet")
        return dict(content)

    def check_purpose(self, *purposes: Purpose) -> None:
        """Check that the samples were exported for one of the purposes; exports of older versions count as ``train``.

        Raises:
            NotAuthorisedError: They were exported for another purpose; shops may refuse these.
        """
        purpose = self.manifest.get("purpose", "train")
        if purpose not in purposes:
            raise NotAuthorisedError(
                f"{self.folder}: These samples were exported to {purpose}. Run: m5data export --purpose {purposes[0]}"
            )

    @property
    def version(self) -> str:
        """The dataset version: a hash of the tables' versions and of every shard's hash."""
        text = json.dumps([self.manifest["tables"], self.manifest["splits"]], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in alphabetical order."""
        return tuple(sorted(self.manifest["splits"]))

    def shards(self, split: str) -> tuple[ShardFile, ...]:
        """Return the shards of a split, in order; shards without a sample are left out.

        Raises:
            MissingInputError: The export has no such split, or no sample in it.
        """
        rows = self.manifest["splits"].get(split)
        if rows is None:
            raise MissingInputError(
                f"{self.folder}: The export has no split {split!r}, only {', '.join(self.splits)}. "
                f"Use one of those, or run: m5data export --split {split}"
            )
        folder = self.folder / split
        shards = tuple(ShardFile(folder / row["file"], row["samples"], row["bytes"], row["sha256"]) for row in rows)
        if not any(shard.samples for shard in shards):
            raise MissingInputError(f"{folder}: The split has no samples. Check its recipe.")
        return tuple(shard for shard in shards if shard.samples)
