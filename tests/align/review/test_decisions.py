from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from align import Category, align
from align.review import Decision, Kind, all_decisions, decision_fault, record_decisions, resolve_decisions
from core.errors import DataError
from storage import Store

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
TITLES = ["速溶咖啡 三合一", "挂耳咖啡 浓缩咖啡"]


def cat(source: str, *path: str) -> Category:
    return Category(source, path)


COFFEE_N, COFFEE_S = cat("n", "食品", "咖啡"), cat("s", "食品", "咖啡/奶茶")
TEA_S = cat("s", "食品", "奶茶")
DRINK_A = cat("a", "食品", "饮料")


def decide(
    kind: Kind, a: Category, b: Category | None = None, *, who: str = "li", at: int = 0, name: str = "", token: str = ""
) -> Decision:
    return Decision(kind, a, b, who, NOON + timedelta(seconds=at), name, token)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "shop", buckets=2)


def test_decisions_come_back_as_they_were_made(store: Store) -> None:
    made = [
        decide("reject", COFFEE_N, COFFEE_S, at=1),
        decide("rename", COFFEE_N, COFFEE_S, at=2, name="咖啡饮品", token="x"),
        decide("split", COFFEE_S, at=3),
        decide("rename", TEA_S, at=4, name="奶茶类"),
    ]
    assert record_decisions(store.state, made) == 4
    assert all_decisions(store.state) == made


def test_a_decision_sent_twice_is_kept_once(store: Store) -> None:
    sent = decide("accept", COFFEE_N, COFFEE_S, token="one")
    assert [record_decisions(store.state, [sent]) for _ in range(2)] == [1, 0]
    assert record_decisions(store.state, [decide("accept", COFFEE_S, COFFEE_N, at=9)]) == 0
    assert record_decisions(store.state, [decide("reject", COFFEE_N, COFFEE_S, at=10)]) == 1
    assert record_decisions(store.state, [decide("accept", COFFEE_N, COFFEE_S, at=11)]) == 1
    assert len(all_decisions(store.state)) == 3


def test_a_faulty_decision_leaves_the_log_as_it_was(store: Store) -> None:
    good = decide("accept", COFFEE_N, COFFEE_S)
    with pytest.raises(DataError, match=r"decision on '食品 > 咖啡': no_partner: accept needs two categories"):
        record_decisions(store.state, [good, decide("accept", COFFEE_N)])
    assert all_decisions(store.state) == []


def test_two_reviewers_at_once_lose_nothing(store: Store) -> None:
    def review(who: str) -> int:
        made = [decide("accept", cat("n", "食品", f"名{i}"), cat("s", "食品", f"名{i}"), who=who) for i in range(25)]
        return sum(record_decisions(store.state, [one]) for one in made)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(review, ["li", "wang"])) == [25, 25]
    assert len(all_decisions(store.state)) == 50


@pytest.mark.parametrize(
    ("decision", "reason"),
    [
        (decide("merge", COFFEE_N, COFFEE_S), "bad_decision"),  # type: ignore[arg-type]
        (decide("accept", COFFEE_N, COFFEE_S, who=" "), "no_reviewer"),
        (Decision("accept", COFFEE_N, COFFEE_S, "li", NOON.replace(tzinfo=None)), "no_time_zone"),
        (decide("rename", COFFEE_N, COFFEE_S), "bad_name"),
        (decide("accept", COFFEE_N, COFFEE_S, name="咖啡"), "bad_name"),
        (decide("rename", COFFEE_N, name="长" * 100_000), "bad_name"),
        (decide("reject", COFFEE_N), "no_partner"),
        (decide("accept", COFFEE_S, TEA_S), "one_source"),
        (decide("accept", cat("n", "食品"), cat("s", "零食")), "first_level"),
        (decide("accept", COFFEE_N, cat("s", "食品", "饮料", "咖啡")), "levels_differ"),
        (decide("accept", COFFEE_N, cat("s", "食品", " ")), "empty_name"),
    ],
)
def test_faults_are_named(decision: Decision, reason: str) -> None:
    found = decision_fault(decision)
    assert found is not None
    assert found[0] == reason


def test_newest_decision_holds_and_disagreement_shows() -> None:
    log = [
        decide("accept", COFFEE_N, COFFEE_S, who="li", at=1),
        decide("reject", COFFEE_N, COFFEE_S, who="wang", at=2),
        decide("accept", DRINK_A, COFFEE_N, who="wang", at=3),
    ]
    found = resolve_decisions(log)
    assert found.same_label(COFFEE_S, COFFEE_N) is False
    assert found.same_label(COFFEE_N, TEA_S) is None
    assert [(conflict.subject, conflict.decisions) for conflict in found.conflicts] == [
        ((COFFEE_N, COFFEE_S), tuple(log[:2]))
    ]
    agreed = resolve_decisions([*log, decide("reject", COFFEE_N, COFFEE_S, who="li", at=4)])
    assert agreed.conflicts == ()


def groups(decisions: Sequence[Decision], *categories: Category) -> set[frozenset[Category]]:
    """Return the categories, grouped by their resulting sub-class."""
    label_map = align(categories, dict.fromkeys(categories, TITLES), decisions=decisions)
    found: dict[int, set[Category]] = {}
    for row in label_map.to_pylist():
        if row["sub_class_id"] >= 0:
            found.setdefault(row["sub_class_id"], set()).add(Category(row["source"], tuple(row["category"])))
    return {frozenset(group) for group in found.values()}


