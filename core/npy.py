"""Arrays as parts of ``.npy`` files, without copying them."""

import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["npy_parts"]


def npy_parts(array: NDArray[np.float32] | None) -> Sequence[bytes | memoryview]:
    """Return the parts of the file that ``numpy.save`` writes for an array in C order; None counts as an empty one."""
    array = np.zeros((0, 0), dtype="<f4") if array is None else array
    rows, columns = array.shape
    return _header(rows, columns), np.ascontiguousarray(array, dtype="<f4").reshape(-1).view(np.uint8).data


@lru_cache(256)  # called for every sample; audio has only a few lengths
def _header(rows: int, columns: int) -> bytes:
    buffer = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (rows, columns)}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue()
