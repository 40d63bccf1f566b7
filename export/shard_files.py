"""Shard files: rolled by size, written under another name first, listed in a manifest written last."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from export.sample import Sample

__all__ = ["MANIFEST", "Shard", "ShardWriter", "as_rows", "is_whole", "remove_stale", "write_manifest", "write_shards"]

MANIFEST = "manifest.json"


class ShardWriter(Protocol):
    """Writes one shard file."""

    def add(self, sample: Sample, number: int) -> int:
        """Add a sample, the ``number``-th of its split; return the bytes it takes, about."""

    def close(self) -> None:
        """Finish the file."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One finished shard file."""

    file: str
    """Name inside the split's folder."""
    samples: int
    bytes: int
    sha256: str


def write_shards(
    samples: Iterable[Sample],
    folder: Path,
    suffix: str,
    open_writer: Callable[[Path], ShardWriter],
    max_bytes: int,
) -> list[Shard]:
    """Write samples to ``folder`` as shard files of about ``max_bytes`` and return them in order.

    Files that an earlier export left there under the same suffix and that this one does not
    write are removed. An empty split has no shard.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shards: list[Shard] = []
    roll = _Roll(folder, suffix, open_writer)
    for number, sample in enumerate(samples):
        if roll.add(sample, number) >= max_bytes:
            shards.append(roll.finish(len(shards)))
    if roll.samples:
        shards.append(roll.finish(len(shards)))
    keep = {shard.file for shard in shards}
    for stale in folder.glob(f"*{suffix}*"):
        if stale.name not in keep:
            stale.unlink()
    return shards


def write_manifest(folder: Path, content: dict[str, object]) -> None:
    """Write the manifest of an export: last, and at once."""
    draft = folder / f"{MANIFEST}.part"
    draft.write_text(json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    _publish(draft, folder / MANIFEST)


def is_whole(folder: Path) -> bool:
    """Whether ``folder`` holds a finished export: a manifest, and every file it names, as long as it says."""
    try:
        splits = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["splits"]
        return all(
            (folder / form / split / shard["file"]).stat().st_size == shard["bytes"]
            for split, formats in splits.items()
            for form, shards in formats.items()
            for shard in shards
        )
    except FileNotFoundError:
        return False


def remove_stale(folder: Path, wanted: Collection[str]) -> None:
    """Remove folders of shards that an earlier export wrote and that are not among ``wanted`` (``format/split``)."""
    for path in folder.glob("*/*"):
        if path.is_dir() and path.relative_to(folder).as_posix() not in wanted:
            shutil.rmtree(path)


class _Roll:
    """The shard file that is being written."""

    def __init__(self, folder: Path, suffix: str, open_writer: Callable[[Path], ShardWriter]) -> None:
        self.samples = 0
        self._bytes = 0
        self._folder, self._suffix, self._open = folder, suffix, open_writer
        self._draft = folder / f"shard{suffix}.part"
        self._writer: ShardWriter | None = None

    def add(self, sample: Sample, number: int) -> int:
        self._writer = self._writer or self._open(self._draft)
        self._bytes += self._writer.add(sample, number)
        self.samples += 1
        return self._bytes

    def finish(self, index: int) -> Shard:
        if self._writer is not None:
            self._writer.close()
        name = f"{index:05d}{self._suffix}"
        size, digest = self._draft.stat().st_size, _sha256(self._draft)
        _publish(self._draft, self._folder / name)
        shard = Shard(name, self.samples, size, digest)
        self._writer, self.samples, self._bytes = None, 0, 0
        return shard


def _publish(draft: Path, path: Path) -> None:
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_rows(shards: Iterable[Shard]) -> list[dict[str, object]]:
    """Return shards as plain mappings, for the manifest."""
    return [asdict(shard) for shard in shards]
