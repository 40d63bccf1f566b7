"""S_label of MEP-3M: how alike two category names are."""

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

__all__ = ["label_similarity", "similar_labels"]


def label_similarity(a: str, b: str) -> float:
    """Return the similarity of two names, 0 to 1 (MEP-3M, eq. 1).

    S_label = 2M / T: T characters in both names, M of them in the blocks that Python's
    ``difflib.SequenceMatcher`` matches; equal names have 1, two empty names too. The paper's
    Table 3 follows from it.

    ``difflib`` searches for the characters of ``a`` in ``b``, and the result can differ slightly
    when they are swapped. This function keeps the order that it is given; ``align`` always passes
    the name of the alphabetically smaller source as ``a``.
    """
    return SequenceMatcher(None, a, b).ratio()


def similar_labels(a: Sequence[str], b: Sequence[str], at_least: float) -> Iterator[tuple[int, int, float]]:
    """Yield every pair of names with ``label_similarity(a[i], b[j]) >= at_least``.

    The characters that two names share, repetitions counted, bound M from above. They are counted
    for all pairs at once, and only pairs that can reach the threshold are matched by ``difflib``:
    the result is that of comparing all pairs.

    Args:
        a: Names of the one side, none empty.
        b: Names of the other side, none empty.
        at_least: Threshold, above 0.

    Yields:
        i, j and the similarity, sorted by j, then i.
    """
    if not 0 < at_least <= 1:
        raise ValueError(f"at_least: wanted above 0 and at most 1, got {at_least}")
    for j, candidates in groupby(_candidates(a, b, at_least), key=lambda pair: pair[1]):
        matcher = SequenceMatcher(None, "", b[j])
        for i, _ in candidates:
            matcher.set_seq1(a[i])
            if (score := matcher.ratio()) >= at_least:
                yield i, j, score


def _candidates(a: Sequence[str], b: Sequence[str], at_least: float) -> Iterator[tuple[int, int]]:
    """Yield pairs whose common characters allow the threshold, sorted by j, then i."""
    signs: dict[tuple[str, int], int] = {}
    one, other = _occurrences(a, signs), _occurrences(b, signs)
    one.resize((len(a), len(signs)))
    common = (other @ one.T).tocoo()  # [b, a], characters in common
    j, i = common.coords
    letters_a = np.array([len(name) for name in a], dtype=np.int64)
    letters_b = np.array([len(name) for name in b], dtype=np.int64)
    possible = 2.0 * common.data / (letters_a[i] + letters_b[j]) >= at_least
    order = np.lexsort((i[possible], j[possible]))
    yield from zip(i[possible][order].tolist(), j[possible][order].tolist(), strict=True)


def _occurrences(names: Sequence[str], signs: dict[tuple[str, int], int]) -> csr_array:
    """Return a 0/1 matrix [names, signs]; a sign is a character and its how-manieth occurrence.

    The product of two such rows is the number of characters in common, repetitions counted.
    """
    rows: list[int] = []
    columns: list[int] = []
    for row, name in enumerate(names):
        for character, times in Counter(name).items():
            for nth in range(times):
                rows.append(row)
                columns.append(signs.setdefault((character, nth), len(signs)))
    ones: NDArray[np.int64] = np.ones(len(rows), dtype=np.int64)
    return csr_array((ones, (rows, columns)), shape=(len(names), len(signs)))
