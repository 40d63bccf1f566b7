"""The encoder ``light``: no download, no training, no image decoded again."""

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from annotate.candidates.encoder import Listing, ReadObject, Vectors

__all__ = ["LightEncoder"]

_CAPTION, _SPECS, _IMAGE = 1024, 512, 64
_WEIGHTS = (1.0, 1.0, 0.5)
"""Of caption, specifications, image: a perceptual hash tells photographs apart, not products."""
_WORD = re.compile(r"[a-z0-9]+(?:[.\-/][a-z0-9]+)*")
_GRAMS = (2, 3)


class LightEncoder:
    """Hashed words and character n-grams of the caption, hashed specification lines, and the image's perceptual hash.

    Texts are folded (NFKC, lower case). A caption gives its Latin words and numbers and the n-grams of 2 and 3
    characters of everything else; a specification line gives its property with its value, and the value alone. A term
    that occurs n times adds 1 + ln n to the place that its CRC-32 names, with a sign that the same hash gives, so that
    collisions cancel on average (Weinberger et al. 2009, "Feature hashing for large scale multitask learning",
    section 2). The perceptual hash gives 64 values of +-1: signs of low frequencies of the grey image. Each part is
    scaled to its weight as length.
    """

    dimensions = _CAPTION + _SPECS + _IMAGE

    def encode(self, listings: Sequence[Listing], read: ReadObject) -> Vectors:
        """Return [len(listings), 1600]: 1,024 of the caption, 512 of the specifications, 64 of the image."""
        del read  # the hash in the table images says enough
        vectors = np.zeros((len(listings), self.dimensions), np.float32)
        for vector, listing in zip(vectors, listings, strict=True):
            _hash_terms(caption_terms(listing.caption or ""), vector[:_CAPTION])
            _hash_terms(spec_terms(listing.specs), vector[_CAPTION : _CAPTION + _SPECS])
            if listing.phash is not None:
                bits = np.unpackbits(np.array([listing.phash], np.int64).view(np.uint8))
                vector[-_IMAGE:] = bits * 2.0 - 1.0
        start = 0
        for size, weight in zip((_CAPTION, _SPECS, _IMAGE), _WEIGHTS, strict=True):
            part = vectors[:, start : start + size]
            part *= weight / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), np.float32(1e-12))
            start += size
        return vectors


def caption_terms(caption: str) -> Iterator[str]:
    """Yield the terms of a caption, repeated as they occur."""
    text = _fold(caption)
    yield from _WORD.findall(text)
    for run in _WORD.sub(" ", text).split():
        for size in _GRAMS:
            yield from (run[start : start + size] for start in range(len(run) - size + 1))


def spec_terms(specs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the terms of a specification table."""
    for name, value in specs:
        folded = _fold(value)
        yield f"{_fold(name)}={folded}"
        yield folded


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def _hash_terms(terms: Iterable[str], vector: Vectors) -> None:
    """Add the terms to a vector whose length is a power of two."""
    for term, count in Counter(terms).items():
        place = zlib.crc32(term.encode(errors="surrogatepass"))
        vector[place & (len(vector) - 1)] += (1 + np.log(count)) * (1 if place >> 31 else -1)
