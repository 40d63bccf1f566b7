"""Product videos: the good sways and comes closer before the shop's backdrop, to its own tune."""

import math
import tempfile
from pathlib import Path

import numpy as np
from moviepy import VideoClip
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from demo_shops.goods import Good, ShopName
from demo_shops.listings import Film
from demo_shops.photos import make_backdrop, place_good
from demo_shops.tunes import play_tune, write_wave

__all__ = ["FPS", "FRAME_SIZE", "shoot_film"]

FPS = 24
FRAME_SIZE = (192, 144)
"""Width and height, pixels."""
_GOOD_WIDTH = 92
_CANVAS = 124
"""Width of the square that a swaying good fills at its nearest, pixels."""
_EXACT = ("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")
"""No versions, no times in the file."""
_ENCODER = ("-crf", "27", "-g", "48", "-movflags", "+faststart", *_EXACT)
"""A key frame every two seconds, closed groups of pictures, the index first: as shops serve it."""


class _Scene:
    """Frames of one film.

    Args:
        drawing: The good from the front.
        shop: Whose backdrop.
        film: Duration, and the seed of light and movement.
    """

    def __init__(self, drawing: Image.Image, shop: ShopName, film: Film) -> None:
        rng = np.random.default_rng(film.view)
        backdrop = make_backdrop(FRAME_SIZE, shop, rng).clip(0, 255).astype(np.uint8)
        self._backdrop = Image.fromarray(backdrop)
        self._drawing = drawing.resize((_GOOD_WIDTH, _GOOD_WIDTH), Image.Resampling.BOX)
        self._seconds = float(film.seconds)
        self._sway, self._pace = rng.uniform(8, 22), rng.uniform(0.6, 1.6)

    def _pose(self, degrees: float, nearness: float) -> Image.Image:
        """Return the good turned and enlarged about its middle, in one pass over its pixels."""
        cos, sin = (f(math.radians(degrees)) / nearness for f in (math.cos, math.sin))
        middle, half = _GOOD_WIDTH / 2, _CANVAS / 2
        matrix = (cos, sin, middle - half * (cos + sin), -sin, cos, middle - half * (cos - sin))
        size = (_CANVAS, _CANVAS)
        return self._drawing.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)

    def frame(self, second: float) -> NDArray[np.uint8]:
        """Return the frame at a moment, [height, width, 3]; a bar below shows how much has passed."""
        canvas = self._backdrop.copy()
        phase = second * self._pace * math.pi
        turned = self._pose(self._sway * math.sin(phase), 1.0 + 0.25 * math.sin(phase / 3))
        place_good(canvas, turned, (FRAME_SIZE[0] * (0.5 + 0.12 * math.sin(phase / 2)), FRAME_SIZE[1] * 0.48))
        done = FRAME_SIZE[0] * second / self._seconds
        ImageDraw.Draw(canvas).rectangle((0, FRAME_SIZE[1] - 6, done, FRAME_SIZE[1]), fill=(220, 40, 40))
        return np.asarray(canvas)


def shoot_film(drawing: Image.Image, good: Good, shop: ShopName, film: Film) -> bytes:
    """Return the MP4 of a film: H.264, 24 frames a second, with AAC sound unless it is silent."""
    scene, seconds = _Scene(drawing, shop, film), float(film.seconds)
    with tempfile.TemporaryDirectory() as folder:
        sound, target = Path(folder) / "tune.wav", Path(folder) / "film.mp4"
        if film.sound:
            write_wave(play_tune(good, shop, seconds, film.view), sound)
        VideoClip(scene.frame, duration=seconds).write_videofile(
            str(target),
            fps=FPS,
            codec="libx264",
            audio=str(sound) if film.sound else False,
            audio_codec="aac",
            audio_bitrate="64k",
            preset="superfast",
            threads=1,
            ffmpeg_params=list(_ENCODER),
            logger=None,
        )
        return target.read_bytes()
