import math

import duckdb
import pyarrow as pa
import pytest

from annotate import aggregate
from annotate.aggregation.encoding import Gold
from annotate.aggregation.fit import Progress
from annotate.settings import Method
from core.errors import DataError, UsageError
from tests.annotate.crowds import five_by_five, table

METHODS: tuple[Method, ...] = ("majority", "dawid-skene", "glad", "weighted")
TRUTH = {"t1": "a", "t2": "a", "t3": "b", "t4": "b", "t5": "b"}


def chosen(judgements: pa.Table, method: Method, gold: Gold | None = None) -> dict[object, object]:
    labels = aggregate(judgements, method, gold).labels
    return dict(zip(labels["task"].to_pylist(), labels["label"].to_pylist(), strict=True))


def test_majority_of_five_workers_on_five_tasks_is_counted_by_hand() -> None:
    found = aggregate(five_by_five())
    assert found.labels.to_pylist() == [
        {"task": "t1", "label": "a", "posterior": 0.8, "judgements": 5, "difficulty": pytest.approx(0.2)},
        {"task": "t2", "label": "a", "posterior": 0.6, "judgements": 5, "difficulty": 0.4},
        {"task": "t3", "label": "b", "posterior": 0.6, "judgements": 5, "difficulty": 0.4},
        {"task": "t4", "label": "b", "posterior": 0.8, "judgements": 5, "difficulty": pytest.approx(0.2)},
        {"task": "t5", "label": "b", "posterior": 0.6, "judgements": 5, "difficulty": 0.4},
    ]
    assert found.posteriors.slice(0, 4).to_pylist() == [
        {"task": "t1", "label": "a", "posterior": 0.8},
        {"task": "t1", "label": "b", "posterior": 0.2},
        {"task": "t2", "label": "a", "posterior": 0.6},
        {"task": "t2", "label": "b", "posterior": 0.4},
    ]
    assert found.workers.to_pylist() == [
        {**worker("v", 0.68, 1.0), "gold_judgements": 0, "gold_accuracy": None},
        {**worker("w", 0.68, 1.0), "gold_judgements": 0, "gold_accuracy": None},
        {**worker("x", 0.60, 0.6), "gold_judgements": 0, "gold_accuracy": None},
        {**worker("y", 0.64, 0.8), "gold_judgements": 0, "gold_accuracy": None},
        {**worker("z", 0.32, 0.0), "gold_judgements": 0, "gold_accuracy": None},
    ]
    assert found.converged


def worker(name: str, ability: float, agreement: float) -> dict[str, object]:
    return {"worker": name, "judgements": 5, "ability": pytest.approx(ability), "agreement": agreement}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_five_labels(method: Method) -> None:
    assert chosen(five_by_five(), method) == TRUTH


def test_weighted_votes_are_the_log_odds_of_gold_accuracy() -> None:
    found = aggregate(five_by_five(), "weighted", {"t1": "a", "t3": "b"})
    expected = 1 / (1 + math.exp(-math.e))
    right = {"v": 2, "w": 2, "x": 2, "y": 1, "z": 0}
    accuracy = {name: (n + 4 * expected) / 6 for name, n in right.items()}
    odds = {name: math.log(q / (1 - q)) for name, q in accuracy.items()}
    on_t2 = odds["v"] + odds["w"] - odds["x"] + odds["y"] - odds["z"]
    assert found.labels["posterior"].to_pylist()[:3] == [1.0, pytest.approx(1 / (1 + math.exp(-on_t2))), 1.0]
    assert dict(zip(*found.workers.select(["worker", "ability"]).to_pydict().values(), strict=True)) == pytest.approx(
        accuracy
    )
    assert found.workers["gold_judgements"].to_pylist() == [2] * 5
    assert found.workers["gold_accuracy"].to_pylist() == [1.0, 1.0, 1.0, 0.5, 0.0]


@pytest.mark.parametrize("method", METHODS)
def test_gold_turns_the_label_that_all_workers_give(method: Method) -> None:
    rows = [("t", w, "a") for w in "vwxyz"] + [("u", w, "b") for w in "vwxyz"]
    assert chosen(table(rows), method, {"t": "b"})["t"] == "b"


def test_gold_shows_dawid_skene_and_glad_who_is_right_against_the_majority() -> None:
    tasks = [f"t{n:02}" for n in range(20)]
    rows = [(t, w, "ab"[(n + (w in "xyz")) % 2]) for n, t in enumerate(tasks) for w in "vwxyz"]
    truth = {t: "ab"[n % 2] for n, t in enumerate(tasks)}
    gold: Gold = {t: truth[t] for t in tasks[:10]}
    for method in ("dawid-skene", "glad"):
        assert chosen(table(rows), method, gold) == truth
    assert chosen(table(rows), "majority", gold) != truth


@pytest.mark.parametrize("method", ["majority", "weighted"])
def test_a_tie_goes_to_the_commoner_label_and_stays_one_half(method: Method) -> None:
    rows = [("t1", "v", "a"), ("t1", "w", "b"), *((task, w, "b") for task in ("t2", "t3") for w in "vw")]
    rows += [("t4", "v", "a"), ("t4", "w", "a")]
    found = aggregate(table(rows), method)
    assert found.labels["label"].to_pylist() == ["b", "b", "b", "a"]
    assert found.labels["posterior"][0].as_py() == pytest.approx(0.5)


