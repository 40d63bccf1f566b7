"""Subject images: the download's check of an image file, and what the decoder makes of it.

A file that must be accepted passes if the check accepts it and, where it is a still image, the decoder returns the
upright size and the colours of a grid: the mean of each cell, transparency on white. A file that no decoder reads
passes if one of both refuses it.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.suites.cases import Case, Result, judge, read_cases
from crawler.media.outcome import RejectedFileError
from crawler.media.validate import validate
from crawler.settings import DownloadSettings
from extract.settings import ImageSettings
from media import decode_image


def _checked(data: bytes) -> tuple[int, int] | str:
    """Return width and height as the download's check reads them, or why it refuses the file."""
    try:
        _, dimensions = validate(data, "image", DownloadSettings())
    except RejectedFileError as error:
        return f"the download refuses it ({error})"
    return dimensions.width or 0, dimensions.height or 0


def _decoded(data: bytes) -> Image.Image | str:
    """Return the upright image, or why the decoder refuses the file."""
    found = decode_image(data, ImageSettings())
    return found if isinstance(found, Image.Image) else f"the decoder refuses it ({found})"


_MAX_OFF = 8
"""Most difference of a cell's mean, of 255: decoders round differently."""


def results(folder: Path) -> Iterator[Result]:
    """Yield the result of each case."""
    for case in read_cases(folder):
        form = case.get("format") or case["name"].rpartition(".")[2].upper()
        kind = form if case["accept"] else f"{form} broken"
        yield judge(kind, case, case["file"], _judged, case, (folder / case["file"]).read_bytes())


def _judged(case: Case, data: bytes) -> tuple[object, object, bool]:
    checked, image = _checked(data), _decoded(data)
    if not case["accept"]:
        is_refused = isinstance(checked, str) or isinstance(image, str)
        return "refused", "refused" if is_refused else "accepted and decoded", is_refused
    if isinstance(checked, str):
        return "accepted", checked, False
    if case["frames"] > 1:
        return "accepted", "accepted", True
    if isinstance(image, str):
        return "decoded", image, False
    size = (case["width"], case["height"])
    if image.size != size or set(checked) != set(size):
        return size, (image.size, checked), False
    off = float(np.abs(_grid(image) - np.array(case["grid"])).max()) if "grid" in case else 0.0
    return f"colours at most {_MAX_OFF} off", f"{off:.1f}", off <= _MAX_OFF


def _grid(image: Image.Image) -> NDArray[np.float64]:
    return mean_colours(np.asarray(image.convert("RGB")), 8)


def mean_colours(rgb: NDArray[np.uint8], cells: int) -> NDArray[np.float64]:
    """Return the mean colour of each of ``cells`` x ``cells`` cells, row by row."""
    ys, xs = (np.linspace(0, size, cells + 1).astype(int) for size in rgb.shape[:2])
    return np.array(
        [
            rgb[top : max(bottom, top + 1), left : max(right, left + 1)].reshape(-1, 3).mean(0)
            for top, bottom in pairwise(ys)
            for left, right in pairwise(xs)
        ]
    )
