"""Vectors of all products in a file, read block by block."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from annotate.candidates.encoders import Vectors
from core.errors import DataError

__all__ = ["FeatureFile", "Rows", "scale_to_unit"]

Rows = NDArray[np.int64]
"""Row numbers."""


def scale_to_unit(vectors: Vectors) -> Vectors:
    """Scale each row to length 1 in place, so that dot products are cosines; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.where(lengths == 0, np.float32(1), lengths)
    return vectors


class FeatureFile:
    """A file of float32 vectors, [count, dimensions], stored row by row.

    It uses plain reads, because the pages of a memory map count as memory of the process.
    """

    def __init__(self, path: Path, dimensions: int) -> None:
        self._file = path.open("w+b", buffering=0)
        self.dimensions = dimensions
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def append(self, vectors: Vectors) -> None:
        """Add rows at the end."""
        self.write(self.count, vectors)
        self.count += len(vectors)

    def write(self, start: int, vectors: Vectors) -> None:
        """Write rows from row ``start`` on, which may be beyond the end."""
        self._file.seek(start * self.dimensions * 4)
        rest = np.ascontiguousarray(vectors, np.float32).data.cast("B")
        while rest:
            rest = rest[self._file.write(rest) :]

    def read(self, start: int, stop: int) -> Vectors:
        """Return rows ``start`` to ``stop``; thread-safe.

        Raises:
            DataError: The file ends before ``stop``.
        """
        rows = np.empty((stop - start, self.dimensions), np.float32)
        place, rest = start * self.dimensions * 4, rows.data.cast("B")
        while rest:
            got = os.preadv(self._file.fileno(), [rest], place)
            if not got:
                raise DataError(f"features: the file of {self.count} rows ended while reading rows {start} to {stop}.")
            place, rest = place + got, rest[got:]
        return rows

    def read_rows(self, rows: Rows) -> Vectors:
        """Return rows by number, [len(rows), dimensions]."""
        found = np.empty((len(rows), self.dimensions), np.float32)
        for place, row in enumerate(rows.tolist()):
            found[place] = self.read(row, row + 1)[0]
        return found

    def blocks(self, size: int) -> Iterator[tuple[int, Vectors]]:
        """Yield (first row, rows) over the whole file, ``size`` rows at a time."""
        for start in range(0, self.count, size):
            yield start, self.read(start, min(start + size, self.count))
