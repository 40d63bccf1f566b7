"""Retrieval metrics in every definition, by hand on six queries and eight ranks, and against a plain recomputation."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

import scale
from core.errors import DataError

# Six queries, all with label 1; a 1 is a hit. POSITIVES counts each query's positives in the gallery.
RANKED = [
    [1, 0, 1, 0, 0, 1, 0, 0],
    [0, 1, 1, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [1, 1, 1, 1, 1, 1, 1, 1],
    [0, 0, 0, 0, 1, 0, 0, 1],
    [1, 0, 0, 0, 0, 0, 0, 0],
]
POSITIVES = [4, 2, 3, 20, 2, 1]
THIRD, HALF = Fraction(1, 3), Fraction(1, 2)

# By hand: sums of the precision at each hit, in the top 5 and in the top 8.
SUM_5 = [1 + 2 * THIRD, HALF + 2 * THIRD, Fraction(0), Fraction(5), Fraction(1, 5), Fraction(1)]
SUM_8 = [1 + 2 * THIRD + HALF, HALF + 2 * THIRD, Fraction(0), Fraction(8), Fraction(1, 5) + Fraction(2, 8), Fraction(1)]


def mean(sums: list[Fraction], divisors: list[int]) -> Fraction:
    return sum((one / by for one, by in zip(sums, divisors, strict=True)), Fraction(0)) / 6


PAPER = {
    "mAP@1": Fraction(3, 6),
    "Prec@1": Fraction(3, 6),
    "mAP@5": mean(SUM_5, [2, 2, 1, 5, 1, 1]),
    "Prec@5": (Fraction(2, 4) + Fraction(2, 2) + 0 + Fraction(5, 5) + Fraction(1, 2) + 1) / 6,
    "mAP@10": mean(SUM_8, [3, 2, 1, 8, 2, 1]),
    "Prec@10": (Fraction(3, 4) + Fraction(2, 2) + 0 + Fraction(8, 8) + Fraction(2, 2) + 1) / 6,
}
# the list is first cut to min(k, positives, 8): 4, 2, 3, 5, 2, 1 of the top 5 and 4, 2, 3, 8, 2, 1 of the top 10
RELEASED = {
    "mAP@1": Fraction(3, 6),
    "Prec@1": Fraction(3, 6),
    "mAP@5": ((1 + 2 * THIRD) / 2 + HALF + 0 + 1 + 0 + 1) / 6,
    "Prec@5": (Fraction(2, 4) + HALF + 0 + 1 + 0 + 1) / 6,
    "mAP@10": ((1 + 2 * THIRD) / 2 + HALF + 0 + 1 + 0 + 1) / 6,
    "Prec@10": (Fraction(2, 4) + HALF + 0 + 1 + 0 + 1) / 6,
}
STANDARD = {
    "mAP@1": Fraction(3, 6),
    "Prec@1": Fraction(3, 6),
    "mAP@5": mean(SUM_5, [4, 2, 3, 5, 2, 1]),
    "Prec@5": Fraction(2 + 2 + 0 + 5 + 1 + 1, 5 * 6),
    "mAP@10": mean(SUM_8, [4, 2, 3, 10, 2, 1]),
    "Prec@10": Fraction(3 + 2 + 0 + 8 + 2 + 1, 10 * 6),
}


@pytest.mark.parametrize(("definition", "wanted"), [("released", RELEASED), ("paper", PAPER), ("standard", STANDARD)])
def test_six_queries_by_hand(definition: scale.metrics.Definition, wanted: dict[str, Fraction]) -> None:
    got = scale.retrieval_metrics(RANKED, [1] * 6, POSITIVES, definition=definition)
    assert list(got) == list(wanted)
    assert got == pytest.approx({name: float(value) for name, value in wanted.items()})


def test_labels_may_be_text_and_a_distractor_is_never_a_hit() -> None:
    ranked = np.array([["red", None, "blue"], [None, "red", "red"]], dtype=object)
    got = scale.retrieval_metrics(ranked, np.array(["blue", "red"], dtype=object), [1, 2], ks=(3,))
    assert got == pytest.approx({"mAP@3": (0 + 1 / 2) / 2, "Prec@3": (0 + 1 / 2) / 2})


def test_a_query_without_positives_counts_as_nothing_found() -> None:
    assert scale.retrieval_metrics([[0, 0]], [1], [0], ks=(1,)) == {"mAP@1": 0.0, "Prec@1": 0.0}


@given(st.lists(st.booleans(), min_size=1, max_size=30).filter(any))
def test_the_standard_one_of_a_whole_list_is_scikit_learns(hits: list[bool]) -> None:
    scores = -np.arange(len(hits))
    got = scale.retrieval_metrics([hits], [True], [sum(hits)], ks=(len(hits),), definition="standard")
    assert got[f"mAP@{len(hits)}"] == pytest.approx(average_precision_score(hits, scores))


@given(st.lists(st.lists(st.integers(0, 2), min_size=6, max_size=6), min_size=1, max_size=8), st.integers(1, 9))
def test_every_measure_is_a_share_and_the_papers_is_never_lower(ranked: list[list[int]], k: int) -> None:
    positives = [max(row.count(1), 1) for row in ranked]
    paper, standard = (
        scale.retrieval_metrics(ranked, [1] * len(ranked), positives, (k,), name) for name in ("paper", "standard")
    )
    assert all(0 <= standard[name] <= paper[name] + 1e-12 <= 1 + 2e-12 for name in paper)


@pytest.mark.parametrize(
    ("ranked", "labels", "positives", "ks"),
    [([[1]], [1, 2], [1], (1,)), ([], [], [], (1,)), ([[1]], [1], [1], (0,)), ([[1]], [1], [1, 1], (1,))],
)
def test_what_cannot_be_measured_is_an_error(
    ranked: list[list[int]], labels: list[int], positives: list[int], ks: tuple[int, ...]
) -> None:
    with pytest.raises(DataError, match=r"retrieval_metrics: (ranked_labels must|The cut-offs must)"):
        scale.retrieval_metrics(ranked, labels, positives, ks)


def script_of_the_authors(hits: list[bool], positives: int, k: int, definition: str) -> tuple[float, float]:
    """Return AP@k and Prec@k of one query, computed rank by rank."""
    depth = min(k, positives, len(hits)) if definition == "released" else min(k, len(hits))
    found, total = 0, 0.0
    for rank in range(depth):
        if hits[rank]:
            found += 1
            total += found / (rank + 1)
    if definition == "standard":
        return (total / min(positives, k) if positives else 0.0), found / k
    looked_at = min(k, positives, len(hits))
    return (total / found if found else 0.0), (found / looked_at if looked_at else 0.0)


@pytest.mark.parametrize("definition", scale.metrics.DEFINITIONS)
def test_a_thousand_random_problems_with_few_positives(definition: scale.metrics.Definition) -> None:
    rng = np.random.default_rng(11)
    for _ in range(1000):
        queries, depth = int(rng.integers(1, 5)), int(rng.integers(1, 16))
        positives = rng.integers(0, 13, queries)
        hits = np.zeros((queries, depth), dtype=bool)
        for row, count in enumerate(positives):
            places = rng.permutation(max(depth, 20))[: int(rng.integers(0, count + 1))]
            hits[row, places[places < depth]] = True
        got = scale.retrieval_metrics(hits, np.ones(queries, bool), positives, (1, 5, 10), definition)
        for k in (1, 5, 10):
            plain = [
                script_of_the_authors(list(row), int(count), k, definition)
                for row, count in zip(hits, positives, strict=True)
            ]
            average, precision = np.mean(plain, axis=0)
            assert abs(got[f"mAP@{k}"] - average) < 1e-12
            assert abs(got[f"Prec@{k}"] - precision) < 1e-12


def test_recall_across_modalities_counts_ties_against() -> None:
    found = scale.cross_modal_metrics([[3.0, 1, 2, 0], [5.0, 5, 0, 0], [0.0, 1, 2, 3], [9.0, 0, 0, 1]], ks=(1, 2))
    assert (found["R@1"], found["R@2"], found["median rank"]) == (0.25, 1.0, 2.0)
    assert (found["chance R@1"], found["chance R@2"], found["chance median rank"]) == (0.25, 0.5, 2.5)
    with pytest.raises(DataError, match=r"must be \[products, products\]"):
        scale.cross_modal_metrics([[1.0, 2.0]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([["a", "a"]], ["a"], [1]), "query 0 has 1 positives and 2 hits in its list"),
        (([["b"], ["a"]], ["a", "b"], [1, -2]), "query 1 has -2 positives and 0 hits"),
        (([["a"]], ["a"], [1.5]), "query 0 has 1.5 positives"),
        (([["a"]], ["a"], [float("nan")]), "Positives must be finite"),
        (([["a"]], ["a"], ["one"]), "positives must be an array of numbers"),
        (([["a"], ["a", "b"]], ["a", "b"], [1, 1]), "ranked_labels must be an array of labels"),
        (([["a", "b"]], [None], [1]), "1 of the query_labels are missing"),
        (([[1.0]], [float("nan")], [1]), "1 of the query_labels are missing"),
        (([[1]], ["1"], [1]), "ranked_labels are int64, query_labels <U1; no label can be equal"),
        (([["a"]], ["a"], [1], ()), "The cut-offs must be whole numbers"),
        (([["a"]], ["a"], [1], (1.5,)), "The cut-offs must be whole numbers"),
        (
            ([["a"]], ["a"], [1], (1,), "Standard"),
            "definition must be one of released, paper, standard, not 'Standard'",
        ),
    ],
)
def test_arguments_that_make_no_measure_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        scale.retrieval_metrics(*arguments)
    assert str(error.value).startswith("retrieval_metrics: ")
    assert "\n" not in str(error.value)


def test_scores_that_are_not_finite_rank_nothing() -> None:
    with pytest.raises(DataError, match="cross_modal_metrics: Scores must be finite; 1 of them are not"):
        scale.cross_modal_metrics([[float("nan"), 0.0], [0.0, 1.0]])
    with pytest.raises(DataError, match="cross_modal_metrics: The cut-offs must be whole numbers"):
        scale.cross_modal_metrics([[1.0]], ks=(0,))


@pytest.mark.parametrize(("depth", "block"), [(-1, (8, 8)), (1, (0, 8)), (1, (8, 0))])
def test_a_ranking_without_rows_is_refused(depth: int, block: tuple[int, int]) -> None:
    one = np.ones((1, 2), np.float32)
    with pytest.raises(DataError, match="rank: depth must be at least 0 and blocks at least 1"):
        scale.rank(one, one, depth, block)
