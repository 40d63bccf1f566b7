"""Draws a good as ``shapes.toml`` says: a flat picture with a clear ground."""

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont

from demo_shops.goods import Good

__all__ = ["draw_good"]

Ink = int | tuple[int, int, int]
_SIZE = 512
"""Width and height of the picture, pixels."""
_FINE = 2
"""Drawn this much larger, then reduced, so that edges are smooth."""
_SCALE = _SIZE * _FINE / 100
"""Pixels of the large drawing for one unit of ``shapes.toml``."""
_DARK, _LIGHT = (58, 54, 58), (248, 246, 240)
_ROLES: dict[str, Ink] = {"dark": _DARK, "light": _LIGHT, "metal": (176, 182, 190), "leaf": (70, 150, 70)}
_ROUNDING = 7 * _SCALE
_EDGE = round(0.5 * _SCALE)
_SHADE = 0.3
"""How much darker the right side is than the lit one: the look of a solid thing."""


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
    """Return where the second colour lies, all over the canvas."""
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


def _fill_pattern(picture: Image.Image, verb: str, numbers: Sequence[float], good: Good) -> None:
    mask = Image.new("L", picture.size, 0)
    _stroke(ImageDraw.Draw(mask), verb, numbers, 255, 0)
    picture.paste((*good.accent.rgb, 255), mask=ImageChops.multiply(mask, _pattern(good.pattern)))


def _print_mark(pen: ImageDraw.ImageDraw, numbers: Sequence[float], letters: str) -> None:
    x, y, height = (number * _SCALE for number in numbers)
    font = ImageFont.load_default(size=height)
    pen.text((x, y), letters, _DARK, font, anchor="mm", stroke_width=height / 16, stroke_fill=_LIGHT)


def _shade(picture: Image.Image) -> Image.Image:
    pixels = np.asarray(picture).astype(np.float32)
    across = 1.0 - _SHADE * np.linspace(-0.35, 1.0, picture.width, dtype=np.float32) ** 2
    pixels[..., :3] *= across[None, :, None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def draw_good(good: Good) -> Image.Image:
    """Return the good from the front: 512 x 512 pixels, RGBA, clear around it."""
    picture = Image.new("RGBA", (_SIZE * _FINE, _SIZE * _FINE), (0, 0, 0, 0))
    pen = ImageDraw.Draw(picture)
    inks = {**_ROLES, "main": good.colour.rgb, "accent": good.accent.rgb}
    for verb, *rest in (stroke.split() for stroke in _shapes()[good.kind.key]):
        numbers = [float(number) for number in rest if number.lstrip("-").replace(".", "").isdigit()]
        if verb == "mark":
            _print_mark(pen, numbers, good.mark)
            continue
        _stroke(pen, verb, numbers, inks[rest[0]], _DARK)
        if rest[0] == "main" and verb not in {"line", "arc"} and good.pattern != "plain":
            _fill_pattern(picture, verb, numbers, good)
    return _shade(picture.resize((_SIZE, _SIZE), Image.Resampling.BOX))
