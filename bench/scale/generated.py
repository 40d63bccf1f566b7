"""A synthetic dataset with known latent factors, each modality carrying part of them.

The generator, in full. A product has five latent factors, each 0 or 1, drawn uniformly:
material, size, season, shape, style. Its class is the combination of the five: 32 classes.
Every modality shows all five factors, but shows them with errors, drawn independently for each
product, modality and factor: what modality m shows for factor k is the truth with probability
``OWN`` (.95) where k is the factor that m owns (text: material, image: size, table: season,
video: shape, audio: style), and with probability ``OTHER`` (.65) elsewhere. So each modality
carries one factor that the rest hardly do, and a little of every other, which is what two
modalities of a product have in common.

The best accuracy that any classifier can reach follows from that alone (``best_accuracy``): .170
from text, then .248, .442, .585 and .774 as image, table, video and audio are added, where
nothing is missing; chance is .031.

How a factor is shown (module ``rendering``): a word of the caption among filler words; the hue of
a cell of the picture; a value in the specification table; where the frame of its second is
bright; the sign of one cepstral coefficient. Everything else is noise.

Missing: each modality but text is absent from a product with the probability in ``MISSING``,
independently; about a fifth of the products is incomplete, as in M5Product.

Controls: ``uninformative`` names modalities that show coin flips instead of factors (well-formed
signals that say nothing); ``noise`` names modalities that hold noise without any signal. A control
leaves every byte of the other modalities as it was: each modality draws from a stream of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product as combinations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bench.scale.rendering import render_caption, render_frames, render_mfcc, render_picture, render_specs
from export import Sample

__all__ = ["FACTORS", "MODALITIES", "World", "best_accuracy", "generate"]

FACTORS = ("material", "size", "season", "shape", "style")
MODALITIES = ("text", "image", "table", "video", "audio")
OWN = 0.95
OTHER = 0.65
MISSING = {"text": 0.0, "image": 0.02, "table": 0.03, "video": 0.10, "audio": 0.10}

Bits = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class World:
    """One generated dataset."""

    seed: int
    uninformative: frozenset[str] = frozenset()
    """Modalities that show coin flips instead of factors."""
    noise: frozenset[str] = frozenset()
    """Modalities that hold noise and nothing else."""


def generate(world: World, split: str, samples: int, role: str = "sample") -> Iterator[Sample]:
    """Yield the samples of a split; the same world, split and number give the same samples."""
    streams = {name: _stream(world, split, name) for name in ("factors", *MODALITIES)}
    for number in range(samples):
        factors = streams["factors"].integers(0, 2, len(FACTORS))
        shown = {name: _show(world, name, factors, streams[name]) for name in MODALITIES}
        yield _sample(world, split, number, factors, shown, streams, role)


def best_accuracy(modalities: tuple[str, ...]) -> float:
    """Return the accuracy of the best classifier over complete products that sees these modalities.

    It decides each factor by the likelihood of what the modalities show; the factors are
    independent, so that the accuracy is the product over the factors.
    """
    return float(np.prod([_best_of_factor(factor, modalities) for factor in range(len(FACTORS))]))


def _best_of_factor(factor: int, modalities: tuple[str, ...]) -> float:
    rates = [_reliability(name)[factor] for name in modalities]
    right = 0.0
    for votes in combinations((0, 1), repeat=len(rates)):
        likelihoods = [
            np.prod([rate if vote == truth else 1 - rate for rate, vote in zip(rates, votes, strict=True)])
            for truth in (0, 1)
        ]
        right += max(likelihoods) / 2
    return float(right)


def _reliability(modality: str) -> NDArray[np.float64]:
    rates = np.full(len(FACTORS), OTHER)
    rates[MODALITIES.index(modality)] = OWN
    return rates


def _stream(world: World, split: str, name: str) -> Generator:
    return np.random.default_rng([world.seed, *split.encode(), 0, *name.encode()])


def _show(world: World, modality: str, factors: Bits, rng: Generator) -> Bits:
    """Return what a modality shows: the factors, some of them wrong."""
    chances = rng.random(len(FACTORS))
    coins = rng.integers(0, 2, len(FACTORS))
    if modality in world.uninformative:
        return coins
    return np.where(chances < _reliability(modality), factors, 1 - factors)


def _sample(
    world: World,
    split: str,
    number: int,
    factors: Bits,
    shown: dict[str, Bits],
    streams: dict[str, Generator],
    role: str,
) -> Sample:
    there = {name: streams[name].random() >= MISSING[name] for name in MODALITIES}
    clear = {name: name not in world.noise for name in MODALITIES}
    caption = render_caption(shown["text"], streams["text"], clear=clear["text"])
    picture = render_picture(shown["image"], streams["image"], clear=clear["image"])
    specs = render_specs(shown["table"], streams["table"], clear=clear["table"])
    frames = render_frames(shown["video"], streams["video"], clear=clear["video"])
    mfcc = render_mfcc(shown["audio"], streams["audio"], clear=clear["audio"])
    label = int(factors @ (1 << np.arange(len(FACTORS))))
    return Sample(
        product_id=f"generated:{split}-{number:06d}",
        split=split,
        role=role,
        label=str(label),
        label_level="class",
        group_id=f"{split}-{number:06d}",
        source="generated",
        url=f"https://generated.example/{split}/{number}",
        licence="CC0-1.0",
        classes={
            **{f"{level}_id": label for level in ("class", "sub_class", "subsub_class")},
            **{f"{level}_name": f"{label:05b}" for level in ("class", "sub_class", "subsub_class")},
        },
        caption=caption if there["text"] else None,
        specs=specs if there["table"] else (),
        image=picture if there["image"] else None,
        image_url=None,
        image_size=None,
        frames=frames if there["video"] else (),
        audio=None,
        mfcc=mfcc if there["audio"] else None,
    )
