"""The generated dataset has the properties that its docstring states."""

import io

import numpy as np
import pytest
from PIL import Image

from bench.scale.generated import FACTORS, MISSING, MODALITIES, WORDS, World, best_accuracy, generate
from export import Sample

MANY = 600


def factors_of(sample: Sample) -> list[int]:
    return [(int(sample.label or 0) >> k) & 1 for k in range(len(FACTORS))]


def read_text(sample: Sample) -> list[int]:
    words = (sample.caption or "").split()
    return [int(any(word in WORDS[k][1] for word in words)) for k in range(len(FACTORS))]


def read_table(sample: Sample) -> list[int]:
    values = [spec.value for spec in sample.specs]
    return [int(any(value in WORDS[k][1] for value in values)) for k in range(len(FACTORS))]


def read_audio(sample: Sample) -> list[int]:
    assert sample.mfcc is not None
    return [int(sample.mfcc[1 + 2 * k].mean() > 0) for k in range(len(FACTORS))]


def read_video(sample: Sample) -> list[int]:
    shades = [np.asarray(Image.open(io.BytesIO(frame.jpeg)).convert("L"), dtype=float) for frame in sample.frames]
    return [int(shade[:12].mean() < shade[12:].mean()) for shade in shades]


def read_image(sample: Sample) -> list[int]:
    pixels = np.asarray(Image.open(io.BytesIO(sample.image or b"")), dtype=float)
    corners = ((0, 0), (0, 32), (16, 16), (32, 0), (32, 32))
    cells = [pixels[row : row + 16, column : column + 16] for row, column in corners]
    return [int(cell[..., 2].mean() > cell[..., 0].mean()) for cell in cells]


READERS = {"text": read_text, "image": read_image, "table": read_table, "video": read_video, "audio": read_audio}
FIELDS = {"text": "caption", "image": "image", "table": "specs", "video": "frames", "audio": "mfcc"}


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_modality_shows_its_own_factor_well_and_the_others_a_little(modality: str) -> None:
    values = [(sample, getattr(sample, FIELDS[modality])) for sample in generate(World(1), "train", MANY)]
    there = [sample for sample, value in values if value is not None and len(value)]
    right = np.mean([np.equal(READERS[modality](sample), factors_of(sample)) for sample in there], axis=0)
    wanted = [0.95 if name == modality else 0.65 for name in MODALITIES]
    assert right == pytest.approx(wanted, abs=0.07)
    assert len(there) / MANY == pytest.approx(1 - MISSING[modality], abs=0.04)


@pytest.mark.parametrize("world", [World(1, uninformative=frozenset({"audio"})), World(1, noise=frozenset({"audio"}))])
def test_a_control_says_nothing_in_one_modality_and_leaves_the_others(world: World) -> None:
    control, plain = list(generate(world, "train", MANY)), list(generate(World(1), "train", MANY))
    assert len(control) == MANY
    for field in ("label", "caption", "image", "specs", "frames"):
        assert [getattr(sample, field) for sample in control] == [getattr(sample, field) for sample in plain]
    heard = [sample for sample in control if sample.mfcc is not None]
    right = np.mean([np.equal(read_audio(sample), factors_of(sample)) for sample in heard], axis=0)
    assert right == pytest.approx([0.5] * 5, abs=0.07)


def test_the_best_accuracy_is_the_product_over_the_factors() -> None:
    assert best_accuracy(()) == pytest.approx(1 / 32)
    assert best_accuracy(("text",)) == pytest.approx(0.95 * 0.65**4)
    assert best_accuracy(MODALITIES) == pytest.approx(0.95**5)
