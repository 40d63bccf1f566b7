"""How sharp and how empty a grey picture is."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["blank_share", "sharpness"]

_STRIP = 256
_TOLERANCE = 2


def sharpness(grey: Image.Image) -> float:
    """Return the variance of the Laplacian of a picture of mode ``L``.

    The kernel is [[0, 1, 0], [1, -4, 1], [0, 1, 0]] over all pixels that have four neighbours,
    at the picture's own size; greys are 0 to 255. 0 is a flat picture, or one less than three
    pixels wide or high. Blurred photos lie low, but the scale depends on content and size: it
    ranks pictures, it is no probability.

    Sums are exact integers over strips of rows, so the value is the same on every machine and
    memory stays small.
    """
    pixels: NDArray[np.uint8] = np.asarray(grey)  # [H, W]
    count: int = max(pixels.shape[0] - 2, 0) * max(pixels.shape[1] - 2, 0)
    if not count:
        return 0.0
    total = squares = 0
    for top in range(1, pixels.shape[0] - 1, _STRIP):
        rows = pixels[top - 1 : min(top + _STRIP, pixels.shape[0] - 1) + 1].astype(np.int32)
        middle = rows[1:-1, 1:-1]
        laplacian = rows[:-2, 1:-1] + rows[2:, 1:-1] + rows[1:-1, :-2] + rows[1:-1, 2:] - 4 * middle
        total += int(laplacian.sum(dtype=np.int64))
        squares += int(np.square(laplacian).sum(dtype=np.int64))
    return (squares * count - total * total) / (count * count)


def blank_share(grey: Image.Image) -> float:
    """Return the share of pixels within 2/255 of the commonest grey, 0 to 1.

    1.0 is an empty picture; a product cut out on white has a large share. Where several greys
    are equally common, the darkest one counts.
    """
    histogram = np.array(grey.histogram(), dtype=np.int64)  # [256]
    commonest = int(histogram.argmax())
    near = histogram[max(commonest - _TOLERANCE, 0) : commonest + _TOLERANCE + 1]
    return int(near.sum()) / int(histogram.sum())
