"""Still images by FFmpeg, for the few files that Pillow reads wrongly or not at all."""

from typing import Any, cast

import av
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

__all__ = ["decode_still"]


def decode_still(data: bytes, codec: str, pixel_format: str, *, strict: bool = False) -> NDArray[Any]:
    """Return the samples of an image, [height, width, channels].

    Args:
        data: The file's bytes; the caller has checked the size in its header.
        codec: FFmpeg's name of the decoder.
        pixel_format: FFmpeg's name of the format to convert to.
        strict: Whether missing pixels are an error.

    Raises:
        av.FFmpegError: It cannot be decoded.
        IndexError: It holds no image.
    """
    context = cast("VideoCodecContext", av.VideoCodecContext.create(codec, "r"))
    context.thread_count = 1
    context.options = {"err_detect": "explode"} if strict else {}
    frame = (*context.decode(av.Packet(data)), *context.decode(None))[0]
    samples: NDArray[Any] = frame.to_ndarray(format=pixel_format)
    return samples
