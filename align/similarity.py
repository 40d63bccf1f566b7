"""The two similarities of MEP-3M: S_label of two names, S_content of two sets of titles."""

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from itertools import groupby
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from align.settings import CHARACTERS, ContentTerms
from align.term_matrices import bag
from core.segmentation import count_words, has_chinese

__all__ = ["ContentVectors", "content_similarity", "join_titles", "label_similarity", "similar_labels"]

_PAIRS_AT_ONCE = 4096


def label_similarity(a: str, b: str) -> float:
    """Return the similarity of two names, 0 to 1 (MEP-3M, eq. 1).

    S_label = 2M / T: T characters in both names, M of them in the blocks that Python's
    ``difflib.SequenceMatcher`` matches. Equal names, even two empty ones, have similarity 1. This
    reproduces the paper's Table 3.

    ``difflib`` searches for the characters of ``a`` in ``b``, so swapping the names can change the
    result slightly. This function keeps the given order; ``align`` always passes the name of the
    alphabetically smaller source as ``a``.
    """
    return SequenceMatcher(None, a, b).ratio()


def similar_labels(a: Sequence[str], b: Sequence[str], at_least: float) -> Iterator[tuple[int, int, float]]:
    """Yield every pair of names with ``label_similarity(a[i], b[j]) >= at_least``.

    The number of characters that two names share, repetitions included, bounds M from above. It is
    computed for all pairs at once, and ``difflib`` compares only pairs that can reach the threshold.
    The result equals that of comparing all pairs.

    Args:
        a: Names of one side, none empty.
        b: Names of the other side, none empty.
        at_least: Threshold, above 0.

    Yields:
        i, j and the similarity, sorted by j, then i.

    Raises:
        ValueError: The threshold is out of range.
    """
    if not 0 < at_least <= 1:
        raise ValueError(f"at_least must be above 0 and at most 1, not {at_least}.")
    for j, candidates in groupby(_candidates(a, b, at_least), key=lambda pair: pair[1]):
        matcher = SequenceMatcher(None, "", b[j])
        for i, _ in candidates:
            matcher.set_seq1(a[i])
            if (score := matcher.ratio()) >= at_least:
                yield i, j, score


def _candidates(a: Sequence[str], b: Sequence[str], at_least: float) -> Iterator[tuple[int, int]]:
    """Yield pairs whose shared characters can reach the threshold, sorted by j, then i."""
    terms: dict[tuple[str, int], int] = {}
    left, right = _occurrences(a, terms), _occurrences(b, terms)
    left.resize((len(a), len(terms)))
    shared = (right @ left.T).tocoo()  # [b, a], number of shared characters
    j, i = shared.coords
    length_a = np.array([len(name) for name in a], dtype=np.int64)
    length_b = np.array([len(name) for name in b], dtype=np.int64)
    possible = 2.0 * shared.data / (length_a[i] + length_b[j]) >= at_least
    order = np.lexsort((i[possible], j[possible]))
    yield from zip(i[possible][order].tolist(), j[possible][order].tolist(), strict=True)


def _occurrences(names: Sequence[str], terms: dict[tuple[str, int], int]) -> csr_array:
    """Return a 0/1 matrix [names, terms]; a term is a character with its occurrence number.

    The product of two rows is the number of shared characters, repetitions included.
    """
    rows: list[int] = []
    columns: list[int] = []
    for row, name in enumerate(names):
        for character, times in Counter(name).items():
            for nth in range(times):
                rows.append(row)
                columns.append(terms.setdefault((character, nth), len(terms)))
    ones: NDArray[np.int64] = np.ones(len(rows), dtype=np.int64)
    return csr_array((ones, (rows, columns)), shape=(len(names), len(terms)))


def join_titles(titles: str | Iterable[str], characters: int = CHARACTERS) -> str:
    """Return the text that represents a category: its titles, one per line, cut after ``characters``.

    The paper does not say how titles are joined. A line break separates the words of neighbouring
    titles and counts as a character. A single text is accepted too.
    """
    text = titles if isinstance(titles, str) else "\n".join(titles)
    return text[:characters]


