"""Shuffled batches of an epoch, starting at any batch."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.errors import DataError, MissingInputError, ThresholdError
from scale.data.block_loader import BlockLoader
from scale.data.blocks import SampleBlock, share_of_epoch, windows
from scale.data.sample_encoder import Encoded, take
from scale.training_recipe import MODALITIES, Modality

__all__ = ["Batches", "is_held_out"]

MIN = 16
"""Minimum number of held-out products: fewer would make validation meaningless, so all are trained on."""


@dataclass(frozen=True)
class _Usable:
    """Rows of each block, which is named by the number of its first sample in the split."""

    trained: Mapping[int, Sequence[int]]
    held_out: Mapping[int, Sequence[int]]
    """Empty if there would be fewer than ``MIN``."""


@dataclass
class Batches:
    """Batches of a split.

    The order of an epoch depends only on seed and epoch, so it can start at any batch. An epoch has every usable
    sample at most once, so no product is twice in a batch. Which samples are usable is found out once, before the first
    step: those that can be read, are not held out, and have the modalities of ``complete``. With a cache, that is when
    the blocks are decoded.
    """

    blocks: Sequence[SampleBlock]
    loader: BlockLoader
    batch: int
    seed: int = 0
    max_skipped: float = 0.05
    complete: tuple[Modality, ...] = ()
    """Modalities that every sample must have (completion alpha); samples that lack one are left out."""
    rank: int = 0
    world: int = 1
    held_out: float = 0.0
    """Share of the products, chosen by a hash of their ids, that epochs leave out and ``validation`` reads."""
    skipped_by_block: dict[int, Counter[str]] = field(default_factory=dict)
    _found: _Usable | None = None

    @property
    def samples(self) -> int:
        """Number of samples of the split, according to the manifest."""
        return sum(map(len, self.blocks))

    @property
    def skipped(self) -> dict[str, int]:
        """Reason -> samples, or modalities of samples, that could not be read; reasons in alphabetical order."""
        total = sum(self.skipped_by_block.values(), Counter[str]())
        return dict(sorted(total.items()))

    @property
    def products(self) -> int:
        """Number of usable samples, which is what an epoch counts.

        Raises:
            MissingInputError: There is none.
            ThresholdError: A larger share of the split's samples than ``max_skipped`` cannot be read.
        """
        return sum(map(len, self._usable().trained.values()))

    def steps(self, epoch: int) -> int:
        """Return the number of full batches in an epoch, which is equal in every process."""
        shares = (share_of_epoch(self.blocks, self.seed, epoch, rank, self.world) for rank in range(self.world))
        return min(sum(map(self._count_usable, share)) for share in shares) // self.batch

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Encoded]:
        """Yield the batches of an epoch from batch ``start`` on, shuffled by seed and epoch.

        Raises:
            ThresholdError: A larger share of the split's samples than ``max_skipped`` cannot be read.
            MissingInputError: No sample of the split can be used.
            DataError: A shard cannot be read any more.
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
        """Return the first held-out samples of the split in batches; none if there are fewer than ``MIN``."""
        parts: list[Encoded] = []
        held = self._usable().held_out
        blocks = [block for block in self.blocks if held.get(block.first)]
        with self.loader.stream(blocks) as stream:
            for block, encoded in zip(blocks, stream, strict=True):
                parts.append(take([encoded], [(0, row) for row in held[block.first]]))
                if sum(map(len, parts)) >= most:
                    break
        if not parts:
            return []
        whole = _joined(parts)
        size = max(self.batch, MIN)
        starts = range(0, max(len(whole) - size + 1, 1), size)
        return [_slice(whole, at, at + size) for at in starts]

    def _shuffled(self, share: Sequence[SampleBlock], epoch: int, skip: int) -> Iterator[Encoded]:
        trained = self._usable().trained
        groups = list(windows(share, self.seed, epoch, skip, self._count_usable))
        with self.loader.stream([block for group, _ in groups for block in group]) as stream:
            for group, order in groups:
                parts = [self._unchanged(block, next(stream)) for block in group]
                places = [(part, row) for part, block in enumerate(group) for row in trained[block.first]]
                yield take(parts, [places[number] for number in order])

    def _unchanged(self, block: SampleBlock, encoded: Encoded) -> Encoded:
        """Return a block that still has all its usable samples.

        Raises:
            DataError: It lost some since the first step.
        """
        usable = self._usable().trained[block.first]
        if usable and usable[-1] >= len(encoded):
            raise DataError(
                f"{block.shard.path}: The shard cannot be read any more: {dict(encoded.skipped)}. "
                "Export again; training resumes from its last checkpoint."
            )
        return encoded

    def _count_usable(self, block: SampleBlock) -> int:
        return len(self._usable().trained[block.first])

    def _usable(self) -> _Usable:
        if self._found is None:
            self._found = self._find_usable()
        return self._found

    def _find_usable(self) -> _Usable:
        readable: dict[int, list[tuple[int, bool]]] = {}
        with self.loader.stream(self.blocks) as stream:
            for block, encoded in zip(self.blocks, stream, strict=True):
                self._count(block, encoded)
                readable[block.first] = [
                    (row, is_held_out(encoded.product_ids[row], self.held_out)) for row in self._complete(encoded)
                ]
        held = {first: [row for row, is_held in rows if is_held] for first, rows in readable.items()}
        if sum(map(len, held.values())) < MIN:
            held = {}
        trained = {first: [row for row, is_held in rows if not (held and is_held)] for first, rows in readable.items()}
        if not any(trained.values()):
            why = self.skipped or "all incomplete"
            raise MissingInputError(
                f"{self.blocks[0].shard.path.parent}: Of {self.samples} samples none can be used: {why}. "
                'Export again, or choose another objective.missing than "drop".'
            )
        return _Usable(trained, held)

    def _complete(self, encoded: Encoded) -> list[int]:
        """Return the rows that have every required modality."""
        if not len(encoded):
            return []
        columns = [MODALITIES.index(name) for name in self.complete]
        whole: list[int] = np.flatnonzero(encoded.arrays["present"][:, columns].all(axis=1)).tolist()
        return whole

    def _count(self, block: SampleBlock, encoded: Encoded) -> None:
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
