"""Shard files: rolled by size, published when complete, resumed after a kill."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from export.manifest import Claim
from m5data.modalities import Sample
from storage.spool import Spool

__all__ = ["Shard", "ShardWriter", "Target", "as_rows", "write_shards", "write_split"]


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


def as_rows(shards: Iterable[Shard]) -> list[dict[str, object]]:
    """Return shards as plain mappings, for the manifest."""
    return [asdict(shard) for shard in shards]


def _finish(writer: ShardWriter, path: Path) -> tuple[int, str]:
    digest = writer.close()
    return path.stat().st_size, digest


_SHARDS = pa.schema([("file", pa.string()), ("samples", pa.int64()), ("bytes", pa.int64()), ("sha256", pa.string())])


@dataclass(frozen=True, slots=True)
class Target:
    """The folder of one format's shards, and the record of those in it."""

    claim: Claim
    place: str
    """The format."""
    spool: Spool
    fingerprint: str
    """Names everything that the shards depend on."""
    max_bytes: int


def write_split(
    target: Target,
    split: str,
    suffix: str,
    open_writer: Callable[[Path], ShardWriter],
    samples: Callable[[int], Iterable[Sample]],
) -> list[Shard]:
    """Write shards as ``<split>/00000<suffix>`` and so on, and return them in order.

    Shards that a killed run finished, and that are there, are kept: samples are read from the next on.

    Args:
        target: Where to.
        split: The split.
        suffix: Of the files' names.
        open_writer: Opens a shard.
        samples: Gives the samples from a number on.
    """
    shards = _finished(target, split)
    start = sum(shard.samples for shard in shards)
    draft = target.claim.folder.draft
    for count, size, digest in write_shards(samples(start), open_writer, draft, target.max_bytes, start):
        shard = Shard(f"{len(shards):05d}{suffix}", count, size, digest)
        target.claim.publish(f"{split}/{shard.file}")
        shards.append(shard)
        target.spool.put(f"{target.place}/{split}", target.fingerprint, {"shards": _table(shards)})
    return shards


def _finished(target: Target, split: str) -> list[Shard]:
    """Return the shards of a killed run, as far as they are there one after the other."""
    spooled = target.spool.get(f"{target.place}/{split}", target.fingerprint)
    there = target.claim.there
    shards: list[Shard] = []
    for row in spooled["shards"].to_pylist() if spooled else ():
        if there.get(f"{split}/{row['file']}") != row["bytes"]:
            break
        shards.append(Shard(**row))
    target.claim.keep(f"{split}/{shard.file}" for shard in shards)
    return shards


def _table(shards: list[Shard]) -> pa.Table:
    columns = {name: [getattr(shard, name) for shard in shards] for name in _SHARDS.names}
    return pa.table(columns, schema=_SHARDS)
