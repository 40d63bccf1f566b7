"""Clustering metrics, by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as peer

import scale
from core.errors import DataError

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), min_size=1, max_size=40)


def test_six_items_by_hand() -> None:
    got = scale.clustering_metrics(["a", "a", "a", "b", "b", "b"], [0, 0, 1, 1, 1, 2])
    # of 15 pairs, 6 share a class, 1 + 3 share a cluster, and 2 share both
    assert got["ARI"] == pytest.approx((2 - 6 * 4 / 15) / ((6 + 4) / 2 - 6 * 4 / 15))
    assert got["purity"] == pytest.approx((2 + 2 + 1) / 6)
    assert got["accuracy"] == pytest.approx((2 + 2) / 6)


@given(PAIRS)
def test_normalised_and_adjusted_measures_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    labels, clusters = (list(side) for side in zip(*pairs, strict=True))
    got = scale.clustering_metrics(labels, clusters)
    wanted = {
        "NMI": peer.normalized_mutual_info_score(labels, clusters),
        "AMI": peer.adjusted_mutual_info_score(labels, clusters),
        "ARI": peer.adjusted_rand_score(labels, clusters),
    }
    assert {name: got[name] for name in wanted} == pytest.approx(wanted, abs=1e-7)


@given(PAIRS, st.permutations(range(6)))
def test_names_of_clusters_do_not_matter(pairs: list[tuple[int, int]], names: list[int]) -> None:
    labels, clusters = (list(side) for side in zip(*pairs, strict=True))
    renamed = scale.clustering_metrics(labels, [names[cluster] for cluster in clusters])
    assert renamed == pytest.approx(scale.clustering_metrics(labels, clusters))


def test_chance_reads_as_zero_only_where_adjusted() -> None:
    rng = np.random.default_rng(3)
    got = scale.clustering_metrics(rng.integers(0, 40, 400), rng.integers(0, 40, 400))
    assert abs(got["AMI"]) < 0.03
    assert abs(got["ARI"]) < 0.01
    assert got["NMI"] > 0.3
    assert got["purity"] > 0.1


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(DataError, match="as many labels as clusters"):
        scale.clustering_metrics([], [])


@pytest.mark.parametrize("labels", [["a", None], [1.0, float("nan")], ["a", 1]])
def test_missing_or_mixed_labels_are_refused(labels: list[object]) -> None:
    with pytest.raises(DataError, match=r"clustering_metrics: .*labels"):
        scale.clustering_metrics(np.array(labels, dtype=object), [0, 1])
