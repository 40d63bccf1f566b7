import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate import match_pairs
from annotate.matches import find_contradictions, find_transitive_pairs
from annotate.settings import Method

METHODS: tuple[Method, ...] = ("majority", "dawid-skene", "glad", "weighted")
ANSWERS = st.sampled_from(["matched", "mismatched", "uncertain"])
ROW = st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), ANSWERS, st.booleans())
NAMES = ("query", "candidate", "answer", "gold")
SCHEMA = pa.schema([("query", pa.string()), ("candidate", pa.string()), ("answer", pa.string()), ("gold", pa.bool_())])


def judgements(*rows: tuple[str, str, str, bool]) -> pa.Table:
    table = pa.Table.from_pylist([dict(zip(NAMES, row, strict=True)) for row in rows], schema=SCHEMA)
    return table.append_column("worker", pa.array([f"w{n}" for n in range(len(rows))], pa.string()))


def test_the_side_with_more_answers_wins_and_uncertain_ones_take_none() -> None:
    rows = [("a", "x", "matched", False)] * 3 + [("a", "x", "mismatched", False)] + [("a", "x", "uncertain", False)]
    assert match_pairs(judgements(*rows)).to_pylist() == [
        {"query": "a", "candidate": "x", "posterior": 0.75, "decision": "matched", "votes": 5}
    ]


@pytest.mark.parametrize("method", METHODS)
def test_a_tie_and_a_pair_without_a_side_stay_undecided(method: Method) -> None:
    rows = [("a", "x", "matched", False), ("a", "x", "mismatched", False), ("a", "y", "uncertain", False)]
    assert match_pairs(judgements(*rows), method).select(["candidate", "posterior", "decision"]).to_pylist() == [
        {"candidate": "x", "posterior": pytest.approx(0.5), "decision": "undecided"},
        {"candidate": "y", "posterior": pytest.approx(0.5), "decision": "undecided"},
    ]


@pytest.mark.parametrize("method", METHODS)
def test_pair_on_which_nobody_took_a_side_is_undecided(method: Method) -> None:
    rows = [(query, "x", "mismatched", False) for query in "abcd"] * 3 + [("e", "x", "uncertain", False)]
    assert match_pairs(judgements(*rows), method)["decision"].to_pylist() == ["mismatched"] * 4 + ["undecided"]


@pytest.mark.parametrize("method", METHODS)
def test_a_gold_answer_decides_its_pair(method: Method) -> None:
    rows = [("a", "x", "matched", False)] * 4 + [("a", "x", "mismatched", True), ("b", "x", "matched", True)]
    assert match_pairs(judgements(*rows), method).select(["posterior", "decision", "votes"]).to_pylist() == [
        {"posterior": 0.0, "decision": "mismatched", "votes": 5},
        {"posterior": 1.0, "decision": "matched", "votes": 1},
    ]


def test_contradictory_gold_answers_decide_nothing() -> None:
    rows = [("a", "x", "matched", True), ("a", "x", "mismatched", True), ("a", "x", "matched", False)]
    found = match_pairs(judgements(*rows, ("b", "x", "uncertain", True)))
    assert found["decision"].to_pylist() == ["matched", "undecided"]
    assert match_pairs(judgements(*rows[:2]))["decision"].to_pylist() == ["undecided"]


def test_a_higher_threshold_leaves_close_pairs_undecided() -> None:
    rows = [("a", "x", "matched", False)] * 3 + [("a", "x", "mismatched", False)] * 2
    assert match_pairs(judgements(*rows), threshold=0.6)["decision"].to_pylist() == ["undecided"]
    assert match_pairs(judgements(*rows), threshold=0.59)["decision"].to_pylist() == ["matched"]


