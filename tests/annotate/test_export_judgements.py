"""Judgements are exported, and can be imported again."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from annotate import judgements_stage, matches_stage
from annotate.export_judgements import ExportFormat, export_judgements
from annotate.settings import AnnotateSettings
from annotate.tasks import AnnotationTask, TaskBoard, TaskSettings
from core.errors import FeedError
from storage import Store
from tests.annotate.asking import next_task
from tests.annotate.test_judgements_stage import HEADER, fill

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LINES = [
    "s:1,s:2,w1,matched,",
    "s:1,s:2,w2,matched,",
    "s:1,s:3,w1,uncertain,",
    "s:1,s:3,w2,mismatched,",
    "s:1,s:2,boss,matched,true",
]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store.create(tmp_path / "workspace", buckets=1)
    fill(made, "s:1", "s:2", "s:3")
    file = tmp_path / "in.csv"
    file.write_text(HEADER + "\n".join(LINES) + "\n")
    judgements_stage.run(made, file, clock=lambda: NOW)
    return made


def answers(store: Store) -> list[tuple[object, ...]]:
    matches_stage.run(store, AnnotateSettings())
    rows = store.snapshot().table("judgements", ["query", "candidate", "worker", "answer", "gold"]).to_pylist()
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize(("form", "suffix"), [("csv", "csv"), ("label-studio", "json")])
def test_exported_judgements_can_be_imported_again(
    store: Store, tmp_path: Path, form: ExportFormat, suffix: str
) -> None:
    out = tmp_path / f"out.{suffix}"
    assert export_judgements(store, AnnotateSettings(), form, out) == 5
    other = Store.create(tmp_path / "other", buckets=1)
    fill(other, "s:1", "s:2", "s:3")
    report = judgements_stage.run(other, out)
    assert (report.read, report.kept) == (5, 5)
    assert answers(other) == answers(store)


def test_label_studios_own_export_is_read_and_bad_annotations_are_rejects(store: Store, tmp_path: Path) -> None:
    choice = {"type": "choices", "value": {"choices": ["matched"]}}
    good = {"id": 1, "completed_by": 7, "result": [choice], "was_cancelled": False}
    file = tmp_path / "export.json"
    tasks = [
        {"id": 1, "data": {"query": "s:2", "candidate": "s:3"}, "annotations": [good, {**good, "was_cancelled": True}]},
        {"id": 2, "data": {"query": "s:2"}, "annotations": [good]},
        {"id": 3, "data": {"query": "s:2", "candidate": "s:1"}, "annotations": [{**good, "result": []}, 5]},
        {"id": 4, "data": None},
    ]
    file.write_text(json.dumps(tasks))
    judgements_stage.run(store, file)
    assert ("s:2", "s:3", "7", "matched", False) in answers(store)
    items = store.snapshot().table("rejects", ["item", "reason"]).to_pylist()
    assert items == [
        {"item": "export.json:2", "reason": "incomplete"},
        {"item": "export.json:3", "reason": "bad_answer"},
    ]


@pytest.mark.parametrize("text", ["", "{}", "[1]", "[" * 100_000])
def test_other_files_are_refused(store: Store, tmp_path: Path, text: str) -> None:
    file = tmp_path / "export.json"
    file.write_text(text)
    with pytest.raises(FeedError, match="Label Studio"):
        judgements_stage.run(store, file)


def test_the_report_names_workers_tasks_and_agreement(store: Store, tmp_path: Path) -> None:
    with TaskBoard(store.state, TaskSettings(gold_first=0), clock=lambda: NOW) as board:
        board.add_tasks([AnnotationTask("s:1", "s:3")])
        board.invite(["w3"])
        task = next_task(board, "w3")
        assert task is not None
        board.answer("w3", task.number, "matched", 4.5)
    export_judgements(store, AnnotateSettings(), "report", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["method"] == "majority"
    assert report["alpha"] == pytest.approx(1 - (2 / 4) / (6 / 12))
    one, two, three = report["workers"]
    assert one == {
        "worker": "w1",
        "judgements": 1,
        "ability": 1.0,
        "agreement": 1.0,
        "gold_judgements": 1,
        "gold_accuracy": 1.0,
        "seconds": None,
        "uncertain": 0.5,
        "entropy": 1.0,
    }
    assert (two["judgements"], two["agreement"], three["seconds"]) == (2, 0.5, 4.5)
    assert [(row["candidate"], row["judgements"], row["difficulty"]) for row in report["tasks"]] == [
        ("s:3", 2, 0.5),
        ("s:2", 2, 0.0),
    ]
    assert [row["label"] for row in report["tasks"]] == ["undecided", "matched"], "one against one is a tie"


def test_implied_pairs_are_written_as_csv(store: Store, tmp_path: Path) -> None:
    answers(store)
    assert export_judgements(store, AnnotateSettings(), "consequences", tmp_path / "implied.csv") == 1
    assert (tmp_path / "implied.csv").read_text() == (
        '"query","candidate","through","implied","decision"\n"s:2","s:3","s:1","mismatched",\n'
    )


def test_the_best_category_of_each_product(store: Store, tmp_path: Path) -> None:
    with TaskBoard(store.state, TaskSettings(gold_first=0), clock=lambda: NOW) as board:
        board.add_tasks([AnnotationTask("s:1", options=("chairs", "lamps"))])
        board.invite(["w1", "w2", "w3", "w4"])
        for worker, label in (("w1", "lamps"), ("w2", "lamps"), ("w3", "chairs"), ("w4", "uncertain")):
            task = next_task(board, worker)
            assert task is not None
            board.answer(worker, task.number, label, 1)
    assert export_judgements(store, AnnotateSettings(), "categories", tmp_path / "best.csv") == 1
    text = (tmp_path / "best.csv").read_text().splitlines()
    assert text[0] == '"task","label","posterior","judgements","difficulty"'
    assert text[1].startswith('"s:1","lamps",0.666666')
