from datetime import UTC, datetime
from pathlib import Path

import pytest

from align import Category
from align.review import (
    Decision,
    Example,
    all_decisions,
    count_uncertain,
    record_decisions,
    resolve_decisions,
    uncertain_pairs,
)
from align.settings import AlignSettings
from storage import Store
from tests.align.test_align_stage import COFFEE, Listing, fill, run

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
N_COFFEE, S_COFFEE = Category("n", ("食品", "咖啡")), Category("s", ("食品", "咖啡/奶茶"))
N_TOYS, S_TOYS = Category("n", ("玩具", "积木")), Category("s", ("玩具", "积木"))
LISTINGS = [
    Listing("n:1", N_COFFEE.path, COFFEE),
    Listing("n:2", N_COFFEE.path, "挂耳咖啡"),
    Listing("n:3", N_TOYS.path, "拼插积木"),
    Listing("s:1", (*S_COFFEE.path, "速溶"), COFFEE),
    Listing("s:2", S_TOYS.path, "木制拼图"),
]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.create(tmp_path / "shop", buckets=2)
    fill(store, LISTINGS)
    run(store, AlignSettings())
    return store


def test_uncertain_pairs_come_first_with_products_of_both_sides(store: Store) -> None:
    found = uncertain_pairs(store.snapshot(), resolve_decisions([]), examples=1)
    assert [(pair.a, pair.b, pair.merged) for pair in found] == [
        (N_COFFEE, S_COFFEE, True),
        (N_TOYS, S_TOYS, True),
    ]
    assert found[0].examples_a == (Example("n:1", COFFEE),)
    assert found[0].examples_b == (Example("s:1", COFFEE),)
    assert found[0].doubt == 1 - abs(found[0].s_content - 0.75)
    assert uncertain_pairs(store.snapshot(), resolve_decisions([]), limit=1, offset=1, examples=1) == found[1:]
    assert count_uncertain(store.snapshot(), resolve_decisions([])) == len(found)


def test_decided_pairs_disappear_at_once_and_apply_on_the_next_run(store: Store) -> None:
    record_decisions(store.state, [Decision("reject", N_TOYS, S_TOYS, "li", NOON)])
    decided = resolve_decisions(all_decisions(store.state))
    assert [pair.a for pair in uncertain_pairs(store.snapshot(), decided)] == [N_COFFEE]
    assert not run(store, AlignSettings()).unchanged
    rows = store.snapshot().table("label_pairs", ["path_a", "merged", "doubt", "rule"]).to_pylist()
    assert rows[0] == {"path_a": "玩具 > 积木", "merged": False, "doubt": 0.0, "rule": "person:li"}
    assert run(store, AlignSettings()).unchanged


def test_a_split_category_has_no_uncertain_pairs(store: Store) -> None:
    record_decisions(store.state, [Decision("split", S_TOYS, None, "li", NOON)])
    decided = resolve_decisions(all_decisions(store.state))
    assert [pair.a for pair in uncertain_pairs(store.snapshot(), decided)] == [N_COFFEE]


def test_decisions_on_unknown_categories_are_rejects(store: Store) -> None:
    gone = Category("s", ("食品", "坚果"))
    record_decisions(store.state, [Decision("accept", N_COFFEE, gone, "li", NOON)])
    assert run(store, AlignSettings()).dropped == {"unknown_category": 1}
    assert store.snapshot().table("rejects", ["item", "reason"]).to_pylist() == [
        {"item": "decision:s:食品 > 坚果", "reason": "unknown_category"}
    ]


def test_there_are_no_uncertain_pairs_before_the_first_alignment(tmp_path: Path) -> None:
    assert uncertain_pairs(Store.create(tmp_path / "new").snapshot(), resolve_decisions([])) == []
