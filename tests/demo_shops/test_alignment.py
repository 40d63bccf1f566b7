import logging
import math
from collections import Counter
from difflib import SequenceMatcher
from itertools import combinations

import jieba
import pytest

from demo_shops.listings import Size
from demo_shops.plan import make_plan
from demo_shops.truth import Cell, align_categories

jieba.setLogLevel(logging.ERROR)


def _frequencies(size: Size) -> dict[Cell, Counter[str]]:
    titles: dict[Cell, list[str]] = {}
    for one in make_plan(size).listings:
        titles.setdefault((one.shop, one.category[0], one.category[1]), []).append(one.caption_masked or "")
    return {
        cell: Counter(word.lower() for word in jieba.cut(" ".join(found)[:22_000]) if len(word.strip()) > 1)
        for cell, found in sorted(titles.items())
    }


def _cosine(one: Counter[str], other: Counter[str]) -> float:
    length = math.sqrt(sum(n * n for n in one.values()) * sum(n * n for n in other.values()))
    return sum(one[word] * other[word] for word in one) / length if length else 0.0


def _ratio(one: str, other: str) -> float:
    return max(SequenceMatcher(None, *pair).ratio() for pair in ((one, other), (other, one)))


@pytest.mark.parametrize("size", ["demo", "tiny"])
def test_the_papers_rule_merges_what_the_truth_says_with_a_margin(size: Size) -> None:
    """MEP-3M: name ratio at least 0.5 and title cosine above 0.75, or the same name."""
    truth, words = align_categories(make_plan(size)), _frequencies(size)
    classes = {name: key for key, names in truth.first_level.items() for name in names.values()}
    together = {frozenset(group) for group in truth.merged if len(group) > 1}
    for one, other in combinations(words, 2):
        if classes[one[1]] != classes[other[1]]:
            continue
        alike, close = _ratio(one[2], other[2]) >= 0.5, _cosine(words[one], words[other])
        if one[2] != other[2] and alike:
            assert close > 0.79 or close < 0.6, (one, other, close)
        by_rule = one[2] == other[2] or (alike and close > 0.75)
        assert by_rule == (frozenset((one, other)) in together), (one, other, close)
    assert sorted(cell for group in truth.merged for cell in group) == sorted(words)


def test_demo_holds_lookalikes_and_a_pair_that_only_a_person_finds() -> None:
    truth = align_categories(make_plan("demo"))
    assert {(one[2], other[2]) for one, other in truth.lookalikes} == {
        ("电风扇", "电吹风"),
        ("面膜", "面霜"),
        ("围巾", "丝巾"),
    }
    assert [(one[2], other[2]) for one, other in truth.missed] == [("口红", "唇膏")]
    assert len(truth.merged) == 29
    fan = truth.group_of(("south", "电器城", "电扇"))
    assert fan == (("north", "家用电器", "电风扇"), ("south", "电器城", "电扇"))
