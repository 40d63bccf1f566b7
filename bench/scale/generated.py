"""A synthetic dataset with known latent factors, of which each modality carries a part.

The generator, in full. A product has five latent factors, each 0 or 1, drawn uniformly:
material, size, season, shape, style. Its class is the combination of the five: 32 classes.
Every modality shows all five factors, but with errors, drawn independently for each product,
modality and factor: modality m shows the true value of factor k with probability ``OWN`` (.95) if k
is the factor that m owns (text: material, image: size, table: season, video: shape, audio: style),
and with probability ``World.other`` (default .65) otherwise. So each modality carries one factor
that the others hardly do, and a little of every other, which is the signal shared by two modalities
of a product: little at .55, much at .95.

The best accuracy that any classifier can reach follows from these probabilities
(``best_accuracy``): .170 from text, then .248, .442, .585 and .774 as image, table, video and audio
are added, if nothing is missing; chance is .031.

A factor is shown by a word of the caption among filler words, the hue of a cell of the image, a
value in the specification table, the bright half of the frame of its second, or the sign of one
cepstral coefficient. Everything else is noise.

Missing: each modality except text is absent from a product with the probability in ``MISSING``,
independently; about a fifth of the products is incomplete, as in M5Product.

Controls: ``uninformative`` names modalities that show coin flips instead of factors (well-formed
but uninformative signals); ``noise`` names modalities that hold only noise. A control leaves every
byte of the other modalities unchanged, because each modality has its own random stream.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from itertools import product as combinations
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from core.records import Specification
from export import Sample, SampleFrame, parquet_shards, webdataset_shards
from export.folders import LocalFolder
from export.manifest import write_manifest
from export.shards import Shard, ShardWriter, as_rows, fill_shard

__all__ = ["FACTORS", "MODALITIES", "World", "best_accuracy", "generate", "write_world"]

Bits = NDArray[np.int64]

WORDS = (
    (("棉布", "纯棉", "亚麻"), ("皮革", "真皮", "牛皮")),
    (("小号", "迷你", "便携"), ("大号", "加大", "家用")),
    (("夏季", "夏天", "清凉"), ("冬季", "冬天", "保暖")),
    (("圆形", "圆球", "弧形"), ("方形", "方块", "直角")),
    (("素色", "简约", "纯色"), ("条纹", "格子", "花纹")),
)
"""Factor, value -> three words for it."""
PROPERTIES = ("材质", "尺寸", "季节", "形状", "风格")
FILLERS = (
    "新款",
    "正品",
    "包邮",
    "特价",
    "热卖",
    "促销",
    "现货",
    "时尚",
    "经典",
    "优质",
    "精选",
    "推荐",
    "品牌",
    "官方",
    "礼品",
    "日常",
)
HUES = ((220, 60, 60), (60, 60, 220))
CELLS = ((0, 0), (0, 2), (1, 1), (2, 0), (2, 2))
"""Row and column of each factor's cell, in a grid of 3 x 3."""
SIDE = 48
FRAME_SIDE = 24
PIXEL_NOISE = 40.0
COEFFICIENTS = 13
STEPS = 60
SIGNAL = 1.5
"""Shift of a factor's coefficient, in standard deviations of the noise of one step."""


def render_caption(shown: Bits, rng: Generator, *, clear: bool) -> str:
    """Return ten words in random order: one per factor, and five fillers."""
    chosen = rng.integers(0, 3, len(shown))
    words = [WORDS[k][shown[k]][chosen[k]] for k in range(len(shown))]
    fillers = [FILLERS[i] for i in rng.integers(0, len(FILLERS), 2 * len(shown))]
    mixed = [*(words if clear else fillers[len(shown) :]), *fillers[: len(shown)]]
    return " ".join(mixed[i] for i in rng.permutation(len(mixed)))


def render_specs(shown: Bits, rng: Generator, *, clear: bool) -> tuple[Specification, ...]:
    """Return one row per factor and two rows of noise, in random order."""
    chosen = rng.integers(0, 3, len(shown))
    flips = rng.integers(0, 2, len(shown))
    bits = shown if clear else flips
    rows = [Specification(PROPERTIES[k], WORDS[k][bits[k]][chosen[k]]) for k in range(len(shown))]
    numbers = rng.integers(0, 100, 2)
    rows += [Specification("型号", f"X{numbers[0]}"), Specification("货号", f"H{numbers[1]}")]
    return tuple(rows[i] for i in rng.permutation(len(rows)))


def render_image(shown: Bits, rng: Generator, *, clear: bool) -> bytes:
    """Return a noisy grey JPEG of 48 x 48 with a red (0) or blue (1) cell per factor."""
    pixels = 128 + rng.normal(0, PIXEL_NOISE, (SIDE, SIDE, 3))
    side = SIDE // 3
    for k, (row, column) in enumerate(CELLS):
        if clear:
            hue = np.array(HUES[shown[k]]) - 128
            pixels[row * side : (row + 1) * side, column * side : (column + 1) * side] += hue
    return _jpeg(pixels)