def content_similarity(
    titles_a: str | Iterable[str],
    titles_b: str | Iterable[str],
    counts: bool = True,  # noqa: FBT001, FBT002 - a promised signature
) -> float:
    """Return the cosine of the words of two sets of titles, 0 to 1 (MEP-3M, eq. 2).

    Words are those of ``core.segmentation.count_words``. jieba segments both texts if the first one
    contains a Chinese character, and neither otherwise, as in simtext. A side without words has
    similarity 0.

    Args:
        titles_a: Titles of one category, in order; the first 22,000 characters count.
        titles_b: Titles of the other.
        counts: True: vectors hold word counts, as in simtext up to 1.1; the paper's threshold of 0.75
            applies only to these. False: vectors hold the presence of words, as in simtext 1.2.
    """
    texts = [join_titles(titles_a), join_titles(titles_b)]
    terms: ContentTerms = "counts" if counts else "binary"
    return float(ContentVectors(texts).similarities(np.array([0]), np.array([1]), terms=terms)[0])


class ContentVectors:
    """Word vectors of many texts, each computed once, for the cosines of any pairs."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._chinese = np.array([has_chinese(text) for text in texts], dtype=np.bool_)

    def similarities(
        self, left: NDArray[np.int64], right: NDArray[np.int64], *, terms: ContentTerms = "counts"
    ) -> NDArray[np.float64]:
        """Return the content similarity of each pair of texts.

        Args:
            left: Index of each pair's first text, [pairs]; it decides whether the pair is segmented.
            right: Index of its second text, [pairs].
            terms: See ``AlignSettings.content_terms``.

        Returns:
            Cosines, [pairs]. ``counts`` and ``binary`` come from exact sums of whole numbers, so the order
            does not matter.
        """
        if terms == "simtext":
            return _simtext_cosines([(self._texts[i], self._texts[j]) for i, j in zip(left, right, strict=True)])
        result = np.zeros(len(left))
        segmented = self._chinese[left]
        for chosen in (segmented, ~segmented):
            if chosen.any():
                vectors = self._segmented if chosen is segmented else self._plain
                result[chosen] = _cosines(vectors, left[chosen], right[chosen], binary=terms == "binary")
        return result

    @cached_property
    def _segmented(self) -> csr_array:
        return self._count(segment=True)

    @cached_property
    def _plain(self) -> csr_array:
        return self._count(segment=False)

    def _count(self, *, segment: bool) -> csr_array:
        return bag(count_words(text, segment=segment) for text in self._texts)


def _cosines(
    vectors: csr_array, left: NDArray[np.int64], right: NDArray[np.int64], *, binary: bool
) -> NDArray[np.float64]:
    """Return the cosine of each pair of rows; 0 if a row is empty."""
    if binary:
        vectors = (vectors > 0).astype(np.float64)
    squares = vectors.multiply(vectors).sum(axis=1)
    cosines = []
    for start in range(0, len(left), _PAIRS_AT_ONCE):
        some = slice(start, start + _PAIRS_AT_ONCE)
        products = vectors[left[some]].multiply(vectors[right[some]]).sum(axis=1)
        norms = squares[left[some]], squares[right[some]]
        cosines += [
            min(product / sqrt(one * other), 1.0) if product else 0.0
            for product, one, other in zip(products.tolist(), norms[0].tolist(), norms[1].tolist(), strict=True)
        ]
    return np.array(cosines)


def _simtext_cosines(pairs: Iterable[tuple[str, str]]) -> NDArray[np.float64]:
    """Return simtext's cosine of each pair of texts, without its other, slow measures."""
    with warnings.catch_warnings():  # importing simtext disables all warnings
        warnings.simplefilter("ignore")
        import jieba  # noqa: PLC0415 - both load for a second
        from simtext import similarity  # noqa: PLC0415
    jieba.setLogLevel("CRITICAL")
    measure = similarity()
    cosines = []
    for one, other in pairs:
        try:
            _, _, left, right = measure.transform(one, other)
        except ValueError:  # simtext fails if neither text has a word
            cosines.append(0.0)
        else:
            cosines.append(min(float(measure.cosine_similarity(left, right)), 1.0))
    return np.array(cosines)
