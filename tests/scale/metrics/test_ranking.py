"""Ranking in blocks equals ranking all at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scale
from core.errors import DataError


@given(st.integers(1, 7), st.integers(1, 30), st.integers(1, 12), st.integers(1, 9), st.integers(0, 10_000))
def test_blocks_of_any_size_give_the_order_of_a_stable_sort(
    queries: int, gallery: int, depth: int, block: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    left = rng.integers(-1, 2, (queries, 3)).astype(np.float32)  # small integers: many equal scores
    right = rng.integers(-1, 2, (gallery, 3)).astype(np.float32)
    wanted = np.argsort(-(left @ right.T), axis=1, kind="stable")[:, :depth]
    assert scale.rank(left, right, depth, block=(block, block)).tolist() == wanted.tolist()


def test_no_query_gives_no_rows() -> None:
    assert scale.rank(np.empty((0, 2), np.float32), np.ones((3, 2), np.float32), 2).shape == (0, 2)


@pytest.mark.parametrize(
    ("gallery", "message"),
    [(np.array([[1, 2], [np.nan, 1]], np.float32), "gallery.*row 1"), (np.ones((2, 3), np.float32), "queries.*3")],
)
def test_features_that_cannot_be_ranked_are_named(gallery: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        scale.rank(np.ones((1, 2), np.float32), gallery, 1)
