from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from demo_shops.judgements import Pair, judge
from demo_shops.plan import make_plan
from demo_shops.shops import Shops


@given(st.integers(0, 2**32 - 1), st.lists(st.booleans(), min_size=1, max_size=30))
def test_five_different_workers_judge_each_pair_and_the_majority_is_right(seed: int, truths: list[bool]) -> None:
    pairs = [Pair(f"north:{n}", f"south:{n}", same) for n, same in enumerate(truths)]
    answers = judge(pairs, np.random.default_rng(seed))
    for pair in pairs:
        own = [one for one in answers if one.query == pair.query and not one.gold]
        gold = [one.answer for one in answers if one.query == pair.query and one.gold]
        truth = "matched" if pair.same else "mismatched"
        assert len({one.worker for one in own}) == len(own) == 5
        assert Counter(one.answer for one in own).most_common(1)[0][0] == truth
        assert set(gold) <= {truth}


def test_pairs_are_goods_of_both_kinds_and_never_copies() -> None:
    plan = make_plan("demo")
    listings = {one.product_id: one for one in plan.listings}
    assert {pair.same for pair in plan.pairs} == {True, False}
    for pair in plan.pairs:
        query, candidate = listings[pair.query], listings[pair.candidate]
        assert query.base is None
        assert candidate.base is None
        assert query.product.kind == candidate.product.kind
        assert (query.product == candidate.product) == pair.same
    assert sum(query.startswith("north") and pair.same for pair in plan.pairs for query in [pair.query]) >= 50


def test_some_workers_err() -> None:
    plan = make_plan("demo")
    truth = {(pair.query, pair.candidate): "matched" if pair.same else "mismatched" for pair in plan.pairs}
    wrong = Counter(one.answer == truth[one.query, one.candidate] for one in plan.judgements)
    assert 0.05 < wrong[False] / wrong.total() < 0.3


def test_file_holds_every_judgement(shops: Shops) -> None:
    rows = shops.judgements.read_text(encoding="utf-8").splitlines()
    assert rows[0] == "query,candidate,worker,answer,gold"
    first = shops.plan.judgements[0]
    assert rows[1] == f"{first.query},{first.candidate},{first.worker},{first.answer},false"
    assert len(rows) == 1 + len(shops.plan.judgements)
