"""Blocks, the unit in which shards are read, and their order in an epoch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scale.data.shard_folder import ShardFile

__all__ = ["BLOCK", "SampleBlock", "share_of_epoch", "split_into_blocks", "windows"]

BLOCK = 64
"""Samples per block, as in a row group of the Parquet shards."""
WINDOW = 16
"""Blocks whose samples are shuffled together: 1,024 samples are in memory at a time."""


@dataclass(frozen=True, slots=True)
class SampleBlock:
    """Consecutive samples of a shard."""

    shard: ShardFile
    start: int
    """Row of the first sample in the shard."""
    stop: int
    first: int
    """Number of the first sample in the split."""

    def __len__(self) -> int:
        return self.stop - self.start


def split_into_blocks(shards: Sequence[ShardFile]) -> tuple[SampleBlock, ...]:
    """Cut shards into blocks, in order."""
    blocks: list[SampleBlock] = []
    first = 0
    for shard in shards:
        starts = range(0, shard.samples, BLOCK)
        blocks += [SampleBlock(shard, at, min(at + BLOCK, shard.samples), first + at) for at in starts]
        first += shard.samples
    return tuple(blocks)


def share_of_epoch(
    blocks: Sequence[SampleBlock], seed: int, epoch: int, rank: int = 0, world: int = 1
) -> tuple[SampleBlock, ...]:
    """Return the blocks that one of ``world`` processes reads in an epoch, in their order: every ``world``-th."""
    order = np.random.default_rng([seed, epoch]).permutation(len(blocks))
    return tuple(blocks[i] for i in order[rank::world])


def windows(
    blocks: Sequence[SampleBlock], seed: int, epoch: int, skip: int = 0, count: Callable[[SampleBlock], int] = len
) -> Iterator[tuple[tuple[SampleBlock, ...], NDArray[np.int64]]]:
    """Yield groups of blocks, and the order of all their usable samples, from sample ``skip`` on.

    A block has ``count`` of them. They are numbered within their window, block after block. Windows entirely before
    ``skip`` are not yielded, so that they are not read when an epoch is resumed.
    """
    at = 0
    for number, start in enumerate(range(0, len(blocks), WINDOW)):
        window = tuple(blocks[start : start + WINDOW])
        samples = sum(map(count, window))
        if samples and at + samples > skip:
            order = np.random.default_rng([seed, epoch, number]).permutation(samples)
            yield window, order[max(skip - at, 0) :]
        at += samples
