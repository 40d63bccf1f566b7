"""Image patches and video frames as rows of pixels, and stored region features."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from core.errors import DataError, MissingInputError
from media.image import read_image

__all__ = ["Regions", "flat_frame", "grid_boxes", "patches"]

Pixels = NDArray[np.uint8]


def patches(payload: bytes, grid: int, patch: int) -> Pixels:
    """Return an image as a grid of patches, row by row: [grid * grid, patch * patch * 3].

    The image is scaled to a square; its proportions are lost, its content is not.

    Raises:
        MediaError: It cannot be decoded.
    """
    pixels = _decode(payload, grid * patch).reshape(grid, patch, grid, patch, 3)
    return pixels.transpose(0, 2, 1, 3, 4).reshape(grid * grid, patch * patch * 3)


def flat_frame(payload: bytes, side: int) -> Pixels:
    """Return a video frame scaled to a square, as one row: [side * side * 3].

    Raises:
        MediaError: It cannot be decoded.
    """
    return _decode(payload, side).reshape(-1)


def grid_boxes(grid: int) -> NDArray[np.float32]:
    """Return the box of each patch as [C] describes regions: x1, y1, x2, y2 and area, as shares of the image."""
    rows, columns = np.divmod(np.arange(grid * grid), grid)
    corners = np.stack([columns, rows, columns + 1, rows + 1], axis=1) / grid
    area = np.full((grid * grid, 1), 1 / grid**2)
    return np.concatenate([corners, area], axis=1).astype(np.float32)


def _decode(payload: bytes, side: int) -> Pixels:
    """Return [side, side, 3]; a JPEG is decoded at the smallest scale that suffices."""
    image = read_image(payload, enough=side)
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0))


_COLUMNS = ["product_id", "features", "boxes", "image_width", "image_height"]


@dataclass(frozen=True)
class Regions:
    """Features and boxes of each product's main image, best score first.

    The file is Parquet: ``product_id``; ``features`` [n][width]; ``boxes`` [n][x1, y1, x2, y2] in
    pixels; ``image_width`` and ``image_height`` in pixels.
    """

    path: Path
    width: int

    def of(self, product_id: str, limit: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return [n, width] and [n, 5] (x1, y1, x2, y2, area as shares, as [C]); n is 0 for unknown products.

        Raises:
            MissingInputError: There is no such file.
            DataError: It lacks a column, or features are of another width or not finite.
        """
        row = self._rows.get(product_id)
        if row is None:
            return np.empty((0, self.width), np.float32), np.empty((0, 5), np.float32)
        values = self._table.slice(row, 1).to_pylist()[0]
        features = np.asarray(values["features"], np.float32)[:limit]
        boxes = np.asarray(values["boxes"], np.float32)[:limit]
        self._check(product_id, features, boxes)
        shares = boxes / np.tile(np.array([values["image_width"], values["image_height"]], np.float32), 2)
        area = (shares[:, 2] - shares[:, 0]) * (shares[:, 3] - shares[:, 1])
        return features, np.concatenate([shares, area[:, None]], axis=1)

    def _check(self, product_id: str, features: NDArray[np.float32], boxes: NDArray[np.float32]) -> None:
        shapes = features.shape == (len(features), self.width) and boxes.shape == (len(features), 4)
        if not shapes or not np.isfinite(features).all():
            raise DataError(
                f"{self.path}: {product_id}: The features must be finite and of shape [n, {self.width}], "
                f"the boxes [n, 4]; they are {features.shape} and {boxes.shape}. "
                "Set input.region_width, or write the file again."
            )

    @cached_property
    def _table(self) -> pa.Table:
        try:
            return pq.read_table(self.path, columns=_COLUMNS, memory_map=True)
        except FileNotFoundError:
            raise MissingInputError(f"{self.path}: There is no file of region features. Check regions_file.") from None
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{self.path}: The file must be Parquet with {', '.join(_COLUMNS)}: {error}") from None

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self._table["product_id"].to_pylist())}
