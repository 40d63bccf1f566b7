"""The best gallery items of each query, without ever holding the whole score matrix."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from m5data.errors import DataError

__all__ = ["rank"]

QUERIES = 256
GALLERY = 65_536
"""One block of scores is 256 x 65,536 float32: 64 MiB."""

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]


def rank(queries: Floats, gallery: Floats, depth: int, block: tuple[int, int] = (QUERIES, GALLERY)) -> Indices:
    """Return the rows of the ``depth`` gallery items with the largest dot product, best first.

    Equal scores are ranked by row, the lower first. Scores are computed in blocks.

    Args:
        queries: [Q, width], finite.
        gallery: [G, width], finite.
        depth: Items a query; at most G are returned.
        block: Queries and gallery items of one block of scores.

    Returns:
        [Q, min(depth, G)].

    Raises:
        DataError: Widths differ, or a feature is not finite.
    """
    _check(queries, "queries", gallery.shape[-1])
    _check(gallery, "gallery", gallery.shape[-1])
    if not len(queries):
        return np.empty((0, min(depth, len(gallery))), np.int64)
    return np.concatenate([_rank_block(part, gallery, depth, block[1]) for part in _parts(queries, block[0])])


def _parts(rows: Floats, size: int) -> Iterator[Floats]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _rank_block(queries: Floats, gallery: Floats, depth: int, size: int) -> Indices:
    scores = np.empty((len(queries), 0), np.float32)
    rows = np.empty((len(queries), 0), np.int64)
    for start in range(0, len(gallery), size):
        block = queries @ gallery[start : start + size].T
        best = _best(block, min(depth, block.shape[1]))
        scores = np.concatenate([scores, np.take_along_axis(block, best, 1)], axis=1)
        rows = np.concatenate([rows, best + start], axis=1)
        kept = _best(scores, min(depth, scores.shape[1]))  # rows of earlier blocks come first, so ties keep their order
        scores, rows = np.take_along_axis(scores, kept, 1), np.take_along_axis(rows, kept, 1)
    return rows


def _best(scores: Floats, depth: int) -> Indices:
    """Return the columns of the ``depth`` largest scores of each row, best first, ties by column."""
    at = scores.shape[1] - depth
    least = np.partition(scores, at, axis=1)[:, at] if depth else np.zeros(len(scores), np.float32)
    return np.stack([_best_of_row(row, bound, depth) for row, bound in zip(scores, least, strict=True)])


def _best_of_row(row: Floats, bound: np.float32, depth: int) -> Indices:
    candidates = np.flatnonzero(row >= bound)
    return candidates[np.argsort(-row[candidates], kind="stable")[:depth]]


def _check(features: NDArray[Any], name: str, width: int) -> None:
    if features.ndim != 2 or features.shape[1] != width:
        raise DataError(f"rank: {name}: The features must be [items, {width}], not {features.shape}.")
    finite = np.isfinite(features).all(axis=1)
    if not finite.all():
        raise DataError(
            f"rank: {name}: The features in row {int(np.flatnonzero(~finite)[0])} and {int((~finite).sum()) - 1} more "
            "are not finite. Look at the loss curve of the model that made them."
        )