def test_gold_lets_the_better_worker_win() -> None:
    said = [
        (query, worker, query in "abc" or worker == "good")
        for query in "abcdefgh"
        for worker in ("good", "bad1", "bad2")
    ]
    pairs = pa.table(
        {
            "query": [query for query, _, _ in said] + list("defgh")[:4],
            "candidate": ["x"] * (len(said) + 4),
            "worker": [worker for _, worker, _ in said] + ["gold"] * 4,
            "answer": ["matched" if same else "mismatched" for _, _, same in said] + ["matched"] * 4,
            "gold": [False] * len(said) + [True] * 4,
        }
    )
    decisions = {method: match_pairs(pairs, method)["decision"].to_pylist()[-1] for method in METHODS}
    assert decisions["majority"] == "mismatched"
    assert decisions["weighted"] == "matched"


@settings(deadline=None)
@given(st.lists(ROW, max_size=30), st.data(), st.sampled_from(METHODS))
def test_the_order_of_answers_changes_nothing_and_no_vote_is_lost(
    rows: list[tuple[str, str, str, bool]], data: st.DataObject, method: Method
) -> None:
    shuffled = data.draw(st.permutations(rows))
    first, second = match_pairs(judgements(*rows), method), match_pairs(judgements(*shuffled), method)
    assert first.to_pylist() == second.to_pylist()
    assert sum(first["votes"].to_pylist()) == len(rows)
    pairs = [tuple(row.values()) for row in first.select(["query", "candidate"]).to_pylist()]
    assert pairs == sorted({row[:2] for row in rows})


def matches(*rows: tuple[str, str, str]) -> pa.Table:
    return pa.table(dict(zip(("query", "candidate", "decision"), zip(*rows, strict=True), strict=True)))


def test_implied_pairs_and_contradictions_are_returned() -> None:
    found = find_transitive_pairs(
        matches(("b", "a", "matched"), ("b", "c", "matched"), ("c", "d", "mismatched"), ("b", "e", "undecided"))
    )
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        ("a", "c", "b", "matched", None),
        ("b", "d", "c", "mismatched", None),
    ]
    found = find_transitive_pairs(matches(("a", "b", "matched"), ("b", "c", "matched"), ("a", "c", "mismatched")))
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        ("a", "b", "c", "mismatched", "matched"),
        ("a", "c", "b", "matched", "mismatched"),
        ("b", "c", "a", "mismatched", "matched"),
    ]


def test_decided_pairs_are_not_implied_again() -> None:
    found = find_transitive_pairs(matches(("a", "b", "matched"), ("b", "c", "matched"), ("c", "a", "matched")))
    assert found.num_rows == 0


@pytest.mark.parametrize("method", METHODS)
def test_both_directions_of_a_pair_are_one_question(method: Method) -> None:
    rows = [("a", "b", "matched", False)] * 3 + [("b", "a", "mismatched", False)] + [("b", "c", "matched", False)]
    assert match_pairs(judgements(*rows), method).drop(["posterior"]).to_pylist() == [
        {"query": "a", "candidate": "b", "decision": "matched", "votes": 4},
        {"query": "b", "candidate": "a", "decision": "matched", "votes": 4},
        {"query": "b", "candidate": "c", "decision": "matched", "votes": 1},
    ]


def test_gold_of_one_direction_decides_both() -> None:
    rows = [("a", "b", "matched", False)] * 3 + [("b", "a", "mismatched", True)]
    assert match_pairs(judgements(*rows))["decision"].to_pylist() == ["mismatched", "mismatched"]


@pytest.mark.parametrize("method", METHODS)
def test_directions_that_contradict_each_other_are_named(method: Method) -> None:
    rows = [("b", "a", "matched", False)] * 3 + [("a", "b", "mismatched", False)] * 3
    pair = {"query": "a", "candidate": "b", "through": None, "decision": "undecided"}
    assert find_contradictions(judgements(*rows), method).to_pylist() == [
        {**pair, "implied": "matched"},
        {**pair, "implied": "mismatched"},
    ]
    assert set(match_pairs(judgements(*rows), method)["decision"].to_pylist()) == {"undecided"}
