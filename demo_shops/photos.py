"""Photographs of a drawn good: viewpoint, background, light and colour cast differ, the good does not."""

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from demo_shops.goods import Good, ShopName
from demo_shops.listings import Photo

__all__ = ["make_backdrop", "place_good", "take_photo"]

Pixels = NDArray[np.float32]
_FORMATS = ((480, 480), (400, 400), (320, 320), (480, 360), (360, 480))
_PAPERS: dict[ShopName, tuple[tuple[int, int, int], ...]] = {
    "north": ((245, 245, 247), (232, 238, 245), (246, 238, 232), (225, 232, 226)),
    "south": ((206, 170, 130), (150, 178, 190), (214, 190, 196), (120, 130, 120)),
}
"""The north photographs on light paper, the south on wood and cloth."""
_CASTS: dict[ShopName, tuple[float, float, float]] = {"north": (1.0, 1.0, 1.03), "south": (1.06, 0.99, 0.9)}
_SIZES = (0.78, 0.68, 1.35, 0.5, 0.55)
"""Width of the good over the shorter side of the picture, by place in the gallery."""
_TURNS = (4.0, 24.0, 10.0, 14.0, 6.0)
"""Most degrees the good is turned either way, by place in the gallery."""
_SHADOW = [round(alpha * 0.35) for alpha in range(256)]
"""Opacity of a shadow under each opacity of what casts it."""


def make_backdrop(size: tuple[int, int], shop: ShopName, rng: np.random.Generator) -> Pixels:
    """Return a backdrop [height, width, 3], 0 to 255: paper with a gradient, or boards."""
    paper = np.array(_PAPERS[shop][int(rng.integers(len(_PAPERS[shop])))], np.float32)
    across, down = np.linspace(-1, 1, size[0], dtype=np.float32), np.linspace(-1, 1, size[1], dtype=np.float32)
    light = 1.0 - 0.12 * np.float32(rng.uniform(0.5, 1.5)) * (across[None, :] ** 2 + down[:, None] ** 2)
    if shop == "south":
        boards = np.sin(across * np.float32(rng.uniform(8, 22)) + np.float32(rng.uniform(0, 6)))
        light = light + 0.07 * np.sign(boards)[None, :]
    return np.asarray(paper[None, None, :] * light[..., None], np.float32)


def _turn(good: Image.Image, width: int, height: int, degrees: float, tilt: float) -> Image.Image:
    """Return the good seen from another side: narrowed, leaning by ``tilt``, turned by ``degrees``."""
    small = good.resize((width, height), Image.Resampling.BILINEAR)
    leaning = small.transform(
        small.size, Image.Transform.AFFINE, (1, tilt, -tilt * height / 2, 0, 1, 0), Image.Resampling.BILINEAR
    )
    return leaning.rotate(degrees, Image.Resampling.BILINEAR, expand=True)


def place_good(canvas: Image.Image, good: Image.Image, centre: tuple[float, float]) -> None:
    """Paste a good and its soft shadow on a picture, in place."""
    corner = (round(centre[0] - good.width / 2), round(centre[1] - good.height / 2))
    alpha = good.getchannel("A")
    shadow = alpha.filter(ImageFilter.BoxBlur(6)).point(_SHADOW)
    canvas.paste((40, 36, 34), (corner[0] + 8, corner[1] + 10), shadow)
    canvas.paste(good, corner, alpha)


def _expose(canvas: Image.Image, shop: ShopName, rng: np.random.Generator) -> Image.Image:
    """Return the picture under the shop's light, with the grain of a sensor."""
    pixels = np.asarray(canvas).astype(np.float32)
    cast = np.array(_CASTS[shop], np.float32) * rng.uniform(0.94, 1.06, 3).astype(np.float32)
    grain = rng.standard_normal((*pixels.shape[:2], 1), dtype=np.float32) * 3.0
    return Image.fromarray((pixels * cast + grain).clip(0, 255).astype(np.uint8))


def _centres(position: int, size: tuple[int, int], rng: np.random.Generator) -> list[tuple[float, float]]:
    shift = rng.uniform(-0.05, 0.05, 2)
    middle = (size[0] * (0.5 + shift[0]), size[1] * (0.5 + shift[1]))
    if position < len(_SIZES) - 1:
        return [middle]
    return [(middle[0] - size[0] * 0.2, middle[1] - 12), (middle[0] + size[0] * 0.2, middle[1] + 12)]


def take_photo(drawing: Image.Image, good: Good, shop: ShopName, photo: Photo) -> bytes:
    """Return the JPEG bytes of one photo of a listing."""
    rng = np.random.default_rng(photo.view)
    size = _FORMATS[int(rng.integers(len(_FORMATS)))]
    canvas = Image.fromarray(make_backdrop(size, shop, rng).clip(0, 255).astype(np.uint8))
    width = min(size) * _SIZES[photo.position] * rng.uniform(0.92, 1.08)
    narrow = math.cos(math.radians(rng.uniform(0, 32))) * good.stretch
    turned = _turn(
        drawing,
        round(width * narrow),
        round(width),
        rng.uniform(-1, 1) * _TURNS[photo.position],
        rng.uniform(-0.08, 0.08),
    )
    for centre in _centres(photo.position, size, rng):
        place_good(canvas, turned, centre)
    file = io.BytesIO()
    _expose(canvas, shop, rng).save(file, "JPEG", quality=photo.quality)
    return file.getvalue()
