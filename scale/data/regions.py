"""Stored region features of pictures, from a file that a detector's owner wrote."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from m5data.errors import DataError, MissingInputError

__all__ = ["Regions"]

_COLUMNS = ["product_id", "features", "boxes", "image_width", "image_height"]


@dataclass(frozen=True)
class Regions:
    """Features and boxes of each product's main picture, best score first.

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
                f"{self.path}: {product_id}: wanted finite features [n, {self.width}] and boxes [n, 4], "
                f"got {features.shape} and {boxes.shape}; set input.region_width or write the file again"
            )

    @cached_property
    def _table(self) -> pa.Table:
        try:
            return pq.read_table(self.path, columns=_COLUMNS, memory_map=True)
        except FileNotFoundError:
            raise MissingInputError(f"{self.path}: wanted region features, found no file; check regions_file") from None
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{self.path}: wanted Parquet with {', '.join(_COLUMNS)}: {error}") from None

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self._table["product_id"].to_pylist())}
