"""Near perceptual hashes among a million skewed ones; the same search beside imagededup's.

python -m bench.extract.hashes [--count 1000000] [--peer PEER/bin/python]

PEER is an environment made from bench/extract/imagededup.txt; without it the peer is left out. The
hashes are synthetic (``skewed_hashes``). Equal ones are searched for once, as deduplication does.
"""

import argparse
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.extract.skewed_hashes import skewed_hashes
from extract.duplicates import neighbour_batches, phash_neighbours

SEED = 1
RADIUS = 6
SAMPLE = 50_000
PEER_HASHES = 30_000
PEER_SCRIPT = Path(__file__).with_name("imagededup_peer.py")

Hashes = NDArray[np.int64]


def search(distinct: Hashes, sampled: NDArray[np.bool_]) -> tuple[int, NDArray[np.int64], set[tuple[int, int]]]:
    """Return how many pairs there are, the neighbours of each hash, and the pairs within the sample."""
    pairs, neighbours, inside = 0, np.zeros(len(distinct), dtype=np.int64), set()
    for batch in neighbour_batches(distinct, RADIUS):
        pairs += len(batch.left)
        neighbours += np.bincount(batch.left, minlength=len(distinct))
        neighbours += np.bincount(batch.right, minlength=len(distinct))
        both = sampled[batch.left] & sampled[batch.right]
        inside.update(zip(batch.left[both].tolist(), batch.right[both].tolist(), strict=True))
    return pairs, neighbours, inside


def by_force(distinct: Hashes, places: NDArray[np.int64]) -> set[tuple[int, int]]:
    """Return the near pairs within a sample, by comparing each with each."""
    values = distinct[places].view(np.uint64)
    found = set()
    for row in range(len(values) - 1):
        near = np.flatnonzero(np.bitwise_count(values[row + 1 :] ^ values[row]) <= RADIUS)
        found.update((int(places[row]), int(places[row + 1 + column])) for column in near)
    return found


def million(count: int) -> Hashes:
    """Measure the search, and its recall on a sample; return the distinct hashes."""
    hashes = skewed_hashes(count, SEED)
    started = time.perf_counter()
    distinct, shared = np.unique(hashes, return_counts=True)
    places = np.sort(np.random.default_rng(SEED).choice(len(distinct), min(SAMPLE, len(distinct)), replace=False))
    sampled = np.zeros(len(distinct), dtype=np.bool_)
    sampled[places] = True
    pairs, neighbours, inside = search(distinct, sampled)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    wanted = by_force(distinct, places)
    print(f"{count} hashes, {len(distinct)} distinct, the commonest {shared.max()} times")
    print(f"neighbours within {RADIUS} bits: mean {neighbours.mean():.1f}, most {neighbours.max()}, {pairs} pairs")
    print(f"{seconds:.1f} s (wanted <= 60), {peak:.2f} GiB at most, hashes drawn included (wanted <= 4)")
    print(
        f"recall on {len(places)} hashes: {len(inside & wanted)} of {len(wanted)} pairs, {len(inside - wanted)} wrong"
    )
    return distinct


def beside_peer(distinct: Hashes, peer: str) -> None:
    """Search the same hashes with imagededup's default method and with this project's."""
    hashes = np.random.default_rng(SEED).choice(distinct, PEER_HASHES, replace=False)
    started = time.perf_counter()
    own_pairs = len(phash_neighbours(hashes, RADIUS).left)
    own = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "hashes.npy"
        np.save(file, hashes)
        command = [peer, "-W", "ignore", str(PEER_SCRIPT), str(file), str(RADIUS), "brute_force_cython"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seconds, pairs = printed.splitlines()[-1].split()
    print(
        f"{len(hashes)} hashes: imagededup {float(seconds):.1f} s, {pairs} pairs; m5data {own:.3f} s, {own_pairs} pairs"
    )
    print(f"{float(seconds) / own:.0f} x (wanted >= 100)")


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--peer")
    chosen = parser.parse_args()
    distinct = million(chosen.count)
    if chosen.peer:
        beside_peer(distinct, chosen.peer)


if __name__ == "__main__":
    main()
