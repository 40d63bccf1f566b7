"""Exact search agrees with a full sort, and the inverted file with exact search."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotate.candidates.feature_file import FeatureFile, scale_to_unit
from annotate.candidates.search import TopK, build_inverted_file, count_probes, search_exactly
from core.errors import DataError

Store = Callable[[NDArray[np.float32]], FeatureFile]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    files: list[FeatureFile] = []

    def make(vectors: NDArray[np.float32]) -> FeatureFile:
        file = FeatureFile(tmp_path / f"features{len(files)}", vectors.shape[1])
        for start in range(0, len(vectors), 1000):
            file.append(vectors[start : start + 1000])
        files.append(file)
        return file

    yield make
    for file in files:
        file.__exit__(None, None, None)


def clustered(rows: int, seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((20, 24))
    return scale_to_unit(
        (centres[rng.integers(0, 20, rows)] + 0.3 * rng.standard_normal((rows, 24))).astype(np.float32)
    )


def test_a_hand_checked_search(store: Store) -> None:
    rows = scale_to_unit(np.array([[1, 0], [0, 1], [1, 1], [-1, 0], [2, 2]], np.float32))
    found, similarity = search_exactly(store(rows), np.array([[1, 0]], np.float32), 4)
    assert found.tolist() == [[0, 2, 4, 1]]
    np.testing.assert_allclose(similarity, [[1, 0.5**0.5, 0.5**0.5, 0]], atol=1e-6)


def test_missing_neighbours_are_padded(store: Store) -> None:
    found, similarity = search_exactly(store(np.eye(2, dtype=np.float32)), np.eye(2, dtype=np.float32), 3)
    assert found.tolist() == [[0, 1, -1], [1, 0, -1]]
    assert np.isnan(similarity[:, 2]).all()


def test_exact_search_finds_what_a_full_sort_finds(store: Store) -> None:
    rows, queries = clustered(5000, 1), clustered(40, 2)
    found, similarity = search_exactly(store(rows), queries, 60)
    every = np.rint((queries.astype(np.float64) @ rows.T.astype(np.float64)) * 2**20)
    for query, (numbers, values) in enumerate(zip(found, similarity, strict=True)):
        assert np.all(np.diff(values) <= 0)
        least = every[query, numbers].min()
        assert least >= np.sort(every[query])[-60] - 2
        np.testing.assert_allclose(values * 2**20, every[query, numbers], atol=2)


def test_ties_go_to_the_smaller_row_across_blocks(store: Store) -> None:
    rows = np.tile(clustered(1, 3), (5000, 1))
    found, similarity = search_exactly(store(rows), rows[:3], 50)
    assert found.tolist() == [list(range(50))] * 3
    assert len(np.unique(similarity)) == 1


@given(
    best=st.integers(1, 6),
    values=st.lists(st.lists(st.integers(-4, 4), min_size=1, max_size=7), max_size=6),
)
def test_the_best_of_a_stream_are_kept(best: int, values: list[list[int]]) -> None:
    kept = TopK(1, best, 7)
    start = 0
    for block in values:
        rows = np.arange(start, start + len(block))
        kept.offer(np.zeros(1, np.int64), rows, np.array([block], np.float32) / np.float32(4))
        start += len(block)
    numbers, similarity = kept.found()
    flat = [value / 4 for block in values for value in block]
    wanted = sorted(range(len(flat)), key=lambda n: (-flat[n], n))[:best]
    there = numbers[0] >= 0
    assert numbers[0][there].tolist() == wanted
    assert similarity[0][there].tolist() == [flat[n] for n in wanted]


def test_inverted_file_is_exact_with_all_lists(store: Store, tmp_path: Path) -> None:
    rows, queries = clustered(3000, 1), clustered(50, 2)
    features = store(rows)
    index = build_inverted_file(features, 20, tmp_path / "sorted")
    with index.features:
        assert sorted(index.rows.tolist()) == list(range(3000))
        np.testing.assert_array_equal(index.features.read(0, 3000), rows[index.rows])
        truth, _ = search_exactly(features, queries, 40)
        complete, _ = index.search(queries, 40, 20)
        assert np.mean([len(np.intersect1d(a, b)) for a, b in zip(truth, complete, strict=True)]) > 39.9
        probes = count_probes(index, features, queries, 40, 0.9)
        found, _ = index.search(queries, 40, probes)
        recall = np.mean([len(np.intersect1d(a, b)) / 40 for a, b in zip(truth, found, strict=True)])
        assert probes < 20
        assert recall >= 0.89


def test_a_truncated_file_is_an_error(tmp_path: Path) -> None:
    with FeatureFile(tmp_path / "cut", 2) as features:
        features.append(np.ones((3, 2), np.float32))
        with pytest.raises(DataError, match="the file of 3 rows ended while reading rows 2 to 5"):
            features.read(2, 5)
