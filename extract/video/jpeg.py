"""From a decoded frame to an upright picture, and to a JPEG."""

from dataclasses import dataclass
from io import BytesIO

import av
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter
from PIL import Image

from extract.images.perceptual_hash import frame_hash
from extract.video.orient import orientation
from m5data.errors import MediaError

__all__ = ["Jpeg", "JpegEncoder", "upright"]

_KNOWN_SPACES = frozenset((1, 4, 5, 6, 7, 9))  # matrices of ITU-T H.273 that the converter has tables for


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A frame as it is stored."""

    data: bytes
    width: int
    """Pixels, after rotation and shrinking."""
    height: int
    phash: int
    """Perceptual hash of the frame before it was compressed (``frame_hash``)."""


def upright(frame: VideoFrame, converter: VideoReformatter, longest_side: int | None = None) -> Image.Image:
    """Return a frame as RGB, turned as its display matrix says.

    Colours follow the matrix and range that the stream names, else ITU-R 601 limited, as FFmpeg does.
    Samples of more than 8 bits are rounded to 8; interlaced frames stay as they are, both fields
    woven; pixels that are not square stay so.

    Args:
        frame: As decoded.
        converter: May be shared by the frames of a stream.
        longest_side: Shrink to this many pixels on the longer side (bicubic); None: keep the size.

    Raises:
        MediaError: ``broken_video``, the format cannot be converted.
    """
    scale = min(1.0, longest_side / max(frame.width, frame.height)) if longest_side else 1.0
    try:
        rgb = converter.reformat(
            frame,
            width=max(1, round(frame.width * scale)),
            height=max(1, round(frame.height * scale)),
            format="rgb24",
            src_colorspace=None if frame.colorspace in _KNOWN_SPACES else Colorspace.ITU601,
            interpolation="BICUBIC",
            threads=1,
        )
    except (av.FFmpegError, ValueError) as error:
        raise MediaError("broken_video", f"cannot convert {frame.format.name} to RGB") from error
    image = Image.fromarray(rgb.to_ndarray())
    turn = orientation(frame)
    return image if turn is None else image.transpose(turn)


class JpegEncoder:
    """Encodes the frames of one stream; the same frame gives the same bytes.

    Args:
        quality: On libjpeg's scale, 1 to 95; chroma is halved both ways.
        longest_side: See ``upright``.
    """

    def __init__(self, quality: int, longest_side: int | None = None) -> None:
        self._quality = quality
        self._longest_side = longest_side
        self._converter = VideoReformatter()

    def encode(self, frame: VideoFrame) -> Jpeg:
        """Return the frame as a JPEG, upright.

        Raises:
            MediaError: ``broken_video``, the format cannot be converted.
        """
        image = upright(frame, self._converter, self._longest_side)
        buffer = BytesIO()
        image.save(buffer, "JPEG", quality=self._quality, subsampling="4:2:0")
        return Jpeg(buffer.getvalue(), image.width, image.height, frame_hash(image))
