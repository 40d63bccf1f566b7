"""Pairs of texts that may be similar: MinHash keys, and the pairs that share one."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.components import Indices
from extract.duplicates.similarity import code_points

__all__ = ["BANDS", "Keys", "Pairs", "band_keys", "crowded_bands", "keys_of", "pairs_of_keys", "text_keys"]

Keys = NDArray[np.uint32]
"""Keys of each text, [texts, 16]."""
Pairs = tuple[Indices, Indices]
"""Indices of both texts of each pair, the smaller one first."""

BANDS = 16
_ROWS = 4
_RUN = 4
"""Characters per run. Common words make even unrelated texts share runs of two; of their runs of four, such texts
share a hundredth."""
_TEXTS = 2048
_PAIRS = 1 << 20
# Constants of SplitMix64: a fixed, well-mixing hash, the same on every machine.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)

Words = NDArray[np.uint64]


def band_keys(texts: Sequence[str]) -> Keys:
    """Return 16 keys per text; similar texts share at least one, in the same band.

    A key combines four minima of independent hashes over the text's runs of four characters. Two texts whose runs
    have Jaccard similarity s share a key with probability 1 - (1 - s⁴)¹⁶: 0.9998 at 0.8, 0.988 at 0.7, 0.12 at 0.3.

    Args:
        texts: Normalised texts; all empty ones get the same keys.
    """
    blocks = [_block_keys(texts[start : start + _TEXTS]) for start in range(0, len(texts), _TEXTS)]
    return np.concatenate([np.zeros((0, BANDS), np.uint32), *blocks])


def text_keys(texts: pa.ChunkedArray) -> pa.Array:
    """Return ``band_keys`` of each text (none is NULL) as a list of 8 numbers, each of which holds two keys."""
    keys = band_keys(texts.to_pylist())
    starts = np.arange(0, 8 * len(keys) + 1, 8, dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(starts), pa.array(keys.astype("<u4").view(np.int64).ravel()))


def keys_of(column: pa.ListArray) -> Keys:
    """Return the keys in a column that ``text_keys`` returned."""
    numbers: Keys = np.ascontiguousarray(column.flatten().to_numpy(zero_copy_only=False)).view("<u4")
    return numbers.reshape(-1, BANDS)


def _block_keys(texts: Sequence[str]) -> Keys:
    runs, starts = _runs(texts)
    seeds = _mix(np.arange(1, 2 * BANDS * _ROWS + 1, dtype=np.uint64) * _GOLDEN).astype(np.uint32)
    factors, shifts = seeds[::2] | np.uint32(1), seeds[1::2]
    keys = np.empty((len(texts), BANDS), dtype=np.uint32)
    for band in range(BANDS):
        key = np.full(len(texts), band, dtype=np.uint64)
        for row in range(band * _ROWS, (band + 1) * _ROWS):
            key = _mix(key ^ np.minimum.reduceat(runs * factors[row] + shifts[row], starts))
        keys[:, band] = key >> np.uint64(32)
    return keys


def _runs(texts: Sequence[str]) -> tuple[NDArray[np.uint32], Indices]:
    """Return the hashed runs of all texts, concatenated, and the start of each text; a short text is one run."""
    padded = [text if len(text) >= _RUN else text.ljust(_RUN, "\0") for text in texts]
    letters, lengths = code_points(padded)
    count = len(letters) - _RUN + 1
    hashed = np.zeros(count, dtype=np.uint64)
    for offset in range(_RUN):
        hashed = (hashed ^ letters[offset : offset + count].astype(np.uint64)) * _MIX_1
    within = np.ones(count, dtype=np.bool_)
    for before in range(1, _RUN):
        within[np.cumsum(lengths)[:-1] - before] = False  # a run never spans two texts
    starts = np.cumsum(np.concatenate([[0], lengths[:-1] - (_RUN - 1)]))
    return _mix(hashed[within]).astype(np.uint32), starts


def _mix(values: Words) -> Words:
    """Return SplitMix64's finaliser of each value; overflow is intended."""
    values = (values ^ (values >> np.uint64(30))) * _MIX_1
    values = (values ^ (values >> np.uint64(27))) * _MIX_2
    return values ^ (values >> np.uint64(31))


def crowded_bands(keys: Keys, most: int) -> NDArray[np.uint16]:
    """Return for each text the bands, as bits, in which more than ``most`` texts share its key, [texts]."""
    crowded = np.zeros(len(keys), dtype=np.uint16)
    for band in range(BANDS):
        places, _, sizes = _sorted_groups(keys[:, band])
        big = np.repeat(sizes > most, sizes)
        crowded[places[big]] |= np.uint16(1 << band)
    return crowded


def pairs_of_keys(keys: Keys, crowded: NDArray[np.uint16]) -> Iterator[Pairs]:
    """Yield the pairs of texts that share a key in a band where it is not crowded, each pair once.

    Args:
        keys: Result of ``band_keys``.
        crowded: Result of ``crowded_bands``.
    """
    for band in range(BANDS):
        places, starts, sizes = _sorted_groups(keys[:, band])
        chosen = (sizes > 1) & _open(crowded[places[starts]], band)
        for left, right in _pairs_within(places, starts[chosen], sizes[chosen]):
            first = np.ones(len(left), dtype=np.bool_)
            for earlier in range(band):
                first &= (keys[left, earlier] != keys[right, earlier]) | ~_open(crowded[left], earlier)
            yield left[first], right[first]


def _open(crowded: NDArray[np.uint16], band: int) -> NDArray[np.bool_]:
    is_open: NDArray[np.bool_] = (crowded >> np.uint16(band)) & np.uint16(1) == 0
    return is_open


def _sorted_groups(keys: NDArray[np.uint32]) -> tuple[Indices, Indices, Indices]:
    """Return the places sorted by key, then by place; the start of each key; the number of its places."""
    order = (keys.astype(np.uint64) << np.uint64(32)) | np.arange(len(keys), dtype=np.uint64)
    order.sort()
    starts = np.flatnonzero(np.diff(order >> np.uint64(32), prepend=np.uint64(2**63)))
    places = (order & np.uint64(0xFFFFFFFF)).astype(np.int64)
    return places, starts, np.diff(starts, append=len(keys))


def _pairs_within(places: Indices, starts: Indices, sizes: Indices) -> Iterator[Pairs]:
    """Yield all pairs within each group, in batches: each place with the next one, then with the one after that."""
    ends = np.repeat(starts + sizes, sizes)
    before = np.cumsum(sizes) - sizes
    one = np.arange(len(ends)) + np.repeat(starts - before, sizes)
    step = 0
    while len(one):
        step += 1
        inside = one + step < ends
        one, ends = one[inside], ends[inside]
        for start in range(0, len(one), _PAIRS):
            part = one[start : start + _PAIRS]
            yield places[part], places[part + step]
