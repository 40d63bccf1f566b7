from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from align import label_similarity
from align.label_similarity import similar_labels

NAMES = st.lists(st.text(alphabet="咖啡奶茶/饮料ab", min_size=1, max_size=7), max_size=12)


@pytest.mark.parametrize(
    ("one", "other", "published"),
    [
        ("婴幼奶粉", "婴幼儿奶粉", 0.89),
        ("婴儿湿巾", "湿巾", 0.67),
        ("咖啡/奶茶", "咖啡", 0.57),
        ("饮料", "饮料饮品", 0.67),
        ("办公文具", "办公文仪", 0.75),
        ("洗澡用具", "洗澡用具", 1.00),
    ],
)
def test_table_3_of_mep_3m(one: str, other: str, published: float) -> None:
    assert round(label_similarity(one, other), 2) == published


def test_names_are_taken_in_the_order_given() -> None:
    one, other = "tide", "diet"
    assert label_similarity(one, other) == SequenceMatcher(None, one, other).ratio()
    assert label_similarity(one, other) != label_similarity(other, one)


@given(a=NAMES, b=NAMES, at_least=st.sampled_from([0.01, 0.5, 4 / 7, 2 / 3, 1.0]))
def test_pruning_changes_no_result(a: list[str], b: list[str], at_least: float) -> None:
    everything = [(i, j, label_similarity(a[i], b[j])) for j in range(len(b)) for i in range(len(a))]
    assert list(similar_labels(a, b, at_least)) == [pair for pair in everything if pair[2] >= at_least]


def test_long_names_are_not_matched_one_by_one() -> None:
    long = "长" * 100_000
    assert list(similar_labels([long, "甲"], ["甲", "乙" * 100_000], 0.5)) == [(1, 0, 1.0)]


@pytest.mark.parametrize("at_least", [0.0, -1.0, 1.5])
def test_threshold_that_prunes_nothing_is_refused(at_least: float) -> None:
    with pytest.raises(ValueError, match="at_least: wanted above 0 and at most 1"):
        list(similar_labels(["甲"], ["甲"], at_least))
