"""Shard files: rolled by size, published when complete, resumed after a kill, listed in a manifest written last."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from export.folders import Folder
from m5data.modalities import Sample
from storage.stage import Spool

__all__ = [
    "MANIFEST",
    "Shard",
    "ShardWriter",
    "Target",
    "as_rows",
    "is_whole",
    "manifest_text",
    "remove_stale",
    "write_manifest",
    "write_shards",
    "write_split",
]

MANIFEST = "manifest.json"


class ShardWriter(Protocol):
    """Writes one shard file."""

    def add(self, sample: Sample, number: int) -> int:
        """Add a sample, the ``number``-th of its split; return the bytes it takes, about."""

    def close(self) -> str:
        """Finish the file and return its SHA-256."""


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
    open_writer: Callable[[Path], ShardWriter],
    draft: Path,
    max_bytes: int,
    start: int = 0,
) -> Iterator[tuple[int, int, str]]:
    """Write samples to ``draft``, file after file of about ``max_bytes``; each must be taken away before the next.

    Args:
        samples: In order.
        open_writer: Opens a file of the format.
        draft: Where each file is written.
        max_bytes: A file is closed when it holds this much.
        start: Number of the first sample in its split.

    Yields:
        Samples, bytes and sha256 of each file, when it is whole. No samples give no file.
    """
    writer: ShardWriter | None = None
    size = count = 0
    for number, sample in enumerate(samples, start):
        writer = writer or open_writer(draft)
        size += writer.add(sample, number)
        count += 1
        if size >= max_bytes:
            yield count, *_finish(writer, draft)
            writer, size, count = None, 0, 0
    if writer is not None:
        yield count, *_finish(writer, draft)


def manifest_text(content: dict[str, object]) -> bytes:
    """Return the text of a manifest."""
    return (json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def write_manifest(folder: Folder, content: dict[str, object]) -> None:
    """Write the manifest of an export: last, and at once."""
    folder.write(MANIFEST, manifest_text(content))


def is_whole(folder: Folder) -> bool:
    """Whether ``folder`` holds a finished export: a manifest, and every file it names, as long as it says."""
    manifest = folder.read(MANIFEST)
    if manifest is None:
        return False
    sizes = folder.sizes()
    return all(
        sizes.get(f"{form}/{split}/{shard['file']}") == shard["bytes"]
        for split, formats in json.loads(manifest)["splits"].items()
        for form, shards in formats.items()
        for shard in shards
    )


def remove_stale(folder: Folder, wanted: Collection[str]) -> None:
    """Remove shards, and drafts, that an earlier export left and that are not ``wanted`` (``format/split/file``)."""
    for name in folder.sizes():
        if name.count("/") >= 2 and name not in wanted:
            folder.remove(name)


def as_rows(shards: Iterable[Shard]) -> list[dict[str, object]]:
    """Return shards as plain mappings, for the manifest."""
    return [asdict(shard) for shard in shards]


def _finish(writer: ShardWriter, path: Path) -> tuple[int, str]:
    digest = writer.close()
    return path.stat().st_size, digest


_SHARDS = pa.schema([("file", pa.string()), ("samples", pa.int64()), ("bytes", pa.int64()), ("sha256", pa.string())])


@dataclass(frozen=True, slots=True)
class Target:
    """The folder of shards, and the record of those in it."""

    folder: Folder
    spool: Spool
    fingerprint: str
    """Names everything that the shards depend on."""
    there: Mapping[str, int]
    """Name -> bytes of each file that was there before."""
    max_bytes: int


def write_split(
    target: Target,
    place: str,
    suffix: str,
    open_writer: Callable[[Path], ShardWriter],
    samples: Callable[[int], Iterable[Sample]],
) -> list[Shard]:
    """Write shards as ``<place>/00000<suffix>`` and so on, and return them in order.

    Shards that a killed run finished, and that are there, are kept: samples are read from the next on.

    Args:
        target: Where to.
        place: ``format/split``.
        suffix: Of the files' names.
        open_writer: Opens a shard.
        samples: Gives the samples from a number on.
    """
    shards = _finished(target, place)
    start = sum(shard.samples for shard in shards)
    for count, size, digest in write_shards(samples(start), open_writer, target.folder.draft, target.max_bytes, start):
        shard = Shard(f"{len(shards):05d}{suffix}", count, size, digest)
        target.folder.publish(f"{place}/{shard.file}")
        shards.append(shard)
        target.spool.put(place, target.fingerprint, {"shards": _table(shards)})
    return shards


def _finished(target: Target, place: str) -> list[Shard]:
    """Return the shards of a killed run, as far as they are there one after the other."""
    spooled = target.spool.get(place, target.fingerprint)
    shards: list[Shard] = []
    for row in spooled["shards"].to_pylist() if spooled else ():
        if target.there.get(f"{place}/{row['file']}") != row["bytes"]:
            break
        shards.append(Shard(**row))
    return shards


def _table(shards: list[Shard]) -> pa.Table:
    columns = {name: [getattr(shard, name) for shard in shards] for name in _SHARDS.names}
    return pa.table(columns, schema=_SHARDS)
