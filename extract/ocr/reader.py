"""Reader of text in images, which runs in a decoder process."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.processes.message import Message
from extract.ocr import DETECTION, DIRECTION, RECOGNITION
from extract.ocr.lines import TextLine, in_reading_order, without_repeats
from media.image import ImageFault, decode_image

if TYPE_CHECKING:  # decoder processes get plain values and never load pydantic
    from extract.settings import ImageSettings

__all__ = ["ImageReader", "Tile", "cut_tiles", "read_text"]

_MAX_ASPECT = 4
"""Ratio of a tile's sides above which it is padded: the detector finds no text in thinner strips."""
_BGR = slice(None, None, -1)

Pixels = NDArray[np.uint8]


class ImageReader:
    """Reads images one after another, on one core and without network requests.

    Unpickling loads the models, so that a decoder process has them before its memory is limited.

    Args:
        images: Limits and allowed formats.
    """

    def __init__(self, images: ImageSettings) -> None:
        self._images = images

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__dict__["_engine"] = _load_engine()

    def __call__(self, kind: str, data: bytes) -> Message:
        """Handle a job of the pool: reply with the lines of one image, or the fault."""
        del kind
        lines = self.read(data)
        if isinstance(lines, ImageFault):
            return Message({"fault": lines.reason, "detail": lines.detail})
        return Message({"lines": [asdict(line) for line in lines]})

    def read(self, data: bytes) -> list[TextLine] | ImageFault:
        """Return the lines of one image in reading order, or why it cannot be decoded."""
        image = decode_image(data, self._images)
        if isinstance(image, ImageFault):
            return image
        scale, tiles = cut_tiles(image.width, image.height)
        scaled = image if scale == 1 else image.resize((tiles[-1].right, tiles[-1].bottom), Image.Resampling.BICUBIC)
        found = [line for tile in tiles for line in self._read_tile(scaled, tile, scale)]
        return in_reading_order(without_repeats(found))

    def _read_tile(self, image: Image.Image, tile: Tile, scale: float) -> list[TextLine]:
        part = image.crop((tile.left, tile.top, tile.right, tile.bottom))
        result = self._engine(_padded(np.asarray(part)[:, :, _BGR]))
        if result.txts is None:
            return []
        edges = [round(image.width / scale), round(image.height / scale)]
        lines = []
        for text, score, corners in zip(result.txts, result.scores, result.boxes, strict=True):
            places = (np.asarray(corners, np.float64) + np.array((tile.left, tile.top))) / scale
            x0, y0, x1, y1, x2, y2, x3, y3 = map(int, np.clip(places.round(), 0, edges).reshape(-1))
            if folded := " ".join(text.split()):
                lines.append(TextLine(folded, round(float(score), 4), (x0, y0, x1, y1, x2, y2, x3, y3)))
        return lines

    @cached_property
    def _engine(self) -> Any:  # noqa: ANN401 - RapidOCR is an extra
        return _load_engine()


def read_text(data: bytes, images: ImageSettings) -> list[TextLine] | ImageFault:
    """Return the lines of text in one image.

    Reads in this process; the stage ``image_text`` reads untrusted files in isolated ones.

    Args:
        data: The downloaded file.
        images: Limits and allowed formats.

    Returns:
        The lines in reading order, or why the image cannot be decoded.

    Raises:
        ImportError: The extra ``ocr`` is not installed.
    """
    return ImageReader(images).read(data)


def _padded(pixels: Pixels) -> Pixels:
    """Return the tile; a thin strip is extended by repeating its lower or right edge."""
    height, width, _ = pixels.shape
    lower, right = max(0, width // _MAX_ASPECT - height), max(0, height // _MAX_ASPECT - width)
    return np.ascontiguousarray(np.pad(pixels, ((0, lower), (0, right), (0, 0)), "edge"))


def _load_engine() -> Any:  # noqa: ANN401 - RapidOCR is an extra
    """Return RapidOCR with the models of its wheel, given by path: it would download others."""
    import cv2  # noqa: PLC0415 - the extra
    from rapidocr import RapidOCR  # noqa: PLC0415 - the extra

    cv2.setNumThreads(1)
    models = files("rapidocr")
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.max_side_len": 4096,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Det.model_path": str(models / DETECTION),
            "Det.limit_type": "max",
            "Det.limit_side_len": 1280,
            "Cls.model_path": str(models / DIRECTION),
            "Rec.model_path": str(models / RECOGNITION),
        }
    )


_SHORT = 960
"""Pixels to which the shorter side is shrunk: text in shops' zoom images stays legible."""
_LONG = 1280
"""Pixels of a tile along the longer side."""
_OVERLAP = 128
"""Pixels shared by neighbouring tiles, so that a line of text is whole in one of them."""
_MIN_SHORT = 480
"""Pixels to which the shorter side of a small image is enlarged, at most to twice its size."""
_MAX = 12
"""Largest number of tiles; longer images are shrunk."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of the scaled image, pixels."""

    left: int
    top: int
    right: int
    bottom: int


def cut_tiles(width: int, height: int) -> tuple[float, list[Tile]]:
    """Return the scale to read an image at, and the tiles of the scaled image along its longer side.

    Args:
        width: Width of the image, pixels.
        height: Height of the image, pixels.
    """
    short, long = sorted((width, height))
    scale = min(1.0, _SHORT / short, (_MAX * (_LONG - _OVERLAP)) / long)
    if short < _MIN_SHORT and long < _LONG:
        scale = min(2.0, _MIN_SHORT / short, _LONG / long)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    length, step = max(wide, high), _LONG - _OVERLAP
    starts = range(0, max(1, length - _OVERLAP), step)
    ends = [min(length, start + _LONG) for start in starts]
    if wide >= high:
        return scale, [Tile(start, 0, end, high) for start, end in zip(starts, ends, strict=True)]
    return scale, [Tile(0, start, wide, end) for start, end in zip(starts, ends, strict=True)]
