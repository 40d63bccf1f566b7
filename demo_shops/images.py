"""Product images: a product is drawn from ``shapes.toml``, then photographed from any side in a shop's light."""

import io
import math
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from demo_shops.listings import ListedImage
from demo_shops.products import Product, ShopName

__all__ = ["draw_product", "make_backdrop", "paste_product", "render_image"]

Ink = int | tuple[int, int, int]
_SIZE = 512
"""Width and height of the image, pixels."""
_FINE = 2
"""Factor by which drawings are enlarged and then reduced, so that edges are smooth."""
_SCALE = _SIZE * _FINE / 100
"""Pixels of the large drawing per unit of ``shapes.toml``."""
_DARK, _LIGHT = (58, 54, 58), (248, 246, 240)
_ROLES: dict[str, Ink] = {"dark": _DARK, "light": _LIGHT, "metal": (176, 182, 190), "leaf": (70, 150, 70)}
_ROUNDING = 7 * _SCALE
_EDGE = round(0.5 * _SCALE)
_SHADE = 0.3
"""How much darker the right side is than the lit one, so that the product looks solid."""


@cache
def _shapes() -> dict[str, list[str]]:
    text = Path(__file__).with_name("shapes.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text))


def _stroke(pen: ImageDraw.ImageDraw, verb: str, numbers: Sequence[float], fill: Ink, edge: Ink) -> None:
    at = [number * _SCALE for number in numbers]
    if verb == "box":
        pen.rectangle(at, fill=fill, outline=edge, width=_EDGE)
    elif verb == "round":
        pen.rounded_rectangle(at, radius=_ROUNDING, fill=fill, outline=edge, width=_EDGE)
    elif verb == "oval":
        pen.ellipse(at, fill=fill, outline=edge, width=_EDGE)
    elif verb == "poly":
        pen.polygon(at, fill=fill, outline=edge, width=_EDGE)
    elif verb == "line":
        pen.line(at[:4], fill=fill, width=round(at[4]))
    else:
        pen.arc(at[:4], numbers[4], numbers[5], fill=fill, width=round(at[6]))


def _pattern(name: str) -> Image.Image:
    """Return the mask of the second colour over the whole canvas."""
    size, step = _SIZE * _FINE, _SIZE * _FINE // 12
    mask = Image.new("L", (size, size), 0)
    pen = ImageDraw.Draw(mask)
    for place in range(0, size, step):
        if name in {"stripes", "checks"}:
            pen.rectangle((place, 0, place + step // 3, size), fill=200)
        if name == "checks":
            pen.rectangle((0, place, size, place + step // 3), fill=140)
        if name == "dots":
            for other in range(0, size, step):
                pen.ellipse((place, other, place + step // 2, other + step // 2), fill=220)
    if name == "band":
        pen.rectangle((0, size * 0.55, size, size * 0.62), fill=230)
    return mask


def _fill_pattern(image: Image.Image, verb: str, numbers: Sequence[float], product: Product) -> None:
    mask = Image.new("L", image.size, 0)
    _stroke(ImageDraw.Draw(mask), verb, numbers, 255, 0)
    image.paste((*product.accent.rgb, 255), mask=ImageChops.multiply(mask, _pattern(product.pattern)))


def _print_mark(pen: ImageDraw.ImageDraw, numbers: Sequence[float], letters: str) -> None:
    x, y, height = (number * _SCALE for number in numbers)
    font = ImageFont.load_default(size=height)
    pen.text((x, y), letters, _DARK, font, anchor="mm", stroke_width=height / 16, stroke_fill=_LIGHT)


def _shade(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image).astype(np.float32)
    across = 1.0 - _SHADE * np.linspace(-0.35, 1.0, image.width, dtype=np.float32) ** 2
    pixels[..., :3] *= across[None, :, None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def draw_product(product: Product) -> Image.Image:
    """Return the product seen from the front: 512 x 512 pixels, RGBA, transparent around it."""
    image = Image.new("RGBA", (_SIZE * _FINE, _SIZE * _FINE), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    inks = {**_ROLES, "main": product.colour.rgb, "accent": product.accent.rgb}
    for verb, *rest in (stroke.split() for stroke in _shapes()[product.kind.key]):
        numbers = [float(number) for number in rest if number.lstrip("-").replace(".", "").isdigit()]
        if verb == "mark":
            _print_mark(pen, numbers, product.mark)
            continue
        _stroke(pen, verb, numbers, inks[rest[0]], _DARK)
        if rest[0] == "main" and verb not in {"line", "arc"} and product.pattern != "plain":
            _fill_pattern(image, verb, numbers, product)
    return _shade(image.resize((_SIZE, _SIZE), Image.Resampling.BOX))


Pixels = NDArray[np.float32]
_FORMATS = ((480, 480), (400, 400), (320, 320), (480, 360), (360, 480))
_BACKDROPS: dict[ShopName, tuple[tuple[int, int, int], ...]] = {
    "north": ((245, 245, 247), (232, 238, 245), (246, 238, 232), (225, 232, 226)),
    "south": ((206, 170, 130), (150, 178, 190), (214, 190, 196), (120, 130, 120)),
}
"""The northern shop photographs on light paper, the southern shop on wood and cloth."""
_CASTS: dict[ShopName, tuple[float, float, float]] = {"north": (1.0, 1.0, 1.03), "south": (1.06, 0.99, 0.9)}
_SIZES = (0.78, 0.68, 1.35, 0.5, 0.55)
"""Width of the product divided by the image's shorter side, by position in the gallery."""
_TURNS = (4.0, 24.0, 10.0, 14.0, 6.0)
"""Maximum rotation of the product in either direction, degrees, by position in the gallery."""
_SHADOW = [round(alpha * 0.35) for alpha in range(256)]
"""Opacity of a shadow, by the opacity of the pixel that casts it."""


def make_backdrop(size: tuple[int, int], shop: ShopName, rng: np.random.Generator) -> Pixels:
    """Return a backdrop [height, width, 3], 0 to 255: paper with a gradient, or boards."""
    paper = np.array(_BACKDROPS[shop][int(rng.integers(len(_BACKDROPS[shop])))], np.float32)
    across, down = np.linspace(-1, 1, size[0], dtype=np.float32), np.linspace(-1, 1, size[1], dtype=np.float32)
    light = 1.0 - 0.12 * np.float32(rng.uniform(0.5, 1.5)) * (across[None, :] ** 2 + down[:, None] ** 2)
    if shop == "south":
        boards = np.sin(across * np.float32(rng.uniform(8, 22)) + np.float32(rng.uniform(0, 6)))
        light = light + 0.07 * np.sign(boards)[None, :]
    return np.asarray(paper[None, None, :] * light[..., None], np.float32)


def _turn(product: Image.Image, width: int, height: int, degrees: float, tilt: float) -> Image.Image:
    """Return the product seen from another side: narrowed, leaning by ``tilt``, turned by ``degrees``."""
    small = product.resize((width, height), Image.Resampling.BILINEAR)
    leaning = small.transform(
        small.size, Image.Transform.AFFINE, (1, tilt, -tilt * height / 2, 0, 1, 0), Image.Resampling.BILINEAR
    )
    return leaning.rotate(degrees, Image.Resampling.BILINEAR, expand=True)


def paste_product(canvas: Image.Image, product: Image.Image, centre: tuple[float, float]) -> None:
    """Paste a product and its soft shadow onto an image, in place."""
    corner = (round(centre[0] - product.width / 2), round(centre[1] - product.height / 2))
    alpha = product.getchannel("A")
    shadow = alpha.filter(ImageFilter.BoxBlur(6)).point(_SHADOW)
    canvas.paste((40, 36, 34), (corner[0] + 8, corner[1] + 10), shadow)
    canvas.paste(product, corner, alpha)


def _expose(canvas: Image.Image, shop: ShopName, rng: np.random.Generator) -> Image.Image:
    """Return the image under the shop's light, with the grain of a sensor."""
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


def render_image(drawing: Image.Image, product: Product, shop: ShopName, image: ListedImage) -> bytes:
    """Return the JPEG bytes of one image of a listing."""
    rng = np.random.default_rng(image.view)
    size = _FORMATS[int(rng.integers(len(_FORMATS)))]
    canvas = Image.fromarray(make_backdrop(size, shop, rng).clip(0, 255).astype(np.uint8))
    width = min(size) * _SIZES[image.position] * rng.uniform(0.92, 1.08)
    narrow = math.cos(math.radians(rng.uniform(0, 32))) * product.stretch
    turned = _turn(
        drawing,
        round(width * narrow),
        round(width),
        rng.uniform(-1, 1) * _TURNS[image.position],
        rng.uniform(-0.08, 0.08),
    )
    for centre in _centres(image.position, size, rng):
        paste_product(canvas, turned, centre)
    file = io.BytesIO()
    _expose(canvas, shop, rng).save(file, "JPEG", quality=image.quality)
    return file.getvalue()
