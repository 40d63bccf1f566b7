"""Writing the shards of one split in one format, from where a killed run stopped."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from export.folders import Folder
from export.sample import Sample
from export.shard_files import Shard, ShardWriter, write_shards
from storage.stage import Spool

__all__ = ["Target", "write_split"]

_SHARDS = pa.schema([("file", pa.string()), ("samples", pa.int64()), ("bytes", pa.int64()), ("sha256", pa.string())])


@dataclass(frozen=True, slots=True)
class Target:
    """Where shards go, and what is known of those that are there."""

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
