"""MinHash: keys under which similar texts meet."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from extract.duplicates.shingles import SHINGLE

__all__ = ["BANDS", "band_keys"]

Words = NDArray[np.uint64]

BANDS = 16
_ROWS = 4
# Constants of SplitMix64: a fixed, well-mixing hash, the same on every machine.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def band_keys(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return 16 keys for each text; texts that are alike share at least one of them.

    A key is made of four minima of independent hashes over the text's character runs. Two texts of
    Jaccard similarity s share a key with probability 1 - (1 - s⁴)¹⁶: 0.9998 at 0.8, 0.64 at 0.5,
    0.12 at 0.3. Keys of different bands never meet by design.

    Args:
        texts: Normalised texts, none empty.

    Returns:
        Keys, [texts, 16].
    """
    if not len(texts):
        return np.zeros((0, BANDS), dtype=np.int64)
    runs, starts = _runs(texts)
    seeds = _mix(np.arange(1, BANDS * _ROWS + 1, dtype=np.uint64) * _GOLDEN).reshape(BANDS, _ROWS)
    keys = np.zeros((len(texts), BANDS), dtype=np.uint64)
    for band in range(BANDS):
        key = np.full(len(texts), band, dtype=np.uint64)
        for seed in seeds[band]:
            key = _mix(key ^ np.minimum.reduceat(_mix(runs ^ seed), starts))
        keys[:, band] = key
    return keys.view(np.int64)


def _runs(texts: Sequence[str]) -> tuple[Words, NDArray[np.int64]]:
    """Return the hashed character runs of all texts, end to end, and where each text starts."""
    padded = [text if len(text) >= SHINGLE else text + "\0" * (SHINGLE - len(text)) for text in texts]
    letters = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    lengths = np.array([len(text) for text in padded])
    ends = np.cumsum(lengths)
    pairs = (letters[:-1] << np.uint64(32)) | letters[1:]
    within = np.ones(len(pairs), dtype=np.bool_)
    within[ends[:-1] - 1] = False  # a run never spans two texts
    starts = np.cumsum(np.concatenate([[0], lengths[:-1] - (SHINGLE - 1)]))
    return _mix(pairs[within]), starts


def _mix(values: Words) -> Words:
    """Return SplitMix64's finaliser of each value; arrays wrap around, which is meant."""
    values = (values ^ (values >> np.uint64(30))) * _MIX_1
    values = (values ^ (values >> np.uint64(27))) * _MIX_2
    return values ^ (values >> np.uint64(31))