def test_no_rule_overrules_a_person() -> None:
    same = COFFEE_N, cat("s", "食品", "咖啡")
    assert groups([], *same) == {frozenset(same)}
    assert groups([decide("reject", *same)], *same) == {frozenset([one]) for one in same}
    unlike = COFFEE_N, TEA_S
    assert groups([], *unlike) == {frozenset([one]) for one in unlike}
    assert groups([decide("accept", *unlike)], *unlike) == {frozenset(unlike)}


def test_a_rejected_pair_is_not_joined_through_a_third() -> None:
    three = cat("a", "食品", "咖啡"), COFFEE_N, cat("s", "食品", "咖啡")
    assert groups([], *three) == {frozenset(three)}
    found = groups([decide("reject", three[0], three[2])], *three)
    assert sorted(map(len, found)) == [1, 2]


def test_a_person_may_join_two_names_of_one_shop() -> None:
    joined = [decide("accept", COFFEE_N, COFFEE_S), decide("accept", COFFEE_N, TEA_S)]
    assert groups(joined, COFFEE_N, COFFEE_S, TEA_S) == {frozenset([COFFEE_N, COFFEE_S, TEA_S])}


def test_a_split_category_stands_alone_until_it_is_accepted() -> None:
    three = cat("a", "食品", "咖啡"), COFFEE_N, cat("s", "食品", "咖啡")
    split = decide("split", COFFEE_N, at=1)
    assert groups([decide("accept", *three[:2]), split], *three) == {
        frozenset([three[0], three[2]]),
        frozenset([COFFEE_N]),
    }
    again = decide("accept", COFFEE_N, three[2], at=2)
    assert frozenset([COFFEE_N, three[2]]) in groups([split, again], *three)


def test_categories_of_two_classes_are_joined_by_a_person() -> None:
    moved = cat("s", "饮料", "速溶咖啡粉")
    titles = {COFFEE_N: TITLES, moved: TITLES[:1], cat("s", "饮料", "汽水"): TITLES}
    label_map = align(titles, titles, decisions=[decide("accept", COFFEE_N, moved)])
    found = {(row["source"], row["path"]): row for row in label_map.to_pylist()}
    row = found["s", "饮料 > 速溶咖啡粉"]
    assert (row["class_name"], row["sub_class_name"], row["rule"]) == ("食品", "咖啡", "person:li")
    assert found["s", "饮料 > 汽水"]["class_name"] == "饮料"
    assert len(found) == 5


def test_the_name_of_a_person_is_kept_and_ids_too() -> None:
    pair = COFFEE_N, COFFEE_S
    first = align(pair, dict.fromkeys(pair, TITLES))
    log = [decide("rename", *pair, name="冲调饮品")]
    second = align(pair, dict.fromkeys(pair, TITLES), decisions=log, previous=first)
    assert set(second["sub_class_name"].to_pylist()) == {"", "冲调饮品"}
    assert second["sub_class_id"].equals(first["sub_class_id"])
    later = align(
        (*pair, DRINK_A),
        {DRINK_A: TITLES},
        decisions=[*log, decide("rename", COFFEE_N, at=5, name="咖啡类")],
        previous=second,
    )
    assert {row["sub_class_name"] for row in later.to_pylist() if row["path"].startswith("食品 > 咖啡")} == {"咖啡类"}


def test_a_class_whose_all_categories_moved_stays_empty() -> None:
    moved = cat("s", "饮料", "速溶咖啡粉")
    label_map = align([COFFEE_N, moved], {COFFEE_N: TITLES}, decisions=[decide("accept", COFFEE_N, moved)])
    found = [(row["path"], row["class_name"], row["sub_class_name"]) for row in label_map.to_pylist()]
    assert found == [
        ("食品", "食品", ""),
        ("食品 > 咖啡", "食品", "咖啡"),
        ("饮料", "饮料", ""),
        ("饮料 > 速溶咖啡粉", "食品", "咖啡"),
    ]


def test_the_newest_target_holds_and_a_return_to_an_earlier_one_counts(store: Store) -> None:
    nodes = [cat("google", "Drinks"), cat("google", "Food", "Coffee"), cat("google", "Drinks")]
    made = [decide("target", DRINK_A, node, at=at) for at, node in enumerate(nodes)]
    assert [record_decisions(store.state, [one]) for one in [*made, made[-1]]] == [1, 1, 1, 0]
    assert all_decisions(store.state) == made
    decided = resolve_decisions(made)
    assert decided.targets == {(DRINK_A, "google"): made[-1]}
    assert (decided.pairs, decided.categories, decided.conflicts) == ({}, frozenset(), ())


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        (cat("n", "食品"), cat("google", "Food", "Coffee", "x" * 200), None),
        (cat("n", "食品"), None, "no_partner"),
        (cat("n", "食品"), cat("google", "Food", " "), "empty_name"),
        (cat("n", "食品"), cat("n", "Food"), "one_source"),
        (cat("n"), cat("google", "Food"), "no_category"),
    ],
)
def test_faults_of_targets_are_named(a: Category, b: Category | None, reason: str | None) -> None:
    found = decision_fault(decide("target", a, b))
    assert (found and found[0]) == reason
