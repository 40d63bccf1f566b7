"""Product videos: the product sways and moves closer in front of the shop's backdrop, to its own tune."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from demo_shops.images import make_backdrop, paste_product
from demo_shops.listings import ListedVideo
from demo_shops.products import Product, ShopName
from media.mp4 import encode_mp4

__all__ = ["play_tune", "render_video"]

RATE = 44_100
"""Samples per second, one channel."""
_LOWEST = 110.0
"""Lowest root, hertz; the roots of kinds are whole semitones above it."""
_CHORDS = ((0, 4, 7), (0, 3, 7), (0, 5, 7), (0, 4, 11))
"""Semitones above the root: major, minor, suspended, major seventh."""
_NOISE: dict[ShopName, float] = {"north": 0.004, "south": 0.02}
"""The southern shop records in a noisier room."""


def _kind_number(product: Product) -> int:
    """Return a number derived from the kind's key, the same for all products of the kind."""
    return sum(place * letter for place, letter in enumerate(product.kind.key.encode(), start=1))


def _note(hertz: float, seconds: float, timbre: float) -> NDArray[np.float64]:
    at = np.arange(round(seconds * RATE)) / RATE
    tone = np.sin(2 * np.pi * hertz * at) + timbre * np.sin(4 * np.pi * hertz * at)
    return np.asarray(tone * np.exp(-3.0 * at) * np.minimum(1.0, at * 200))


def play_tune(product: Product, shop: ShopName, seconds: float, view: int) -> NDArray[np.int16]:
    """Return the tune of a product, ``seconds`` long, int16.

    The kind determines root and chord; the product the order, pace and timbre of the notes; the shop
    the room's noise, seeded with ``view``.
    """
    number, taste = _kind_number(product), np.random.default_rng(product.tune)
    root, chord = _LOWEST * 2 ** ((number % 29) / 12), _CHORDS[number % len(_CHORDS)]
    order, pace = taste.integers(0, len(chord), 8), float(taste.uniform(0.14, 0.42))
    timbre = float(taste.uniform(0.1, 0.9))
    audio = np.zeros(round(seconds * RATE) + RATE)
    for beat in range(int(seconds / pace) + 1):
        note = _note(root * 2 ** (chord[int(order[beat % len(order)])] / 12), min(0.8, 2.5 * pace), timbre)
        start = round(beat * pace * RATE)
        audio[start : start + len(note)] += note[: len(audio) - start]
    noise = np.random.default_rng(view).standard_normal(len(audio)) * _NOISE[shop]
    loud = 0.25 * audio + noise
    return (loud.clip(-1, 1)[: round(seconds * RATE)] * 32_000).astype(np.int16)


FPS = 24
FRAME_SIZE = (192, 144)
"""Width and height, pixels."""
_PRODUCT_WIDTH = 92
_CANVAS = 124
"""Width of the square that a swaying product fills when it is nearest, pixels."""
_ENCODER = {"preset": "superfast", "crf": "27", "g": "48"}
"""A key frame every two seconds, closed groups of pictures: as shops serve videos."""


class _Scene:
    """Frames of one video.

    Args:
        drawing: The product seen from the front.
        shop: The shop whose backdrop is used.
        video: Duration, and the seed of light and movement.
    """

    def __init__(self, drawing: Image.Image, shop: ShopName, video: ListedVideo) -> None:
        rng = np.random.default_rng(video.view)
        backdrop = make_backdrop(FRAME_SIZE, shop, rng).clip(0, 255).astype(np.uint8)
        self._backdrop = Image.fromarray(backdrop)
        self._drawing = drawing.resize((_PRODUCT_WIDTH, _PRODUCT_WIDTH), Image.Resampling.BOX)
        self._seconds = float(video.seconds)
        self._sway, self._pace = rng.uniform(8, 22), rng.uniform(0.6, 1.6)

    def _pose(self, degrees: float, nearness: float) -> Image.Image:
        """Return the product rotated and enlarged about its centre, in one pass over its pixels."""
        cos, sin = (f(math.radians(degrees)) / nearness for f in (math.cos, math.sin))
        middle, half = _PRODUCT_WIDTH / 2, _CANVAS / 2
        matrix = (cos, sin, middle - half * (cos + sin), -sin, cos, middle - half * (cos - sin))
        size = (_CANVAS, _CANVAS)
        return self._drawing.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)

    def frame(self, second: float) -> NDArray[np.uint8]:
        """Return the frame at ``second``, [height, width, 3]; a bar at the bottom shows the progress."""
        canvas = self._backdrop.copy()
        phase = second * self._pace * math.pi
        turned = self._pose(self._sway * math.sin(phase), 1.0 + 0.25 * math.sin(phase / 3))
        paste_product(canvas, turned, (FRAME_SIZE[0] * (0.5 + 0.12 * math.sin(phase / 2)), FRAME_SIZE[1] * 0.48))
        done = FRAME_SIZE[0] * second / self._seconds
        ImageDraw.Draw(canvas).rectangle((0, FRAME_SIZE[1] - 6, done, FRAME_SIZE[1]), fill=(220, 40, 40))
        return np.asarray(canvas)


def render_video(drawing: Image.Image, product: Product, shop: ShopName, video: ListedVideo) -> bytes:
    """Return the MP4 of a video: H.264, 24 frames per second, with AAC audio unless it is silent."""
    scene, seconds = _Scene(drawing, shop, video), float(video.seconds)
    frames = (scene.frame(number / FPS) for number in range(round(seconds * FPS)))
    tune = play_tune(product, shop, seconds, video.view) if video.audio else None
    return encode_mp4(frames, FPS, options=_ENCODER, audio=tune, audio_rate=RATE)
