"""Sparse matrices of term counts in bags, and the weights of terms."""

from array import array
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

__all__ = ["Floats", "bag", "rarity", "unit_rows"]

Floats = NDArray[np.float64]


def bag(bags: Iterable[Mapping[str, float]], columns: dict[str, int] | None = None) -> csr_array:
    """Return bags of terms as a matrix, [bags, terms], float64.

    Args:
        bags: Term -> number or weight.
        columns: Filled with the column of each term, in order of first occurrence.
    """
    places = {} if columns is None else columns
    indices, values, ends = array("i"), array("d"), array("q", (0,))
    for one in bags:
        indices.extend(places.setdefault(term, len(places)) for term in one)
        values.extend(one.values())
        ends.append(len(indices))
    shape = (len(ends) - 1, len(places))
    return csr_array((np.asarray(values), np.asarray(indices), np.asarray(ends)), shape=shape)


def rarity(counts: csr_array) -> Floats:
    """Return the weight of each term, [terms]: log(1 + nodes / nodes with the term)."""
    having = np.maximum((counts > 0).sum(axis=0), 1)
    return np.asarray(np.log1p(counts.shape[0] / having), dtype=np.float64)


def unit_rows(matrix: csr_array) -> csr_array:
    """Return the matrix with rows of length 1; empty rows stay empty."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1), dtype=np.float64)).ravel()
    return csr_array(diags_array(1 / np.where(lengths > 0, lengths, 1)) @ matrix)
