import random
from datetime import timedelta
from math import log

import pytest

from annotate.judgement_state import paused_workers
from annotate.tasks import AnnotationTask, GoldTask, TaskSettings
from annotate.tasks.answering import GoldAnswer, find_fault, weigh_gold
from storage import State
from tests.annotate.tasks.conftest import HeldClock, OpenBoard

SIDES = ("matched", "mismatched")
TOO_HIGH = -log(0.01)


def gold(truths: str, labels: str) -> list[GoldAnswer]:
    """Return answers written as letters: m(atched), d(ifferent), u(ncertain)."""
    names = {"m": "matched", "d": "mismatched", "u": "uncertain"}
    return [GoldAnswer(names[truth], names[label], 3) for truth, label in zip(truths, labels, strict=True)]


def test_one_answer_to_everything_is_no_knowledge() -> None:
    assert weigh_gold(gold("mdmdmdmd", "m" * 8), 0.85) > TOO_HIGH
    assert weigh_gold(gold("mdmdmmmmmmmm" + "md" * 2, "m" * 16), 0.85) > 0
    assert weigh_gold(gold("md" * 4, "u" * 8), 0.85) > TOO_HIGH


def test_right_answers_are_knowledge_even_if_all_gold_is_alike() -> None:
    assert weigh_gold(gold("md" * 8, "md" * 8), 0.85) < -TOO_HIGH
    assert weigh_gold(gold("m" * 400, "m" * 400), 0.85) < TOO_HIGH


def test_nothing_is_known_before_the_first_answer() -> None:
    assert weigh_gold([], 0.85) == 0


def test_reason_says_what_was_found() -> None:
    answers = gold("mdmdmdmd", "m" * 8)
    assert (
        find_fault(answers, weigh_gold(answers, 0.85), [], 0.01, 1.0)
        == "gold: 4 of 8 gold tasks right, 8 of them matched, is no better than guessing"
    )
    assert find_fault([], 0.0, [0.9] * 20, 0.01, 1.0) == "speed: half of the last 20 answers took less than 1 s"
    assert find_fault([], 0.0, [0.9] * 10 + [1.5] * 10, 0.01, 1.0) is None
    assert find_fault([], 0.0, [0.9] * 19, 0.01, 1.0) is None


@pytest.mark.parametrize(("share_wrong", "most"), [(1.0, 6), (0.7, 6), (0.0, 6)])
def test_honest_workers_are_hardly_ever_paused(share_wrong: float, most: int) -> None:
    """At most 2 % of 300 workers who are right 85 % of the time are paused, checked after each of 60 answers."""
    draw = random.Random(5)
    paused = 0
    for _ in range(300):
        given: list[GoldAnswer] = []
        for number in range(60):
            wrong = SIDES[1 - number % 2] if draw.random() < share_wrong else "uncertain"
            given.append(GoldAnswer(SIDES[number % 2], SIDES[number % 2] if draw.random() < 0.85 else wrong, 3))
            if weigh_gold(given, 0.85) >= TOO_HIGH:
                paused += 1
                break
    assert paused <= most


def test_whoever_presses_one_key_is_paused_and_leaves_the_tasks_to_others(
    open_board: OpenBoard, clock: HeldClock, state: State
) -> None:
    """Nine of twelve gold tasks are matches, as in a set of reviewed pairs that is used unchanged."""
    defaults = TaskSettings()
    board = open_board(
        workers=1, gold_first=defaults.gold_first, gold_learning=defaults.gold_learning, fastest_s=defaults.fastest_s
    )
    board.add_gold(GoldTask(AnnotationTask("q", f"g{n}"), SIDES[n % 4 == 0]) for n in range(12))
    board.add_tasks(AnnotationTask("q", f"c{n}") for n in range(400))
    board.invite(["presser", "reader"])
    answers = 0
    while tasks := board.next_tasks("presser", 1):
        clock.now += timedelta(seconds=0.15)
        board.answer("presser", tasks[0].number, "matched", 5.0)  # the page's own clock can be set to anything
        answers += 1
    assert answers <= 30
    assert board.progress("presser").paused is not None
    assert paused_workers(state) == ["presser"]
    seen = set()
    while tasks := board.next_tasks("reader", 1):
        seen.add(tasks[0].candidate)
        clock.now += timedelta(seconds=5)
        gold_is = int(tasks[0].candidate[1:]) % 4 == 0
        board.answer("reader", tasks[0].number, SIDES[gold_is], 5.0)
    assert {f"c{n}" for n in range(400)} <= seen
    board.resume("presser")
    assert paused_workers(state) == []


def test_gold_alternates_between_the_true_answers(open_board: OpenBoard) -> None:
    board = open_board(gold_first=8)
    board.add_gold(GoldTask(AnnotationTask("q", f"g{n}"), SIDES[n >= 20]) for n in range(24))
    board.add_tasks([AnnotationTask("q", "c")])
    board.invite(["ann"])
    truths = []
    for _ in range(8):
        (task,) = board.next_tasks("ann", 1)
        truths.append(SIDES[int(task.candidate[1:]) >= 20])
        board.answer("ann", task.number, truths[-1], 5)
    assert [truths.count(side) for side in SIDES] == [4, 4]
