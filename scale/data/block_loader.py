"""Loader of blocks as arrays: from the disk cache or decoded, ahead of use if there are workers."""

import hashlib
import json
import zipfile
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from core.files import replacing
from scale.data.blocks import SampleBlock
from scale.data.completion import Imputer
from scale.data.sample_encoder import ARRAYS, Encoded, SampleEncoder
from scale.data.shard_reader import DamagedShardError, read_samples

__all__ = ["BlockLoader"]

AHEAD = 3
"""Blocks in flight per worker."""
WORTH = 16
"""Minimum number of blocks per worker: starting a worker takes about as long as decoding that many."""


@dataclass(frozen=True)
class BlockLoader:
    """Loader of blocks in the requested order."""

    encoder: SampleEncoder
    cache: Path | None = None
    """Folder of decoded blocks; None: decode each time."""
    workers: int = 0
    imputer: Imputer | None = None

    def load(self, block: SampleBlock) -> Encoded:
        """Return a block; a damaged one has no samples, and states how many were lost and why."""
        path = self._cached(block)
        stored = _read(path) if path else None
        if stored is not None:
            return stored
        encoded = self._decode(block)
        if path and len(encoded):
            _write(path, encoded)
        return encoded

    @contextmanager
    def stream(self, blocks: Sequence[SampleBlock]) -> Iterator[Iterator[Encoded]]:
        """Yield an iterator over blocks in order; workers, if any, decode a few blocks ahead."""
        workers = min(self.workers, len(blocks) // WORTH)
        if not workers:
            yield map(self.load, blocks)
            return
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            try:
                yield self._ahead(pool, blocks, AHEAD * workers)
            finally:
                pool.shutdown(cancel_futures=True)

    def _ahead(self, pool: ProcessPoolExecutor, blocks: Sequence[SampleBlock], most: int) -> Iterator[Encoded]:
        running: deque[Future[Encoded]] = deque()
        for block in blocks:
            running.append(pool.submit(self.load, block))
            if len(running) > most:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()

    def _decode(self, block: SampleBlock) -> Encoded:
        if not block.shard.is_whole:
            reason = "shard_incomplete" if block.shard.path.is_file() else "shard_missing"
            return Encoded({}, [], [], {reason: len(block)})
        try:
            samples = read_samples(block.shard.path, block.start, block.stop)
        except DamagedShardError:
            return Encoded({}, [], [], {"shard_corrupt": len(block)})
        if self.imputer is not None:
            samples = [self.imputer.fill(sample) for sample in samples]
        return self.encoder.encode(samples, block.first)

    def _cached(self, block: SampleBlock) -> Path | None:
        if self.cache is None:
            return None
        fitted = self.encoder.fitted
        key = [
            self.encoder.settings.model_dump_json(),
            fitted.vocabulary.digest,
            fitted.audio_mean.tolist(),
            fitted.audio_std.tolist(),
            self.imputer.digest if self.imputer else "",
        ]
        digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
        return self.cache / digest / f"{block.shard.sha256[:16]}-{block.first:09d}-{len(block)}.npz"


def _read(path: Path) -> Encoded | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            facts = json.loads(str(file["facts"]))
            return Encoded({name: file[name] for name in ARRAYS}, facts["ids"], facts["labels"], facts["skipped"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):  # missing or torn: it is decoded again
        return None


def _write(path: Path, encoded: Encoded) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = {"ids": encoded.product_ids, "labels": encoded.labels, "skipped": encoded.skipped}
    with replacing(path, sync=False) as file:
        np.savez(file, facts=np.array(json.dumps(facts)), **encoded.arrays)  # type: ignore[arg-type]
