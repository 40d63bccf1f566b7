import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from annotate import judgements_stage, matches_stage
from annotate.settings import AnnotateSettings
from annotate.tasks import AnnotationTask, GoldTask, TaskBoard, TaskSettings
from core.errors import FeedError, UsageError
from core.stage import StageReport
from storage import Store
from storage.tables import TABLES
from tests.annotate.asking import next_task

NOW = datetime(2026, 1, 2, tzinfo=UTC)
HEADER = "query,candidate,worker,answer,gold\n"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store.create(tmp_path / "workspace", buckets=2)
    fill(made, "s:1", "s:2", "s:3")
    return made


def fill(store: Store, *ids: str) -> None:
    with store.stage("fill", settings="") as stage:
        stage.write("products", products(*ids))
        stage.commit(StageReport("fill", len(ids), len(ids)))


def products(*ids: str) -> pa.Table:
    schema = TABLES["products"].schema
    blank = {field.name: None if field.nullable else "" for field in schema}
    rows: list[dict[str, object]] = [
        {**blank, "product_id": i, "category": [], "masked": 0, "first_seen": NOW, "last_seen": NOW} for i in ids
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def take_in(store: Store, lines: Sequence[str], header: str = HEADER, name: str = "answers.csv") -> StageReport:
    file = store.root / name
    file.write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return judgements_stage.run(store, file, clock=lambda: NOW)


def test_judgements_become_matches(store: Store) -> None:
    report = take_in(store, ["s:1,s:2,w1,matched,", "s:1,s:2,w2,matched,", "s:1,s:3,w1,mismatched,false"])
    assert (report.read, report.kept) == (3, 3)
    report = matches_stage.run(store, AnnotateSettings())
    assert (report.read, report.kept, report.dropped) == (3, 3, {})
    assert store.snapshot().table("matches").to_pylist() == [
        {"query": "s:1", "candidate": "s:2", "posterior": 1.0, "decision": "matched", "votes": 2},
        {"query": "s:1", "candidate": "s:3", "posterior": 0.0, "decision": "mismatched", "votes": 1},
    ]


def test_every_bad_row_is_a_reject_with_its_line_and_the_rest_is_kept(store: Store) -> None:
    report = take_in(
        store,
        [
            "s:1,s:2,w1,matched,",
            "s:1,,w1,matched,",
            "s:1,s:1,w1,matched,",
            "s:1,s:2,w2,maybe,",
            "s:1,s:2,w3,matched,perhaps",
        ],
    )
    reasons = {"bad_answer": 1, "bad_gold": 1, "incomplete": 1, "same_product": 1}
    assert (report.read, report.kept, dict(report.dropped)) == (5, 1, reasons)
    rejects = store.snapshot().table("rejects", ["item", "reason"]).to_pylist()
    assert rejects == [
        {"item": "answers.csv:3", "reason": "incomplete"},
        {"item": "answers.csv:4", "reason": "same_product"},
        {"item": "answers.csv:5", "reason": "bad_answer"},
        {"item": "answers.csv:6", "reason": "bad_gold"},
    ]


def test_a_later_answer_of_a_worker_replaces_the_earlier_one(store: Store) -> None:
    take_in(store, ["s:1,s:2,w1,matched,"])
    take_in(store, ["s:1,s:2,w1,mismatched,"])
    matches_stage.run(store, AnnotateSettings())
    assert store.snapshot().table("matches", ["decision", "votes"]).to_pylist() == [
        {"decision": "mismatched", "votes": 1}
    ]


def test_judgements_on_unknown_products_are_rejected_until_these_exist(store: Store) -> None:
    lines = ["s:1,s:9,w1,matched,", "s:1,s:2,w1,matched,"]
    report = take_in(store, lines)
    assert (report.read, report.kept, dict(report.dropped)) == (2, 1, {"unknown_product": 1})
    assert store.snapshot().table("rejects", ["item", "reason", "detail"]).to_pylist() == [
        {
            "item": "answers.csv:2",
            "reason": "unknown_product",
            "detail": "not in the table products: s:9",
        }
    ]
    fill(store, "s:1", "s:2", "s:9")
    assert take_in(store, lines).kept == 2
    assert store.snapshot().table("rejects").num_rows == 0


def test_judgements_on_removed_products_are_dropped(store: Store) -> None:
    take_in(store, ["s:1,s:3,w1,matched,", "s:1,s:2,w1,matched,"])
    fill(store, "s:1", "s:2")
    report = matches_stage.run(store, AnnotateSettings())
    assert (report.read, report.kept, dict(report.dropped)) == (2, 1, {"unknown_product": 1})
    assert store.snapshot().table("matches").num_rows == 1


def test_each_file_keeps_its_rejects_until_it_comes_again(store: Store) -> None:
    take_in(store, ["s:1,s:2,w1,perhaps,", "s:1,s:2,w2,matched,"], name="first.csv")
    report = take_in(store, ["s:1,s:1,w1,matched,"], name="second.csv")
    assert (report.read, report.kept, dict(report.dropped)) == (3, 1, {"bad_answer": 1, "same_product": 1})
    items = store.snapshot().table("rejects", ["item"])["item"].to_pylist()
    assert items == ["first.csv:2", "second.csv:2"]
    report = take_in(store, ["s:1,s:2,w1,matched,", "s:1,s:2,w2,matched,"], name="first.csv")
    assert (report.read, report.kept, dict(report.dropped)) == (3, 2, {"same_product": 1})


def test_an_unchanged_input_is_no_work(store: Store) -> None:
    lines = ["s:1,s:2,w1,matched,"]
    take_in(store, lines)
    matches_stage.run(store, AnnotateSettings())
    version = store.snapshot().number
    assert take_in(store, lines).unchanged
    assert matches_stage.run(store, AnnotateSettings()).unchanged
    assert store.snapshot().number == version


@pytest.mark.parametrize("header", ["query,candidate,worker\n", ""])
def test_a_file_without_the_columns_is_refused_and_nothing_is_written(store: Store, header: str) -> None:
    version = store.snapshot().number
    with pytest.raises(FeedError, match=r"answers\.csv:1: missing columns .*answer"):
        take_in(store, [], header)
    assert store.snapshot().number == version


def test_a_missing_file_is_named(store: Store) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        judgements_stage.run(store, store.root / "nowhere.csv")


def test_the_method_of_the_settings_decides_and_a_changed_one_is_noticed(store: Store) -> None:
    """Gold shows that w1 is right twice and w2 and w3 are wrong twice; on the third pair, these two contradict w1."""
    pairs = ["s:1,s:2", "s:1,s:3", "s:2,s:3"]
    answers = [
        f"{pair},{who},{'matched' if who == 'w1' else 'mismatched'}," for pair in pairs for who in ("w1", "w2", "w3")
    ]
    take_in(store, [*answers, "s:1,s:2,boss,matched,true", "s:1,s:3,boss,matched,true"])
    decisions = []
    for settings in (AnnotateSettings(), AnnotateSettings(method="dawid-skene"), AnnotateSettings(threshold=0.7)):
        assert not matches_stage.run(store, settings).unchanged
        decisions.append(store.snapshot().table("matches", ["decision"])["decision"].to_pylist())
    gold = ["matched", "matched"]
    assert decisions == [[*gold, "mismatched"], [*gold, "matched"], [*gold, "undecided"]]


def test_an_unknown_method_is_refused_and_nothing_is_written(store: Store) -> None:
    take_in(store, ["s:1,s:2,w1,matched,"])
    version = store.snapshot().number
    with pytest.raises(UsageError, match=r"annotate\.method must be one of majority, .*not 'mean'"):
        matches_stage.run(store, AnnotateSettings().model_copy(update={"method": "mean"}))
    assert store.snapshot().number == version


def test_answers_of_the_board_are_published_with_those_of_files(store: Store) -> None:
    take_in(
        store,
        ["s:1,s:2,ann,mismatched,", "s:1,s:2,bob,mismatched,", "s:1,s:3,boss,matched,true", "s:1,s:3,gold,matched,"],
    )
    plan = TaskSettings(workers=1, gold_first=0, gold_share=0)
    with TaskBoard(store.state, plan, clock=lambda: NOW) as board:
        board.add_tasks(
            [
                AnnotationTask("s:1", "s:2"),
                AnnotationTask("s:2", "s:3"),
                AnnotationTask("s:3", options=("lamps", "chairs")),
            ]
        )
        board.add_gold([GoldTask(AnnotationTask("s:1", "s:3"), "mismatched")])
        board.invite(["ann"])
        while (task := next_task(board, "ann")) is not None:
            answer = {"s:2": "matched", "s:3": "broken", "": "lamps"}[task.candidate]
            board.answer("ann", task.number, answer, 2)
    matches_stage.run(store, AnnotateSettings())
    rows = store.snapshot().table("judgements", ["query", "candidate", "worker", "answer", "gold"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("s:1", "s:2", "ann", "matched", False),
        ("s:1", "s:2", "bob", "mismatched", False),
        ("s:1", "s:3", "gold", "mismatched", True),
    ]
    assert matches_stage.run(store, AnnotateSettings()).unchanged
    with TaskBoard(store.state, plan) as board:
        for given in board.answers("ann", 10):
            assert board.reopen("ann", given.task)
    matches_stage.run(store, AnnotateSettings())
    assert store.snapshot().table("judgements", ["worker"])["worker"].to_pylist() == ["ann", "bob", "gold"]
    assert store.snapshot().table("judgements", ["answer"])["answer"].to_pylist()[0] == "mismatched"


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '[{"id": 1, "query": "s:1", "candidate": "s:2", "answer": "matched", "annotator": 1}]',
        '[{"data": {"query": "s:1", "candidate": "s:2"}, "annotations": []}]',
        '[{"data": {"query": "s:1", "candidate": "s:2"}, "annotations": [{"was_cancelled": true, "result": []}]}]',
    ],
)
def test_an_export_without_annotations_is_refused(store: Store, text: str) -> None:
    file = store.root / "export.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(FeedError, match=r"export\.json: no annotations found. Export as JSON"):
        judgements_stage.run(store, file, clock=lambda: NOW)


def test_only_the_one_choice_of_the_answer_counts(store: Store) -> None:
    def choice(group: str, *choices: str) -> dict[str, object]:
        return {"type": "choices", "from_name": group, "to_name": "pair", "value": {"choices": choices}}

    tasks = [
        [choice("quality", "mismatched"), choice("answer", "matched")],
        [choice("answer", "matched", "mismatched")],
        [choice("quality", "matched")],
    ]
    data = {"query": "s:1", "candidate": "s:2"}
    exported = [
        {"data": data, "annotations": [{"completed_by": number, "result": result}]}
        for number, result in enumerate(tasks)
    ]
    file = store.root / "export.json"
    file.write_text(json.dumps(exported), encoding="utf-8")
    report = judgements_stage.run(store, file, clock=lambda: NOW)
    assert (report.kept, report.dropped) == (1, {"bad_answer": 2})
    matches_stage.run(store, AnnotateSettings())
    assert store.snapshot().table("matches")["decision"].to_pylist() == ["matched"]
