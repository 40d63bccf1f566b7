"""Decoded frames of a video as upright images and as JPEG."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from typing import cast

import av
from av.filter import Graph
from av.filter.context import FilterContext
from av.sidedata.sidedata import SideData, SideDataContainer, Type
from av.video.frame import VideoFrame
from PIL import Image

from core.errors import MediaError
from media.hashes import frame_hash

__all__ = ["Jpeg", "JpegEncoder", "RgbConverter", "orientation", "upright"]

_T = Image.Transpose

# Signs of the matrix (a, b, c, d) that maps a pixel (x, y) to (ax + cy, bx + dy); y grows downwards.
_TURNS = {
    (0, 1, -1, 0): _T.ROTATE_270,
    (-1, 0, 0, -1): _T.ROTATE_180,
    (0, -1, 1, 0): _T.ROTATE_90,
    (-1, 0, 0, 1): _T.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): _T.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): _T.TRANSPOSE,
    (0, -1, -1, 0): _T.TRANSVERSE,
}


_LAST_KNOWN = max(cast("int", kind.value) for kind in Type)
_UNKNOWN_TYPES = range(_LAST_KNOWN + 1, _LAST_KNOWN + 17)
"""Types of side data that newer versions of FFmpeg have added, such as EXIF."""


def orientation(frame: VideoFrame) -> Image.Transpose | None:
    """Return the transposition of a frame's display matrix, None if it is upright.

    The matrix comes from the container, or from the EXIF orientation of a frame of motion JPEG. Quarter turns
    and mirrorings are recognised; any other matrix is ignored.
    """
    for entry in _side_data(frame):
        if entry.type is Type.DISPLAYMATRIX:
            a, b, _, c, d, *_ = struct.unpack("<9i", bytes(entry)[:36])
            return _TURNS.get((_sign(a), _sign(b), _sign(c), _sign(d)))
    return None


def _side_data(frame: VideoFrame) -> list[SideData]:
    """Return a frame's side data of the types that PyAV knows: it reads none if there is one of another type."""
    try:
        return list(cast("SideDataContainer", frame.side_data))
    except ValueError:
        return list(cast("SideDataContainer", _without_unknown(frame).side_data))


def _without_unknown(frame: VideoFrame) -> VideoFrame:
    """Return a frame without side data of types beyond those that PyAV knows."""
    graph = Graph()
    chain = [
        _add_source(graph, frame),
        *(graph.add("sidedata", f"mode=delete:type={number}") for number in _UNKNOWN_TYPES),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*chain).configure()
    graph.push(frame)
    return cast("VideoFrame", graph.pull())


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


class RgbConverter:
    """Converts the frames of one stream to 32-bit RGB by FFmpeg's filter ``scale``, as its command line does.

    Args:
        longest_side: Shrink to this many pixels on the longer side (bicubic); None to keep the size.
    """

    def __init__(self, longest_side: int | None = None) -> None:
        self._longest_side = longest_side
        self._source: tuple[object, ...] | None = None
        self._graph = Graph()

    def convert(self, frame: VideoFrame) -> VideoFrame:
        """Return a frame in the format ``rgb0``.

        Raises:
            MediaError: ``broken_video``, its format cannot be converted.
        """
        source = (frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range)
        try:
            if source != self._source:
                self._graph, self._source = self._make(frame), source
            self._graph.push(frame)
            return cast("VideoFrame", self._graph.pull())
        except (av.FFmpegError, ValueError) as error:
            self._source = None
            raise MediaError("broken_video", f"cannot convert {frame.format.name} to RGB") from error

    def _make(self, frame: VideoFrame) -> Graph:
        longest = max(frame.width, frame.height)
        scale = min(1.0, self._longest_side / longest) if self._longest_side else 1.0
        width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
        graph = Graph()
        graph.threads = 1
        chain = [
            _add_source(graph, frame),
            graph.add("scale", f"{width}:{height}:flags=bicubic"),
            graph.add("format", "pix_fmts=rgb0"),
            graph.add("buffersink"),
        ]
        graph.link_nodes(*chain).configure()
        return graph


def _add_source(graph: Graph, frame: VideoFrame) -> FilterContext:
    """Add the filter that takes frames of this kind."""
    time_base = frame.time_base or Fraction(1, 1000)
    return graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=time_base)


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A frame as it is stored."""

    data: bytes
    width: int
    """Pixels, after rotation and shrinking."""
    height: int
    phash: int
    """Perceptual hash of the frame before it was compressed (``frame_hash``)."""


def upright(frame: VideoFrame, converter: RgbConverter) -> Image.Image:
    """Return a frame as RGB, turned by its display matrix.

    Colours follow the matrix and range that the stream names, else ITU-R 601 limited, as in FFmpeg.
    Samples of more than 8 bits are rounded to 8, and HDR is not tone-mapped; interlaced frames keep both fields
    woven; pixels that are not square stay so, one sample each.

    Args:
        frame: The decoded frame.
        converter: Shared by the frames of a stream.

    Raises:
        MediaError: ``broken_video``, the format cannot be converted.
    """
    return _upright(frame, converter).convert("RGB")


def _upright(frame: VideoFrame, converter: RgbConverter) -> Image.Image:
    """Return a frame in mode RGBX, which Pillow uses without a copy of the pixels.

    The copy would take a third of the time of encoding a JPEG.
    """
    rgb = converter.convert(frame)
    plane = rgb.planes[0]
    pixels = cast("bytes", plane)  # accepts any buffer
    image = Image.frombuffer("RGBX", (rgb.width, rgb.height), pixels, "raw", "RGBX", plane.line_size, 1)
    turn = orientation(frame)
    return image if turn is None else image.transpose(turn)


class JpegEncoder:
    """Encodes the frames of one stream; the same frame produces the same bytes.

    Args:
        quality: On libjpeg's scale, 1 to 95; chroma is halved in both directions.
        longest_side: See ``RgbConverter``.
    """

    def __init__(self, quality: int, longest_side: int | None = None) -> None:
        self._quality = quality
        self._converter = RgbConverter(longest_side)

    def encode(self, frame: VideoFrame) -> Jpeg:
        """Return the frame as a JPEG, upright.

        Raises:
            MediaError: ``broken_video``, the format cannot be converted.
        """
        image = _upright(frame, self._converter)
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality=self._quality, subsampling="4:2:0")
        return Jpeg(buffer.getvalue(), image.width, image.height, frame_hash(image))
