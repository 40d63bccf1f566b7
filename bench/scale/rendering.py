"""How the generated dataset shows five binary factors in each modality; see ``bench.scale.generated``.

``clear=False`` renders noise of the same form instead, from the same number of draws.
"""

import io

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from export import SampleFrame
from m5data.records import Specification

__all__ = ["render_caption", "render_frames", "render_mfcc", "render_picture", "render_specs"]

Bits = NDArray[np.int64]

WORDS = (
    (("棉布", "纯棉", "亚麻"), ("皮革", "真皮", "牛皮")),
    (("小号", "迷你", "便携"), ("大号", "加大", "家用")),
    (("夏季", "夏天", "清凉"), ("冬季", "冬天", "保暖")),
    (("圆形", "圆球", "弧形"), ("方形", "方块", "直角")),
    (("素色", "简约", "纯色"), ("条纹", "格子", "花纹")),
)
"""Factor, value -> three words that mean it."""
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
"""Row and column, in a grid of 3 x 3, of the cell of each factor."""
SIDE = 48
FRAME_SIDE = 24
PIXEL_NOISE = 40.0
COEFFICIENTS = 13
STEPS = 60
SIGNAL = 1.5
"""Shift of a factor's coefficient, in standard deviations of the noise of one step."""


def render_caption(shown: Bits, rng: Generator, *, clear: bool) -> str:
    """Return ten words in random order: one for each factor, and five fillers."""
    chosen = rng.integers(0, 3, len(shown))
    words = [WORDS[k][shown[k]][chosen[k]] for k in range(len(shown))]
    fillers = [FILLERS[i] for i in rng.integers(0, len(FILLERS), 2 * len(shown))]
    mixed = [*(words if clear else fillers[len(shown) :]), *fillers[: len(shown)]]
    return " ".join(mixed[i] for i in rng.permutation(len(mixed)))


def render_specs(shown: Bits, rng: Generator, *, clear: bool) -> tuple[Specification, ...]:
    """Return a row for each factor and two rows of noise, in random order."""
    chosen = rng.integers(0, 3, len(shown))
    flips = rng.integers(0, 2, len(shown))
    bits = shown if clear else flips
    rows = [Specification(PROPERTIES[k], WORDS[k][bits[k]][chosen[k]]) for k in range(len(shown))]
    numbers = rng.integers(0, 100, 2)
    rows += [Specification("型号", f"X{numbers[0]}"), Specification("货号", f"H{numbers[1]}")]
    return tuple(rows[i] for i in rng.permutation(len(rows)))


def render_picture(shown: Bits, rng: Generator, *, clear: bool) -> bytes:
    """Return a noisy grey JPEG of 48 x 48 with a red (0) or blue (1) cell a factor."""
    pixels = 128 + rng.normal(0, PIXEL_NOISE, (SIDE, SIDE, 3))
    side = SIDE // 3
    for k, (row, column) in enumerate(CELLS):
        if clear:
            hue = np.array(HUES[shown[k]]) - 128
            pixels[row * side : (row + 1) * side, column * side : (column + 1) * side] += hue
    return _jpeg(pixels)


def render_frames(shown: Bits, rng: Generator, *, clear: bool) -> tuple[SampleFrame, ...]:
    """Return five frames of 24 x 24: second k is brighter above (0) or below (1), as factor k says."""
    frames = []
    for k in range(len(shown)):
        pixels = 128 + rng.normal(0, PIXEL_NOISE, (FRAME_SIDE, FRAME_SIDE, 3))
        if clear:
            half = slice(0, FRAME_SIDE // 2) if shown[k] == 0 else slice(FRAME_SIDE // 2, FRAME_SIDE)
            pixels[half] += 60
        frames.append(SampleFrame(k, float(k), _jpeg(pixels)))
    return tuple(frames)


def render_mfcc(shown: Bits, rng: Generator, *, clear: bool) -> NDArray[np.float32]:
    """Return [13, 60]: noise; coefficient 1 + 2 k is shifted up (1) or down (0), as factor k says."""
    array = rng.normal(0, 1, (COEFFICIENTS, STEPS))
    if clear:
        for k in range(len(shown)):
            array[1 + 2 * k] += SIGNAL * (2 * shown[k] - 1)
    return array.astype(np.float32)


def _jpeg(pixels: NDArray[np.float64]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()
