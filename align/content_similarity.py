"""S_content of MEP-3M: how alike the titles of two categories are."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from align.word_counting import count_matrix
from align.words import has_chinese

__all__ = ["CHARACTERS", "ContentVectors", "content_similarity", "join_titles"]

CHARACTERS = 22_000
"""Characters of titles that a category is judged by, about 450 products (MEP-3M)."""

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
