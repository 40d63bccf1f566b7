"""Doubt, what follows from matches, and a board that asks on only where it is in doubt."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa

from annotate.adaptive import doubt, find_consequences
from annotate.answers import encode
from annotate.tasks import Task, TaskBoard, TaskSettings
from storage import State


def test_agreement_leaves_little_doubt_and_a_tie_half() -> None:
    rows = [(1, "a", "x"), (1, "b", "x"), (2, "a", "x"), (2, "b", "y"), (3, "a", "y"), (3, "b", "y")]
    table = pa.table(dict(zip(("task", "worker", "label"), zip(*rows, strict=True), strict=True)))
    found = doubt(encode(table))
    assert found.label.tolist() == [0, 0, 1]
    assert found.wrong[1] > 0.4
    assert found.wrong[0] < 0.2
    assert found.wrong[2] < 0.2


def test_who_always_leaves_the_default_says_nothing() -> None:
    """Of 40 tasks half are x; a and b are always right, c says x to all: on the last task c alone answered."""
    rows = [(t, w, "xy"[t % 2] if w != "c" else "x") for t in range(40) for w in "abc"]
    table = pa.table(dict(zip(("task", "worker", "label"), zip(*[*rows, (40, "c", "x")], strict=True), strict=True)))
    found = doubt(encode(table))
    assert found.wrong[40] > 0.35
    assert found.wrong[:40].max() < 0.02


def matches(*rows: tuple[str, str, str]) -> pa.Table:
    return pa.table(dict(zip(("query", "candidate", "decision"), zip(*rows, strict=True), strict=True)))


def test_consequences_are_proposed_and_contradictions_shown() -> None:
    found = find_consequences(
        matches(("b", "a", "matched"), ("b", "c", "matched"), ("c", "d", "mismatched"), ("b", "e", "undecided"))
    )
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        ("a", "c", "b", "matched", None),
        ("b", "d", "c", "mismatched", None),
    ]
    found = find_consequences(matches(("a", "b", "matched"), ("b", "c", "matched"), ("a", "c", "mismatched")))
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        ("a", "b", "c", "mismatched", "matched"),
        ("a", "c", "b", "matched", "mismatched"),
        ("b", "c", "a", "mismatched", "matched"),
    ]


def test_what_is_decided_so_implies_nothing_new() -> None:
    found = find_consequences(matches(("a", "b", "matched"), ("b", "c", "matched"), ("c", "a", "matched")))
    assert found.num_rows == 0


def test_the_board_spends_judgements_where_workers_disagree(tmp_path: Path) -> None:
    """Even pairs are hard: workers answer by their name; odd ones are matched to all."""
    plan = TaskSettings(adaptive=3, most=6, gold_first=0, gold_share=0)
    with TaskBoard(State(tmp_path / "state.sqlite"), plan) as board:
        board.add_tasks(Task(f"s:{n}", "s:c") for n in range(10))
        names = [f"w{n}" for n in range(8)]
        board.invite(names)
        given: Counter[int] = Counter()
        while True:
            before = sum(given.values())
            for number, name in enumerate(names):
                task = board.next_task(name)
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
