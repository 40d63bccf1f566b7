"""Shuffled batches of an epoch, starting at any batch."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.errors import MissingInputError, ThresholdError
from scale.data.block_loader import BlockLoader
from scale.data.blocks import Block, share_of_epoch, windows
from scale.data.sample_encoder import Encoded, take
from scale.training_recipe import MODALITIES, Modality

__all__ = ["Batches", "is_held_out"]

LEAST = 16
"""Minimum number of held-out products: fewer would make validation meaningless, so all are trained on."""


@dataclass
class Batches:
    """Batches of a split.

    The order of an epoch depends only on seed and epoch, so it can start at any batch. An unreadable sample
    is counted, and replaced by another of its window, so damage does not change the number of steps.
    """

    blocks: Sequence[Block]
    loader: BlockLoader
    batch: int
    seed: int = 0
    max_skipped: float = 0.05
    complete: tuple[Modality, ...] = ()
    """Modalities that every sample must have (completion alpha); samples that lack one are replaced by others."""
    rank: int = 0
    world: int = 1
    held_out: float = 0.0
    """Share of the products, chosen by a hash of their ids, that epochs leave out and ``validation`` reads."""
    skipped_by_block: dict[int, Counter[str]] = field(default_factory=dict)

    @property
    def samples(self) -> int:
        """Number of samples of the split, according to the manifest."""
        return sum(map(len, self.blocks))

    @property
    def skipped(self) -> dict[str, int]:
        """Reason -> samples, or modalities of samples, that could not be read; reasons in alphabetical order."""
        total = sum(self.skipped_by_block.values(), Counter[str]())
        return dict(sorted(total.items()))

    def steps(self, epoch: int) -> int:
        """Return the number of full batches in an epoch, which is equal in every process."""
        shares = (share_of_epoch(self.blocks, self.seed, epoch, rank, self.world) for rank in range(self.world))
        return min(sum(map(len, share)) for share in shares) // self.batch

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Encoded]:
        """Yield the batches of an epoch from batch ``start`` on, shuffled by seed and epoch.

        Raises:
            ThresholdError: A larger share of the split's samples than ``max_skipped`` cannot be read.
            MissingInputError: No sample of a window can be used.
        """
        share = share_of_epoch(self.blocks, self.seed, epoch, self.rank, self.world)
        waiting: list[Encoded] = []
        left = self.steps(epoch) - start
        for samples in self._shuffled(share, epoch, start * self.batch):
            for at in range(0, len(samples), self.batch):
                waiting.append(_slice(samples, at, at + self.batch))
                joined = _joined(waiting)
                if len(joined) < self.batch:
                    waiting = [joined]
                    continue
                if left <= 0:
                    return
                yield _slice(joined, 0, self.batch)
                left -= 1
                waiting = [_slice(joined, self.batch, len(joined))]

    def in_order(self) -> Iterator[Encoded]:
        """Yield every readable sample once, in the split's order, in blocks (not batches).

        Raises:
            ThresholdError: A larger share of the split's samples than ``max_skipped`` cannot be read.
        """
        with self.loader.stream(self.blocks) as stream:
            for block, encoded in zip(self.blocks, stream, strict=True):
                self._count(block, encoded)
                if len(encoded):
                    yield encoded

    def validation(self, most: int = 1024) -> list[Encoded]:
        """Return the first held-out samples of the split in batches; none if there are fewer than ``LEAST``."""
        parts: list[Encoded] = []
        for encoded in self.in_order() if self.held_out else ():
            rows = [row for row, name in enumerate(encoded.product_ids) if is_held_out(name, self.held_out)]
            parts += [take([encoded], [(0, row) for row in rows])] if rows else []
            if sum(map(len, parts)) >= most:
                break
        if sum(map(len, parts)) < LEAST:
            self.held_out = 0.0
            return []
        whole = _joined(parts)
        size = max(self.batch, LEAST)
        starts = range(0, max(len(whole) - size + 1, 1), size)
        return [_slice(whole, at, at + size) for at in starts]

    def _shuffled(self, share: Sequence[Block], epoch: int, skip: int) -> Iterator[Encoded]:
        groups = list(windows(share, self.seed, epoch, skip))
        with self.loader.stream([block for group, _ in groups for block in group]) as stream:
            for group, order in groups:
                parts = []
                for block in group:
                    encoded = next(stream)
                    self._count(block, encoded)
                    parts.append(encoded)
                yield take(parts, self._rows(group, parts, order))

    def _rows(
        self, group: Sequence[Block], parts: Sequence[Encoded], order: NDArray[np.int64]
    ) -> list[tuple[int, int]]:
        """Return (block, row) of each number in ``order``, or of a usable sample where that one is not usable."""
        places = [(part, row) for part, block in enumerate(group) for row in range(len(block))]
        usable = [(part, row) for part, row in places if self._is_usable(parts[part], row)]
        if not usable:
            why = self.skipped or "all incomplete"
            raise MissingInputError(
                f"{group[0].shard.path}: of {len(places)} samples none can be used: {why}; "
                'export again, or choose another objective.missing than "drop"'
            )
        good = set(usable)
        return [places[n] if places[n] in good else usable[n % len(usable)] for n in order]

    def _is_usable(self, encoded: Encoded, row: int) -> bool:
        if row >= len(encoded):
            return False
        if self.held_out and is_held_out(encoded.product_ids[row], self.held_out):
            return False
        return all(encoded.arrays["present"][row, MODALITIES.index(name)] for name in self.complete)

    def _count(self, block: Block, encoded: Encoded) -> None:
        self.skipped_by_block[block.first] = Counter(encoded.skipped)
        lost = sum(count for reason, count in self.skipped.items() if reason.startswith("shard_"))
        if lost > self.max_skipped * self.samples:
            raise ThresholdError(
                f"{block.shard.path.parent}: {lost} of {self.samples} samples cannot be read ({self.skipped}), "
                f"more than optimiser.max_skipped = {self.max_skipped}. Export again."
            )


def is_held_out(product_id: str, share: float) -> bool:
    """Return whether a product is held out for validation."""
    return int.from_bytes(hashlib.md5(product_id.encode(), usedforsecurity=False).digest()[:4]) < share * 2**32


def _slice(encoded: Encoded, start: int, stop: int) -> Encoded:
    arrays = {name: array[start:stop] for name, array in encoded.arrays.items()}
    return Encoded(arrays, encoded.product_ids[start:stop], encoded.labels[start:stop])


def _joined(parts: Sequence[Encoded]) -> Encoded:
    if len(parts) == 1:
        return parts[0]
    arrays = {name: np.concatenate([part.arrays[name] for part in parts]) for name in parts[0].arrays}
    ids = [name for part in parts for name in part.product_ids]
    return Encoded(arrays, ids, [label for part in parts for label in part.labels])
