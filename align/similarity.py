"""The two similarities of MEP-3M: S_label of two names, S_content of two sets of titles."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from itertools import groupby
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from align.settings import CHARACTERS
from align.word_counting import count_matrix
from m5data.segmentation import has_chinese

__all__ = ["ContentVectors", "content_similarity", "join_titles", "label_similarity", "similar_labels"]


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


_PAIRS_AT_ONCE = 4096


def join_titles(titles: str | Iterable[str], characters: int = CHARACTERS) -> str:
    """Return the text that stands for a category: its titles, a line each, cut after ``characters``.

    The paper does not say how titles are joined. A line break keeps words of neighbouring titles
    apart; it counts as a character. A single text may be given as it is.
    """
    text = titles if isinstance(titles, str) else "\n".join(titles)
    return text[:characters]


def content_similarity(
    titles_a: str | Iterable[str],
    titles_b: str | Iterable[str],
    counts: bool = True,  # noqa: FBT001, FBT002 - a promised signature
) -> float:
    """Return the cosine of the words of two sets of titles, 0 to 1 (MEP-3M, eq. 2).

    Words are those of ``count_words``. Both texts are cut by jieba if the first one holds a
    Chinese character, else neither: that is simtext's rule. 0 where a side has no word.

    Args:
        titles_a: Titles of the one category, in order; the first 22,000 characters count.
        titles_b: Titles of the other.
        counts: True: vectors hold how often a word occurs, as simtext up to 1.1 did, and only with
            these does the paper's threshold of 0.75 make sense. False: they hold whether it occurs,
            as simtext 1.2 does.
    """
    texts = [join_titles(titles_a), join_titles(titles_b)]
    left, right = np.array([0]), np.array([1])
    return float(ContentVectors(texts).similarities(left, right, counts=counts)[0])


class ContentVectors:
    """Word vectors of many texts, each made once, for the cosines of any pairs of them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._chinese = np.array([has_chinese(text) for text in texts], dtype=np.bool_)

    def similarities(
        self, left: NDArray[np.int64], right: NDArray[np.int64], *, counts: bool = True
    ) -> NDArray[np.float64]:
        """Return the content similarity of each pair of texts.

        Args:
            left: Index of each pair's first text, [pairs]; it decides whether the pair is cut.
            right: Index of its second text, [pairs].
            counts: See ``content_similarity``.

        Returns:
            Cosines, [pairs]. They come from exact integer sums, so order changes nothing.
        """
        found = np.zeros(len(left))
        segmented = self._chinese[left]
        for chosen in (segmented, ~segmented):
            if chosen.any():
                vectors = self._segmented if chosen is segmented else self._plain
                found[chosen] = _cosines(vectors, left[chosen], right[chosen], counts=counts)
        return found

    @cached_property
    def _segmented(self) -> csr_array:
        return count_matrix(self._texts, segment=True).matrix()

    @cached_property
    def _plain(self) -> csr_array:
        return count_matrix(self._texts, segment=False).matrix()


def _cosines(
    vectors: csr_array, left: NDArray[np.int64], right: NDArray[np.int64], *, counts: bool
) -> NDArray[np.float64]:
    """Return the cosine of each pair of rows; 0 where a row is empty."""
    if not counts:
        vectors = (vectors > 0).astype(np.int64)
    squares = vectors.multiply(vectors).sum(axis=1)
    found = []
    for start in range(0, len(left), _PAIRS_AT_ONCE):
        some = slice(start, start + _PAIRS_AT_ONCE)
        products = vectors[left[some]].multiply(vectors[right[some]]).sum(axis=1)
        norms = squares[left[some]], squares[right[some]]
        found += [
            min(product / sqrt(one * other), 1.0) if product else 0.0
            for product, one, other in zip(products.tolist(), norms[0].tolist(), norms[1].tolist(), strict=True)
        ]
    return np.array(found)
