"""Encoders: the protocol, the registry, and the encoder ``light``."""

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from annotate.settings import CandidateSettings
from m5data.errors import SettingsError

__all__ = ["ENCODERS", "Encoder", "EncoderEntry", "LightEncoder", "Listing", "ReadObject", "Vectors", "load_encoder"]

Vectors = NDArray[np.float32]
ReadObject = Callable[[str], bytes]
"""SHA-256 of an object -> its bytes."""
_CAPTION, _SPECS, _IMAGE = 1024, 512, 64
_WEIGHTS = (1.0, 1.0, 0.5)
"""Of caption, specifications, image: a perceptual hash tells photographs apart, not products."""
_WORD = re.compile(r"[a-z0-9]+(?:[.\-/][a-z0-9]+)*")
_GRAMS = (2, 3)


@dataclass(frozen=True, slots=True)
class Listing:
    """What an encoder may look at of one product; the modalities that are absent are None or empty."""

    product_id: str
    caption: str | None = None
    specs: tuple[tuple[str, str], ...] = ()
    """(property, value) in the order of the page, under shared names where they were aligned."""
    image: str | None = None
    """SHA-256 of the main image, for encoders that read its bytes."""
    phash: int | None = None
    """64-bit perceptual hash of the main image, as a signed integer."""


class Encoder(Protocol):
    """Vectors whose cosine says how likely two listings are one product."""

    @property
    def dimensions(self) -> int:
        """Length of a vector: the lengths of its concatenated features."""

    def encode(self, listings: Sequence[Listing], read: ReadObject) -> Vectors:
        """Return [len(listings), dimensions]; each feature scaled as it should weigh. Absent features are zeros."""


@dataclass(frozen=True, slots=True)
class EncoderEntry:
    """Where an encoder is found, and what it is made with."""

    factory: str
    """``module:class``, as in an entry point: imported when it is asked for, so that an encoder that needs torch costs
    nothing, and is known to nobody here but by its name."""
    options: tuple[str, ...] = ()
    """Settings of the candidate search that it takes as arguments of the same name."""


ENCODERS: Mapping[str, EncoderEntry] = MappingProxyType(
    {
        "light": EncoderEntry("annotate.candidates.encoders:LightEncoder"),
        "paper": EncoderEntry("scale.encoders.paper:PaperEncoder", ("resnet", "bert")),
        "scale": EncoderEntry("scale.encoders.trained:TrainedEncoder", ("checkpoint",)),
    }
)


def load_encoder(settings: CandidateSettings) -> Encoder:
    """Return the encoder that the settings name.

    Raises:
        SettingsError: There is none of that name, it wants a setting, or a package of the extra ``train``.
    """
    name = settings.encoder
    if name not in ENCODERS:
        raise SettingsError(f"annotate.candidates.encoder: wanted one of {', '.join(ENCODERS)}, got {name!r}")
    place = ENCODERS[name]
    chosen = {option: getattr(settings, option) for option in place.options}
    if None in chosen.values():
        wanted = " and ".join(option for option, value in chosen.items() if value is None)
        raise SettingsError(f"annotate.candidates.{wanted}: the encoder {name} wants one, got none; set it")
    module, _, factory = place.factory.partition(":")
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"annotate.candidates.encoder: {name} wants the extra train, found no {error.name}; "
            "run: pip install 'm5data[train]'"
        ) from error
    made: Encoder = getattr(found, factory)(**chosen)
    return made


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
