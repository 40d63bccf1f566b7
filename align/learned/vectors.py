"""Sparse vectors of nodes, weighted by how few nodes share a sign."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

__all__ = ["Floats", "bag", "rarity", "unit_rows"]

Floats = NDArray[np.float64]


def bag(bags: Iterable[Mapping[str, float]]) -> csr_array:
    """Return bags of signs as a matrix, [bags, signs], float64."""
    columns: dict[str, int] = {}
    indices: list[int] = []
    values: list[float] = []
    ends = [0]
    for one in bags:
        for sign, weight in one.items():
            indices.append(columns.setdefault(sign, len(columns)))
            values.append(weight)
        ends.append(len(indices))
    shape = (len(ends) - 1, len(columns))
    return csr_array((np.array(values, dtype=np.float64), np.array(indices, dtype=np.int64), ends), shape=shape)


def rarity(counts: csr_array) -> Floats:
    """Return the weight of each sign, [signs]: log(1 + nodes / nodes that have it)."""
    having = np.maximum((counts > 0).sum(axis=0), 1)
    return np.asarray(np.log1p(counts.shape[0] / having), dtype=np.float64)


def unit_rows(matrix: csr_array) -> csr_array:
    """Return the matrix with rows of length 1; empty rows stay empty."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1), dtype=np.float64)).ravel()
    return csr_array(diags_array(1 / np.where(lengths > 0, lengths, 1)) @ matrix)
