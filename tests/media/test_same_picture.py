"""Every stage that decodes an image gets the same pixels: extraction, hashes, training, encoders, the report."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from export.report.images import decode_images
from extract.images import ImageMeasures, measure
from extract.settings import ImageSettings
from media.hashes import pixel_hash
from media.image import read_image
from scale.data.images import flat_frame
from scale.encoders.by_name import decode_picture

SIDE = 32
"""Side of the pictures, and of the report's pixels, so that no stage scales them."""


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def texture() -> Image.Image:
    rng = np.random.default_rng(11)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
    return coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def files() -> Iterator[tuple[str, bytes]]:
    """Yield a name and the bytes of pictures of every odd kind."""
    image = texture()
    alpha = Image.radial_gradient("L").resize((SIDE, SIDE))
    cut_out = image.copy()
    cut_out.putalpha(alpha)
    for form in ("AVIF", "JPEG", "PNG", "WEBP"):
        for orientation in range(1, 9):
            exif = Image.Exif()
            exif[0x0112] = orientation
            yield f"{form}-exif{orientation}", encoded(image, form, exif=exif.tobytes())
    for form in ("AVIF", "PNG", "WEBP"):
        yield f"{form}-alpha", encoded(cut_out, form)
        yield f"{form}-animated", encoded(cut_out, form, save_all=True, append_images=[image.convert("RGBA")])
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        yield f"PNG-{mode}", encoded(cut_out.convert(mode), "PNG")
    deep = np.asarray(alpha).astype(np.uint16) * 257
    yield "PNG-16", encoded(Image.fromarray(deep), "PNG")
    yield "PNG-16-clear", encoded(Image.fromarray(deep), "PNG", transparency=int(deep[0, 0]))
    yield "PNG-palette-clear", encoded(image.quantize(16), "PNG", transparency=3)
    yield "PNG-grey-clear", encoded(alpha, "PNG", transparency=int(deep[0, 0]) // 257)
    for mode in ("1", "L", "P", "RGB"):
        yield f"BMP-{mode}", encoded(image.convert(mode), "BMP")
    for mode in ("L", "RGB", "CMYK"):
        for progressive in (False, True):
            yield f"JPEG-{mode}-{progressive}", encoded(image.convert(mode), "JPEG", progressive=progressive)
    yield "WEBP-lossless", encoded(cut_out, "WEBP", lossless=True)
    yield "GIF", encoded(image, "GIF")
    yield "GIF-clear", encoded(image.quantize(16), "GIF", transparency=2)
    yield "GIF-animated", encoded(image, "GIF", save_all=True, append_images=[image.rotate(90)])
    yield "MPO", encoded(image, "MPO", save_all=True, append_images=[image.rotate(90)])
    yield "GIF-no-trailer", encoded(image, "GIF")[:-1]
    yield "JPEG-no-end", encoded(image, "JPEG")[:-2]
    yield "PNG-no-end", encoded(image, "PNG")[:-12]


FILES = dict(files())


@pytest.fixture(scope="module")
def shown() -> dict[str, bytes]:
    """Return the report's pixels of each file, all decoded by one pool."""
    return decode_images(FILES.__getitem__, FILES, "pixels")


def test_there_are_sixty_kinds() -> None:
    assert len(FILES) >= 60


@pytest.mark.parametrize("name", FILES)
def test_stages_decode_the_same_pixels(name: str, shown: dict[str, bytes]) -> None:
    data = FILES[name]
    image = read_image(data)
    pixels: NDArray[np.uint8] = np.asarray(image)
    assert pixels.shape == (SIDE, SIDE, 3)
    measures = measure(data, ImageSettings())
    assert isinstance(measures, ImageMeasures)
    assert measures.pixels == pixel_hash(image)
    assert np.array_equal(flat_frame(data, SIDE).reshape(pixels.shape), pixels)
    picture = decode_picture(data)
    assert picture is not None
    assert np.array_equal(np.asarray(picture), pixels)
    assert shown[name] == pixels.tobytes()
