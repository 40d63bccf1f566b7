"""Search for near perceptual hashes among a million skewed ones, and the same search by imagededup.

python -m bench.extract.hashes [--count 1000000] [--peer PEER/bin/python]

PEER is an environment made from bench/extract/imagededup.txt; without it, the peer is left out. The
hashes are synthetic (``skewed_hashes``). Equal ones are searched for once, as in deduplication.
"""

import argparse
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extract.duplicates import neighbour_batches, phash_neighbours

__all__ = ["skewed_hashes"]

Images = NDArray[np.float32]
Hashes = NDArray[np.int64]

SIDE = 32
KEPT = 8
CHUNK = 20_000
SHARES = {"on_white": 0.60, "photo": 0.20, "copy": 0.18, "placeholder": 0.02}
"""Kind -> share of images: products cut out on white, scenes, near copies of either, a shop's "no image" signs."""
FORMS = 2_000
"""Number of outlines of products on white: bottles look like bottles."""
PLACEHOLDERS = 25


def skewed_hashes(count: int, seed: int) -> Hashes:
    """Return ``count`` hashes in random order; the same seed returns the same ones."""
    rng = np.random.default_rng(seed)
    sizes = {kind: round(share * count) for kind, share in SHARES.items()}
    whites = _hashes(_on_white(rng, sizes["on_white"], _forms(rng)))
    photos = _hashes(_photos(rng, sizes["photo"]))
    originals = np.concatenate([whites, photos])
    signs = _hashes(_photos(rng, PLACEHOLDERS))
    placeholders = _flipped(rng, signs[rng.zipf(1.5, sizes["placeholder"]) % len(signs)], 0.7)
    copies = _flipped(rng, rng.permutation(originals)[_popular(rng, len(originals), sizes["copy"])], 1.5)
    hashes = np.concatenate([originals, placeholders, copies])
    return rng.permutation(hashes[:count])


