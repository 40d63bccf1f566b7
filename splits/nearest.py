"""Nearest neighbours of a few items among very many, by caption and by image hash."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splits.drawing import Flags, Keys, Rows, mix

__all__ = ["CaptionSearch", "nearest_hashes"]

_WINDOW = 6  # bytes: two Chinese characters, or six Latin letters
_MASK = np.uint64(2 ** (8 * _WINDOW) - 1)
_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)
_MIDDLE = np.uint64(20)
_MAX = 200  # candidates compared per caption: boilerplate has thousands
_AT_ONCE = 4  # batches in memory
_SKETCHED = 4_000  # captions at a time: their pieces stay in cache, and memory is reused
_OF_A_VALUE = 20  # of these per hash value in a batch

Texts = npt.NDArray[np.object_]


class CaptionSearch:
    """Search for the nearest captions, batch by batch.

    Candidates agree in one of three min-wise hashes (Broder 1997) of their six-byte pieces: one of
    similarity s is found with probability 1 - (1 - s)^3, .999 at s = .9 and .875 at s = .5. If a
    caption has too many candidates, those that agree in most hashes are compared. Those that agree
    in all three are also searched for separately, so that boilerplate does not hide an equal caption.
    """

    def __init__(self, captions: list[str]) -> None:
        self._wanted = captions
        self._sketch = _sketch(pa.array(captions, pa.string()))
        self._number: Rows = np.zeros(0, dtype=np.int64)
        self._agreeing: Rows = np.zeros(0, dtype=np.int64)
        self._ids: Texts = np.zeros(0, dtype=object)
        self._texts: Texts = np.zeros(0, dtype=object)

    def look_in(self, batches: Iterable[tuple[pa.Array, pa.Array]]) -> None:
        """Find candidates in batches of ids and captions, none of them NULL; each core sketches a batch at a time."""
        waiting = iter(batches)
        with ThreadPoolExecutor() as threads:
            while some := list(islice(waiting, _AT_ONCE)):
                for (ids, captions), found in zip(some, threads.map(self._candidates, some), strict=True):
                    self._add(ids, captions, *found)

    def _candidates(self, batch: tuple[pa.Array, pa.Array]) -> tuple[Rows, Rows, Rows]:
        captions = batch[1]
        pieces = [_sketch(captions.slice(start, _SKETCHED)) for start in range(0, len(captions), _SKETCHED)]
        return _candidates(self._sketch, np.concatenate([self._sketch[:0], *pieces]))

    def _add(self, ids: pa.Array, captions: pa.Array, number: Rows, row: Rows, agreeing: Rows) -> None:
        chosen = pa.array(row)
        numbers = np.concatenate([self._number, number])
        kept = _first_of_each(numbers, np.concatenate([self._agreeing, agreeing]))
        self._number = numbers[kept]
        self._agreeing = np.concatenate([self._agreeing, agreeing])[kept]
        self._ids = np.concatenate([self._ids, ids.take(chosen).to_numpy(zero_copy_only=False)])[kept]
        self._texts = np.concatenate([self._texts, captions.take(chosen).to_numpy(zero_copy_only=False)])[kept]

    def nearest(self) -> list[tuple[str | None, float]]:
        """Return for each caption the earliest product with the nearest caption, and the similarity of both.

        Similarity is the Jaccard index of the sets of two-character pieces; None and 0: no candidate.
        """
        best: list[tuple[str | None, float]] = [(None, 0.0)] * len(self._wanted)
        wanted = [_pieces(caption) for caption in self._wanted]
        for number, product, text in zip(self._number.tolist(), self._ids, self._texts, strict=True):
            similarity = _jaccard(wanted[number], _pieces(text))
            if similarity > best[number][1]:
                best[number] = product, similarity
        return best


def _candidates(own: Keys, other: Keys) -> tuple[Rows, Rows, Rows]:
    """Return the number, row and count of equal hashes of each pair that agrees in any, by number and row."""
    pairs = [_agreeing(mine, theirs) for mine, theirs in zip(own.T, other.T, strict=True)]
    codes, agreeing = np.unique(np.concatenate(pairs), return_counts=True)
    return codes // max(len(other), 1), codes % max(len(other), 1), agreeing


def _agreeing(own: Keys, other: Keys) -> Rows:
    """Return ``number * rows + row`` of the pairs with equal values, for the first few rows of each value."""
    order = np.argsort(own, kind="stable")
    rows = _that_may_agree(own, other)
    first = np.searchsorted(own[order], other[rows], "left")
    times = np.searchsorted(own[order], other[rows], "right") - first
    chosen = np.argsort(first, kind="stable")
    chosen = chosen[times[chosen] > 0]
    chosen = chosen[_rank(first[chosen]) < _OF_A_VALUE]
    rows, first, times = rows[chosen], first[chosen], times[chosen]
    within = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
    return np.asarray(order[np.repeat(first, times) + within] * len(other) + np.repeat(rows, times))


def _that_may_agree(own: Keys, other: Keys) -> Rows:
    """Return the rows of ``other`` whose middle bits occur in ``own``: few, so that the search in them is short."""
    seen = np.zeros(1 << 16, dtype=bool)
    seen[(own >> _MIDDLE).astype(np.uint16)] = True
    return np.flatnonzero(seen[(other >> _MIDDLE).astype(np.uint16)])


def _first_of_each(numbers: Rows, agreeing: Rows) -> Rows:
    """Return the indices of the pairs to keep: for each number those that agree most, and of equals the earlier."""
    order = np.lexsort((-agreeing, numbers))
    return np.sort(order[_rank(numbers[order]) < _MAX])


def _rank(values: Rows) -> Rows:
    """Return the place of each entry among its equals; ``values`` ascending."""
    starts = np.flatnonzero(np.diff(values, prepend=values[:1] - 1))
    return np.arange(len(values)) - np.repeat(starts, np.diff(starts, append=len(values)))


def _pieces(caption: str) -> set[str]:
    return {caption[place : place + 2] for place in range(max(len(caption) - 1, 1))}


def _jaccard(left: set[str], right: set[str]) -> float:
    common = len(left & right)
    return common / (len(left) + len(right) - common)


def _sketch(captions: pa.Array) -> Keys:
    """Return three min-wise hashes of each caption and one of all three, ``[captions, 4]``.

    A caption shorter than a piece is one piece.
    """
    _, edges, data = captions.buffers()
    offsets = np.frombuffer(edges, np.int32)[captions.offset : captions.offset + len(captions) + 1].astype(np.int64)
    text = np.frombuffer(data or b"", np.uint8)[offsets[0] : offsets[-1]]
    starts, lengths = offsets[:-1] - offsets[0], np.diff(offsets)
    padded = np.concatenate([text, np.zeros(9, dtype=np.uint8)])
    windows = np.lib.stride_tricks.as_strided(padded[:8].view("<u8"), (len(text) + 2,), (1,)) & _MASK
    short = lengths < _WINDOW
    # a piece that would run into the next caption is cut off; two short captions never share a start
    windows[starts[short & (lengths > 0)]] &= _lowest_bytes(lengths[short & (lengths > 0)])
    ends = np.where(short, starts + 1, starts + lengths - _WINDOW + 1)
    return _least(windows, starts, ends, lengths == 0)


def _lowest_bytes(count: Rows) -> Keys:
    return (np.uint64(1) << (np.uint64(8) * count.astype(np.uint64))) - np.uint64(1)


def _least(windows: Keys, starts: Rows, ends: Rows, empty: Flags) -> Keys:
    """Return the smallest hashes of the windows from each start to its end, exclusive."""
    edges = np.stack([starts, ends], axis=1).ravel()
    columns = [np.minimum.reduceat(windows * factor, edges)[::2] for factor in _FACTORS]
    sketch = np.stack([*columns, mix(columns[0] + mix(columns[1] + mix(columns[2])))], axis=1)
    sketch[empty] = 0
    return sketch


_THREADS = 2
_BLOCK = 1 << 18  # hashes compared at a time: 2 MB, which stay in cache


def nearest_hashes(wanted: Keys, among: Keys) -> tuple[Rows, Rows]:
    """Return for each hash the index of the nearest among others, and how many of 64 bits differ.

    Args:
        wanted: Hashes to look for.
        among: Hashes to search, at least one; of equally near ones the first counts.
    """
    with ThreadPoolExecutor(_THREADS) as pool:  # NumPy releases the interpreter's lock
        parts = list(pool.map(lambda part: _nearest(part, among), np.array_split(wanted, _THREADS)))
    places, distances = zip(*parts, strict=True)
    return np.concatenate(places), np.concatenate(distances)


def _nearest(wanted: Keys, among: Keys) -> tuple[Rows, Rows]:
    place = np.zeros(len(wanted), dtype=np.int64)
    distance = np.full(len(wanted), 65, dtype=np.int64)
    for start in range(0, len(among), _BLOCK):
        block = among[start : start + _BLOCK]
        for number, value in enumerate(wanted):
            bits = np.bitwise_count(block ^ value)
            best = int(bits.argmin())
            if bits[best] < distance[number]:
                distance[number], place[number] = bits[best], start + best
    return place, distance
