"""Uncertainty of labels, and a board that asks for more answers only on uncertain tasks."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from annotate.aggregation.encoding import encode
from annotate.tasks import AnnotationTask, GoldTask, TaskBoard, TaskSettings
from annotate.tasks.adaptive import estimate_uncertainty, find_uninformative
from storage import State
from tests.annotate.asking import next_task


def test_agreement_leaves_little_uncertainty_and_a_tie_half() -> None:
    rows = [(1, "a", "x"), (1, "b", "x"), (2, "a", "x"), (2, "b", "y"), (3, "a", "y"), (3, "b", "y")]
    table = pa.table(dict(zip(("task", "worker", "label"), zip(*rows, strict=True), strict=True)))
    found = estimate_uncertainty(encode(table))
    assert found.label.tolist() == [0, 0, 1]
    assert found.error[1] > 0.4
    assert found.error[0] < 0.2
    assert found.error[2] < 0.2


def test_always_keeping_the_default_is_uninformative() -> None:
    """Half of 40 tasks are x; a and b are always right, c always answers x, and only c answered the last task."""
    rows = [(t, w, "xy"[t % 2] if w != "c" else "x") for t in range(40) for w in "abc"]
    table = pa.table(dict(zip(("task", "worker", "label"), zip(*[*rows, (40, "c", "x")], strict=True), strict=True)))
    found = estimate_uncertainty(encode(table))
    assert found.error[40] > 0.35
    assert found.error[:40].max() < 0.02
    informativeness = dict(zip(encode(table).workers.to_pylist(), found.informativeness, strict=True))
    assert informativeness["c"] < 0.03
    assert informativeness["a"] == pytest.approx(informativeness["b"])
    assert 0.4 < informativeness["a"] < np.log(2)
    assert find_uninformative(found.informativeness).tolist() == [
        worker == "c" for worker in encode(table).workers.to_pylist()
    ]


def test_equally_informative_workers_are_all_informative() -> None:
    assert find_uninformative(np.zeros(0)).tolist() == []
    assert find_uninformative(np.array([0.2, 0.2, 0.101])).tolist() == [False, False, False]
    assert find_uninformative(np.array([0.2, 0.2, 0.099])).tolist() == [False, False, True]


def test_the_board_spends_judgements_where_workers_disagree(tmp_path: Path) -> None:
    """Even pairs are hard: answers depend on the worker's number. All workers match odd pairs."""
    plan = TaskSettings(adaptive=3, most=6, gold_first=0, gold_learning=0, gold_share=0, fastest_s=0)
    state = State(tmp_path / "state.sqlite")
    state.create()
    with TaskBoard(state, plan) as board:
        board.add_tasks(AnnotationTask(f"s:{n}", "s:c") for n in range(10))
        names = [f"w{n}" for n in range(8)]
        board.invite(names)
        given: Counter[int] = Counter()
        while True:
            before = sum(given.values())
            for number, name in enumerate(names):
                task = next_task(board, name)
                if task is not None:
                    pair = int(task.query[2:])
                    label = "matched" if pair % 2 or number % 2 else "mismatched"
                    board.answer(name, task.number, label, 1)
                    given[pair] += 1
            if sum(given.values()) == before:
                break
        wanted = board.progress("w0").wanted
    assert wanted == sum(given.values()) <= 30
    assert max(given.values()) <= 6
    hard, easy = (np.mean([given[n] for n in range(start, 10, 2)]) for start in (0, 1))
    assert hard > easy >= 1


@pytest.mark.parametrize(("others", "given"), [(["w1"], {"w0": 12, "w2": 2, "w1": 10}), ([], {"w0": 12, "w2": 12})])
def test_uninformative_annotators_get_disputed_pairs_last(
    tmp_path: Path, others: list[str], given: dict[str, int]
) -> None:
    """Half of the pairs match; gold shows that w0 and w1 are right and that w2 always keeps the default."""
    plan = TaskSettings(adaptive=2, most=3, gold_first=8, gold_learning=0, gold_share=0, gold_risk=1e-9, fastest_s=0)
    state = State(tmp_path / "state.sqlite")
    state.create()
    with TaskBoard(state, plan) as board:
        board.add_gold(GoldTask(AnnotationTask(f"g:{n}", "g:c"), ("matched", "mismatched")[n % 2]) for n in range(8))
        board.add_tasks(AnnotationTask(f"s:{n}", "s:c") for n in range(12))
        board.invite(["w0", "w2", *others])
        judged: Counter[str] = Counter()
        for worker in ("w0", "w2", *others):
            while (task := next_task(board, worker)) is not None:
                default = worker == "w2" or int(task.query[2:]) % 2 == 0
                board.answer(worker, task.number, "matched" if default else "mismatched", 1)
                judged[worker] += task.query.startswith("s")
    assert judged == given
