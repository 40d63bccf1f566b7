"""Synthetic perceptual hashes as skewed as a shop's: hashed drawings, not random bits.

Each hash is that of a drawn picture of 32 x 32 greys, the size that ``perceptual_hash`` shrinks to,
by the same definition. The bits of a picture on white go together, so few of the 64 tell anything
about it: random hashes would be far easier.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["skewed_hashes"]

Pictures = NDArray[np.float32]
Hashes = NDArray[np.int64]

SIDE = 32
KEPT = 8
CHUNK = 20_000
SHARES = {"on_white": 0.60, "photo": 0.20, "copy": 0.18, "placeholder": 0.02}
"""Of all pictures: goods cut out on white, scenes, near copies of either, a shop's "no picture" signs."""
FORMS = 2_000
"""Outlines that goods on white have: bottles look like bottles."""
PLACEHOLDERS = 25


def skewed_hashes(count: int, seed: int) -> Hashes:
    """Return ``count`` hashes in a random order; the same seed gives the same ones."""
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


def _on_white(rng: np.random.Generator, count: int, forms: NDArray[np.float32]) -> Iterator[Pictures]:
    """Yield goods on white: an outline with a little play, shading, and what is printed on it."""
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


def _photos(rng: np.random.Generator, count: int) -> Iterator[Pictures]:
    """Yield scenes: blotches of all sizes, the larger ones stronger."""
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        yield sum(_blotches(rng, size, cells, 160 / cells) for cells in (2, 4, 8, 16)) + np.float32(128)


def _blotches(rng: np.random.Generator, count: int, cells: int, strength: float) -> Pictures:
    """Return squares of ``cells`` x ``cells`` random greys, enlarged without smoothing."""
    greys = rng.normal(0, strength, (count, cells, cells)).astype(np.float32)
    return greys.repeat(SIDE // cells, axis=1).repeat(SIDE // cells, axis=2)


def _hashes(pictures: Iterator[Pictures]) -> Hashes:
    """Return the hash of each picture, as ``perceptual_hash`` defines it."""
    frequency, sample = np.arange(KEPT)[:, None], np.arange(SIDE)[None, :]
    cosines = np.cos(np.pi * frequency * (2 * sample + 1) / (2 * SIDE)).astype(np.float32)
    found = []
    for chunk in pictures:
        coefficients = (cosines @ chunk @ cosines.T).reshape(len(chunk), KEPT * KEPT)
        bits = coefficients > np.median(coefficients, axis=1, keepdims=True)
        found.append(np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64).view(np.int64))
    return np.concatenate(found)


def _popular(rng: np.random.Generator, kinds: int, count: int) -> NDArray[np.int64]:
    """Return which of ``kinds`` each of ``count`` is; the first ones are common, the tail is long."""
    weights = 1 / np.arange(10, 10 + kinds)
    drawn: NDArray[np.int64] = rng.choice(kinds, count, p=weights / weights.sum())
    return drawn


def _flipped(rng: np.random.Generator, hashes: Hashes, mean: float) -> Hashes:
    """Return hashes with some bits flipped, Poisson many: what recompression and scaling do."""
    changed = hashes.copy()
    flips = rng.poisson(mean, len(hashes))
    for number in range(int(flips.max(initial=0))):
        which = np.flatnonzero(flips > number)
        changed[which] ^= np.int64(1) << rng.integers(0, 64, len(which))
    return changed
