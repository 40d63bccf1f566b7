"""The nearest image hashes of a few items among very many."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from splits.keys import Keys, Rows

__all__ = ["nearest_hashes"]

_THREADS = 2
_BLOCK = 1 << 18  # hashes compared at a time: 2 MB, which stay in cache


def nearest_hashes(wanted: Keys, among: Keys) -> tuple[Rows, Rows]:
    """Return for each hash the place of the nearest among others, and how many of 64 bits differ.

    Args:
        wanted: Hashes to look for.
        among: Hashes to look in, at least one; of equally near ones the first counts.
    """
    with ThreadPoolExecutor(_THREADS) as pool:  # NumPy works without the interpreter's lock
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