def render_frames(shown: Bits, rng: Generator, *, clear: bool) -> tuple[SampleFrame, ...]:
    """Return five frames of 24 x 24: second k is brighter in the upper (factor k is 0) or lower half (1)."""
    frames = []
    for k in range(len(shown)):
        pixels = 128 + rng.normal(0, PIXEL_NOISE, (FRAME_SIDE, FRAME_SIDE, 3))
        if clear:
            half = slice(0, FRAME_SIDE // 2) if shown[k] == 0 else slice(FRAME_SIDE // 2, FRAME_SIDE)
            pixels[half] += 60
        frames.append(SampleFrame(k, float(k), _jpeg(pixels)))
    return tuple(frames)


def render_mfcc(shown: Bits, rng: Generator, *, clear: bool) -> NDArray[np.float32]:
    """Return noise, [13, 60], with coefficient 1 + 2 k shifted up (factor k is 1) or down (0)."""
    array = rng.normal(0, 1, (COEFFICIENTS, STEPS))
    if clear:
        for k in range(len(shown)):
            array[1 + 2 * k] += SIGNAL * (2 * shown[k] - 1)
    return array.astype(np.float32)


def _jpeg(pixels: NDArray[np.float64]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


FACTORS = ("material", "size", "season", "shape", "style")
MODALITIES = ("text", "image", "table", "video", "audio")
OWN = 0.95
OTHER = 0.65
MISSING = {"text": 0.0, "image": 0.02, "table": 0.03, "video": 0.10, "audio": 0.10}


@dataclass(frozen=True, slots=True)
class World:
    """One generated dataset."""

    seed: int
    uninformative: frozenset[str] = frozenset()
    """Modalities that show coin flips instead of factors."""
    noise: frozenset[str] = frozenset()
    """Modalities that hold only noise."""
    absent: frozenset[str] = frozenset()
    """Modalities that no product has."""
    other: float = OTHER
    """Probability with which a modality shows a factor that it does not own."""


def generate(world: World, split: str, samples: int, role: str = "sample") -> Iterator[Sample]:
    """Yield the samples of a split; the same world, split and number give the same samples."""
    streams = {name: _stream(world, split, name) for name in ("factors", *MODALITIES)}
    for number in range(samples):
        factors = streams["factors"].integers(0, 2, len(FACTORS))
        shown = {name: _show(world, name, factors, streams[name]) for name in MODALITIES}
        yield _sample(world, split, number, factors, shown, streams, role)


def best_accuracy(modalities: tuple[str, ...], other: float = OTHER) -> float:
    """Return the accuracy of the best classifier of complete products that sees these modalities.

    It decides each factor by the likelihood of the values that the modalities show; the factors are
    independent, so that the accuracy is the product over the factors.
    """
    return float(np.prod([_best_of_factor(factor, modalities, other) for factor in range(len(FACTORS))]))


def _best_of_factor(factor: int, modalities: tuple[str, ...], other: float) -> float:
    rates = [_reliability(name, other)[factor] for name in modalities]
    right = 0.0
    for votes in combinations((0, 1), repeat=len(rates)):
        likelihoods = [
            np.prod([rate if vote == truth else 1 - rate for rate, vote in zip(rates, votes, strict=True)])
            for truth in (0, 1)
        ]
        right += max(likelihoods) / 2
    return float(right)


def _reliability(modality: str, other: float) -> NDArray[np.float64]:
    rates = np.full(len(FACTORS), other)
    rates[MODALITIES.index(modality)] = OWN
    return rates


def _stream(world: World, split: str, name: str) -> Generator:
    return np.random.default_rng([world.seed, *split.encode(), 0, *name.encode()])


def _show(world: World, modality: str, factors: Bits, rng: Generator) -> Bits:
    """Return the values of the factors that a modality shows, some of them wrong."""
    chances = rng.random(len(FACTORS))
    coins = rng.integers(0, 2, len(FACTORS))
    if modality in world.uninformative:
        return coins
    return np.where(chances < _reliability(modality, world.other), factors, 1 - factors)


def _sample(
    world: World,
    split: str,
    number: int,
    factors: Bits,
    shown: dict[str, Bits],
    streams: dict[str, Generator],
    role: str,
) -> Sample:
    there = {name: streams[name].random() >= MISSING[name] and name not in world.absent for name in MODALITIES}
    clear = {name: name not in world.noise for name in MODALITIES}
    caption = render_caption(shown["text"], streams["text"], clear=clear["text"])
    image = render_image(shown["image"], streams["image"], clear=clear["image"])
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
        image=image if there["image"] else None,
        image_url=None,
        image_size=None,
        frames=frames if there["video"] else (),
        audio=None,
        mfcc=mfcc if there["audio"] else None,
    )


ROLES = {"query-c": "query", "gallery-c": "gallery"}
_FORMS: Mapping[str, tuple[str, Callable[[Path], ShardWriter]]] = {
    "parquet": (parquet_shards.SUFFIX, parquet_shards.open_parquet_shard),
    "webdataset": (webdataset_shards.SUFFIX, webdataset_shards.open_tar_shard),
}


def write_world(
    world: World,
    folder: Path,
    sizes: Mapping[str, int],
    forms: tuple[str, ...] = ("parquet",),
    a_shard: int = 1000,
) -> Path:
    """Write splits of a world (split -> samples) with ``a_shard`` samples per file, and return ``folder``."""
    for form in forms:
        target = LocalFolder(folder / form)
        suffix, open_writer = _FORMS[form]
        splits: dict[str, object] = {}
        for split, samples in sizes.items():
            rows = generate(world, split, samples, ROLES.get(split, "sample"))
            shards: list[Shard] = []
            for start in range(0, samples, a_shard):
                name = f"{split}/{len(shards):05d}{suffix}"
                draft = target.draft(name)
                shards.append(fill_shard(islice(rows, a_shard), open_writer, draft, start))
                target.publish(draft, name)
            splits[split] = as_rows(shards)
        facts = {"recipe": "generated", "tables": {"splits": world.seed}, "modalities": list(MODALITIES)}
        write_manifest(target, {**facts, "format": form, "splits": splits})
    return folder