def _forms(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return half width, half height, squareness and tilt of each outline, [forms, 4]."""
    low, high = np.array([[0.2, 0.3, 1.2, -0.3], [0.9, 0.95, 5.0, 0.3]])
    drawn: NDArray[np.float32] = rng.uniform(low, high, (FORMS, 4)).astype(np.float32)
    return drawn


def _on_white(rng: np.random.Generator, count: int, forms: NDArray[np.float32]) -> Iterator[Images]:
    """Yield products on white: a slightly varied outline with shading and a print."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j].astype(np.float32)
    popular = _popular(rng, len(forms), count)
    for start in range(0, count, CHUNK):
        form = forms[popular[start : start + CHUNK]]
        play = rng.normal(0, [0.03, 0.03, 0.2, 0.05], form.shape).astype(np.float32)
        wide, high, square, tilt = (form + play).T[:, :, None, None]
        right, down = rng.normal(0, 0.05, (2, len(form), 1, 1)).astype(np.float32)
        across, along = x - right + tilt * (y - down), y - down - tilt * (x - right)
        reach = np.abs(across / wide) ** square + np.abs(along / high) ** square
        inside = 1 / (1 + np.exp(np.clip(8 * (reach - 1), -30, 30)))
        grey = rng.uniform(20, 230, (len(form), 1, 1)).astype(np.float32)
        body = grey + 25 * across + _blotches(rng, len(form), 8, 30)
        yield 254 * (1 - inside) + np.clip(body, 0, 255) * inside


def _photos(rng: np.random.Generator, count: int) -> Iterator[Images]:
    """Yield scenes: blotches of all sizes, the larger ones stronger."""
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        yield reduce(np.add, (_blotches(rng, size, cells, 160 / cells) for cells in (2, 4, 8, 16))) + np.float32(128)


def _blotches(rng: np.random.Generator, count: int, cells: int, strength: float) -> Images:
    """Return squares of ``cells`` x ``cells`` random greys, enlarged without smoothing."""
    greys = rng.normal(0, strength, (count, cells, cells)).astype(np.float32)
    return greys.repeat(SIDE // cells, axis=1).repeat(SIDE // cells, axis=2)


def _hashes(images: Iterator[Images]) -> Hashes:
    """Return the hash of each image, as ``perceptual_hash`` defines it."""
    frequency, sample = np.arange(KEPT)[:, None], np.arange(SIDE)[None, :]
    cosines = np.cos(np.pi * frequency * (2 * sample + 1) / (2 * SIDE)).astype(np.float32)
    found = []
    for chunk in images:
        coefficients = (cosines @ chunk @ cosines.T).reshape(len(chunk), KEPT * KEPT)
        bits = coefficients > np.median(coefficients, axis=1, keepdims=True)
        found.append(np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64).view(np.int64))
    return np.concatenate(found)


def _popular(rng: np.random.Generator, kinds: int, count: int) -> NDArray[np.int64]:
    """Draw ``count`` of ``kinds``; the first kinds are common, the tail is long."""
    weights = 1 / np.arange(10, 10 + kinds)
    drawn: NDArray[np.int64] = rng.choice(kinds, count, p=weights / weights.sum())
    return drawn


def _flipped(rng: np.random.Generator, hashes: Hashes, mean: float) -> Hashes:
    """Return hashes with a Poisson number of bits flipped, as by recompression and scaling."""
    changed = hashes.copy()
    flips = rng.poisson(mean, len(hashes))
    for number in range(int(flips.max(initial=0))):
        which = np.flatnonzero(flips > number)
        changed[which] ^= np.int64(1) << rng.integers(0, 64, len(which))
    return changed


SEED = 1
RADIUS = 6
SAMPLE = 50_000
PEER_HASHES = 30_000
_PEER = """
import sys, time, numpy
from unittest.mock import MagicMock
for name in ("methods.cnn", "utils.models", "utils.data_generator"):  # they need torch, and the search does not
    sys.modules[f"imagededup.{name}"] = MagicMock()
from imagededup.methods import PHash
hashes = numpy.load(sys.argv[1]).view(numpy.uint64).tolist()
encodings = {f"{place:06}.jpg": f"{value:016x}" for place, value in enumerate(hashes)}
method = PHash(verbose=False)
started = time.perf_counter()
found = method.find_duplicates(
    encoding_map=encodings, max_distance_threshold=int(sys.argv[2]), search_method="brute_force_cython"
)
print(time.perf_counter() - started, sum(map(len, found.values())) // 2)
"""


def search(distinct: Hashes, sampled: NDArray[np.bool_]) -> tuple[int, NDArray[np.int64], set[tuple[int, int]]]:
    """Return the number of pairs, the number of neighbours of each hash, and the pairs within the sample."""
    pairs, neighbours = 0, np.zeros(len(distinct), dtype=np.int64)
    inside: set[tuple[int, int]] = set()
    for batch in neighbour_batches(distinct, RADIUS):
        pairs += len(batch.left)
        neighbours += np.bincount(batch.left, minlength=len(distinct))
        neighbours += np.bincount(batch.right, minlength=len(distinct))
        both = sampled[batch.left] & sampled[batch.right]
        inside.update(zip(batch.left[both].tolist(), batch.right[both].tolist(), strict=True))
    return pairs, neighbours, inside


def by_force(distinct: Hashes, places: NDArray[np.int64]) -> set[tuple[int, int]]:
    """Return the near pairs within a sample, by comparing every pair."""
    values = distinct[places].view(np.uint64)
    found: set[tuple[int, int]] = set()
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
    print(f"{seconds:.1f} s (target <= 60), {peak:.2f} GiB at most, hashes drawn included (target <= 4)")
    print(
        f"recall on {len(places)} hashes: {len(inside & wanted)} of {len(wanted)} pairs, {len(inside - wanted)} wrong"
    )
    return distinct


def beside_peer(distinct: Hashes, peer: str) -> None:
    """Search the same hashes with imagededup's default method and with m5data's."""
    hashes = np.random.default_rng(SEED).choice(distinct, PEER_HASHES, replace=False)
    started = time.perf_counter()
    own_pairs = len(phash_neighbours(hashes, RADIUS).left)
    own = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "hashes.npy"
        np.save(file, hashes)
        command = [peer, "-W", "ignore", "-c", _PEER, str(file), str(RADIUS)]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seconds, pairs = printed.splitlines()[-1].split()
    print(
        f"{len(hashes)} hashes: imagededup {float(seconds):.1f} s, {pairs} pairs; m5data {own:.3f} s, {own_pairs} pairs"
    )
    print(f"{float(seconds) / own:.0f} x (target >= 100)")


def main() -> None:
    """Measure, with a peer if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--peer")
    chosen = parser.parse_args()
    distinct = million(chosen.count)
    if chosen.peer:
        beside_peer(distinct, chosen.peer)


if __name__ == "__main__":
    main()