@pytest.mark.parametrize("method", METHODS)
def test_a_tie_of_equally_common_labels_goes_to_the_smaller_one(method: Method) -> None:
    labels = aggregate(table([("t", "v", 10), ("t", "w", 9)]), method).labels
    assert (labels["label"].to_pylist(), labels["posterior"].to_pylist()) == ([9], [pytest.approx(0.5)])


def test_gold_tasks_that_nobody_judged_are_in_the_result() -> None:
    labels = aggregate(table([("t", "v", 1)]), "glad", {"s": 2}).labels
    assert labels.select(["task", "label", "judgements"]).to_pylist() == [
        {"task": "s", "label": 2, "judgements": 0},
        {"task": "t", "label": 1, "judgements": 1},
    ]
    assert labels["difficulty"].to_pylist()[0] is None


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("gold", [{}, {"t": "a"}])
def test_no_judgements_are_no_labels_but_those_of_gold(method: Method, gold: Gold) -> None:
    nothing = pa.table({name: pa.array([], pa.string()) for name in ("task", "worker", "label")})
    assert chosen(nothing, method, gold) == gold


@pytest.mark.parametrize("method", METHODS)
def test_one_label_for_everything_is_certain(method: Method) -> None:
    labels = aggregate(table([("t", "v", "a"), ("u", "w", "a")]), method).labels
    assert labels["posterior"].to_pylist() == [1.0, 1.0]


def test_columns_may_be_dictionaries_and_come_in_chunks() -> None:
    whole = five_by_five()
    halves = pa.concat_tables([whole.slice(13), whole.slice(0, 13)])
    coded = pa.table({name: halves[name].dictionary_encode() for name in halves.column_names})
    assert aggregate(coded, "glad").labels == aggregate(whole, "glad").labels


@pytest.mark.parametrize(
    ("judgements", "gold", "message"),
    [
        (
            pa.table({"task": [1], "label": [1]}),
            None,
            r"judgements: missing columns worker; the table has task, label\.",
        ),
        (pa.table({"task": [1], "worker": [None], "label": [1]}), None, r"judgements\.worker: 1 rows have no value"),
        (table([(1, 1, 1)]), {"one": 1}, "gold: every task must be of type int64"),
        (table([(1, 1, 1)]), {1: None}, "gold: 1 entries have no label"),
    ],
)
def test_invalid_judgements_raise_a_one_line_error(judgements: pa.Table, gold: Gold | None, message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        aggregate(judgements, gold=gold)
    assert "\n" not in str(error.value)


def test_an_unknown_method_is_a_usage_error() -> None:
    with pytest.raises(
        UsageError, match=r"annotate\.method must be one of majority, dawid-skene, glad, weighted, not 'mean'"
    ):
        aggregate(five_by_five(), "mean")  # type: ignore[arg-type]


def test_tables_of_pandas_and_duckdb_give_the_labels_of_arrow() -> None:
    judgements = five_by_five()
    expected = aggregate(judgements, "glad", {"t1": "a"}).labels.to_pylist()
    with duckdb.connect() as connection:
        for table in (judgements.to_pandas(), connection.from_arrow(judgements)):
            assert aggregate(table, "glad", {"t1": "a"}).labels.to_pylist() == expected


def test_anything_else_is_not_a_table() -> None:
    with pytest.raises(DataError, match="judgements: this is not a table that Arrow can read"):
        aggregate(object())  # type: ignore[arg-type]


UNANIMOUS = [(f"t{n:02}", w, "mismatched") for n in range(40) for w in "vwx"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [1, 12])
def test_gold_that_nobody_judged_says_nothing_about_other_tasks(method: Method, count: int) -> None:
    gold: Gold = {f"g{number}": "matched" for number in range(count)}
    found = aggregate(table(UNANIMOUS), method, gold)
    assert {
        label
        for task, label in zip(*found.labels.select(["task", "label"]).to_pydict().values(), strict=True)
        if task.startswith("t")
    } == {"mismatched"}
    assert (found.converged, found.switched) == (True, ())


@pytest.mark.parametrize("method", METHODS)
def test_gold_that_all_workers_missed_does_not_turn_the_others(method: Method) -> None:
    """Nobody answered "matched": nothing says which of the other tasks are."""
    labels = chosen(table(UNANIMOUS), method, {"t00": "matched"})
    assert labels == {f"t{n:02}": "mismatched" if n else "matched" for n in range(40)}


def test_a_worker_without_answers_to_a_class_answers_like_the_others() -> None:
    """The worker n judges t01 alone, and nothing of class b."""
    rows = [(f"t{n:02}", w, "ab"[n % 2]) for n in range(2, 20) for w in "vwx"] + [("t00", "n", "a"), ("t01", "n", "b")]
    assert chosen(table(rows), "dawid-skene", {"t00": "a"})["t01"] == "b"


def test_labels_whose_answers_speak_for_another_label_are_named() -> None:
    rows = [(f"t{n:02}", w, "ab"[(n + (w in "xyz")) % 2]) for n in range(20) for w in "vwxyz"]
    found = aggregate(table(rows), "dawid-skene", {f"t{n:02}": "ab"[n % 2] for n in range(10)})
    assert found.switched == ("a", "b")


def test_a_drift_is_not_convergence() -> None:
    """The moves of EM shrink too slowly: far from the fixed point they are already small."""
    progress = Progress()
    assert [progress.has_converged(1e-6 * 0.999**n) for n in range(3)] == [False, False, False]
    assert not progress.converged
    assert [Progress().has_converged(0.0), progress.has_converged(1e-9)] == [True, True]
