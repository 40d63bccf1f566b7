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
from core.errors import SettingsError

__all__ = ["ENCODERS", "Encoder", "EncoderEntry", "LightEncoder", "Listing", "ReadObject", "Vectors", "load_encoder"]

Vectors = NDArray[np.float32]
ReadObject = Callable[[str], bytes]
"""SHA-256 of an object -> its bytes."""
_SIZES = _CAPTION, _MODELS, _SPECS, _IMAGE = 1024, 512, 512, 64
_WEIGHTS = (1.0, 0.7, 0.7, 0.5)
"""Weights of caption, numbers and models, specifications and image; the perceptual hash tells photographs apart
rather than products."""
_WORD = re.compile(r"[a-z0-9]+(?:[.\-/][a-z0-9]+)*")
_LETTERS = re.compile(r"[a-z0-9]+")
_WORD_GRAMS, _GRAMS = (3, 4), (2, 3)
_SHORTEST_MODEL = 3


@dataclass(frozen=True, slots=True)
class Listing:
    """The data of one product that an encoder sees; absent modalities are None or empty."""

    product_id: str
    caption: str | None = None
    specs: tuple[tuple[str, str], ...] = ()
    """(property, value) in page order, normalised if aligned."""
    image: str | None = None
    """SHA-256 of the main image, for encoders that read it."""
    phash: int | None = None
    """64-bit perceptual hash of the main image, as a signed integer."""
    gtin: str | None = None
    """The 14 digits of its GTIN."""


class Encoder(Protocol):
    """Encoder of listings as vectors whose cosine measures how likely two listings are the same product."""

    @property
    def dimensions(self) -> int:
        """Length of a vector, the sum of the lengths of its features."""

    def encode(self, listings: Sequence[Listing], read: ReadObject) -> Vectors:
        """Return [len(listings), dimensions], each feature scaled to its weight; absent features are zeros."""


@dataclass(frozen=True, slots=True)
class EncoderEntry:
    """Factory of an encoder and its options."""

    factory: str
    """``module:class``, as in an entry point. It is imported on demand, because some encoders need torch."""
    options: tuple[str, ...] = ()
    """Names of the candidate settings that are passed to the factory."""
    reads_images: bool = False
    """Whether it reads the main image rather than only its hash."""


ENCODERS: Mapping[str, EncoderEntry] = MappingProxyType(
    {
        "light": EncoderEntry("annotate.candidates.encoders:LightEncoder"),
        "paper": EncoderEntry("scale.encoders.paper:PaperEncoder", ("resnet", "bert"), reads_images=True),
        "scale": EncoderEntry("scale.encoders.trained:TrainedEncoder", ("checkpoint",), reads_images=True),
    }
)


def load_encoder(settings: CandidateSettings) -> Encoder:
    """Return the encoder named in the settings.

    Raises:
        SettingsError: The name is unknown, or a setting or a package of the extra ``train`` is missing.
    """
    name = settings.encoder
    if name not in ENCODERS:
        raise SettingsError(f"annotate.candidates.encoder must be one of {', '.join(ENCODERS)}, not {name!r}.")
    place = ENCODERS[name]
    chosen = {option: getattr(settings, option) for option in place.options}
    if None in chosen.values():
        wanted = " and ".join(option for option, value in chosen.items() if value is None)
        raise SettingsError(f"annotate.candidates.{wanted}: the encoder {name} needs this setting.")
    module, _, factory = place.factory.partition(":")
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"annotate.candidates.encoder: {name} needs the extra train ({error.name} is not installed). "
            "Run pip install 'm5data[train]'."
        ) from error
    made: Encoder = getattr(found, factory)(**chosen)
    return made


class LightEncoder:
    """Hashed n-grams of the caption, hashed models and specification lines, and the image's perceptual hash.

    Texts are folded (NFKC, lower case). The terms of a caption are the 3- and 4-grams of its Latin words and numbers
    including spaces, and the 2- and 3-grams of all other characters. Numbers and models are the GTIN, and words of the
    caption and the specifications with three or more letters and digits, at least one of them a digit, without
    punctuation. The terms of a specification are property with value, and the value alone. A term that occurs n
    times adds 1 + ln n at the index given by its CRC-32, with a sign from the same hash so that collisions cancel
    on average (Weinberger et al. 2009, "Feature hashing for large scale multitask learning", section 2). The
    perceptual hash gives 64 values of +-1. Each part is scaled to a length equal to its weight.
    """

    dimensions = sum(_SIZES)

    def encode(self, listings: Sequence[Listing], read: ReadObject) -> Vectors:
        """Return [len(listings), 2112]: caption 1,024, models 512, specifications 512, image 64."""
        del read  # the hash from the table images suffices
        vectors = np.zeros((len(listings), self.dimensions), np.float32)
        for vector, listing in zip(vectors, listings, strict=True):
            _hash_terms(caption_terms(listing.caption or ""), vector[:_CAPTION])
            texts = (listing.caption or "", *(value for _, value in listing.specs), listing.gtin or "")
            _hash_terms(model_terms(texts), vector[_CAPTION : _CAPTION + _MODELS])
            _hash_terms(spec_terms(listing.specs), vector[_CAPTION + _MODELS : -_IMAGE])
            if listing.phash is not None:
                bits = np.unpackbits(np.array([listing.phash], np.int64).view(np.uint8))
                vector[-_IMAGE:] = bits * 2.0 - 1.0
        start = 0
        for size, weight in zip(_SIZES, _WEIGHTS, strict=True):
            part = vectors[:, start : start + size]
            part *= weight / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), np.float32(1e-12))
            start += size
        return vectors


def caption_terms(caption: str) -> Iterator[str]:
    """Yield the terms of a caption, with repetitions."""
    text = _fold(caption)
    words = _LETTERS.findall(text)
    if words:
        yield from _grams(f" {' '.join(words)} ", _WORD_GRAMS)
    for run in _WORD.sub(" ", text).split():
        yield from _grams(run, _GRAMS)


def _grams(text: str, sizes: tuple[int, ...]) -> Iterator[str]:
    for size in sizes:
        yield from (text[start : start + size] for start in range(len(text) - size + 1))


def model_terms(texts: Iterable[str]) -> Iterator[str]:
    """Yield the numbers and models in texts, in a uniform spelling: ``YB-201`` and ``yb201`` are the same."""
    for text in texts:
        for word in _WORD.findall(_fold(text)):
            model = "".join(_LETTERS.findall(word))
            if len(model) >= _SHORTEST_MODEL and any(sign.isdigit() for sign in model):
                yield model


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
