"""The task board assigns tasks to workers and keeps their answers."""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.tasks import AnnotationTask, GoldTask, LeasedTask, RefusedError, TaskBoard, TaskSettings, WorkerProgress
from core.errors import UsageError
from storage import State
from takedown.databases import erase_rows
from tests.annotate.asking import next_task
from tests.annotate.tasks.conftest import HeldClock

OpenBoard = Callable[..., TaskBoard]


def pairs(count: int) -> list[AnnotationTask]:
    return [AnnotationTask(f"s:q{n}", f"s:c{n}") for n in range(count)]


def work_through(board: TaskBoard, worker: str, label: str = "matched") -> list[LeasedTask]:
    done = []
    while (task := next_task(board, worker)) is not None:
        board.answer(worker, task.number, label, 1.0)
        done.append(task)
    return done


def answers_in(state: State) -> list[tuple[str, str, str]]:
    query = """select w.worker, t.query, w.label from annotation_work w join annotation_tasks t using (task)
        where w.label is not null order by 1, 2"""
    with closing(state.connect()) as connection:
        return connection.execute(query).fetchall()


def test_task_goes_to_the_wanted_workers_and_to_nobody_twice(open_board: OpenBoard, state: State) -> None:
    board = open_board(workers=2)
    assert board.add_tasks(pairs(4)) == 4
    board.invite(["ann", "bob", "cy"])
    done = {worker: work_through(board, worker) for worker in ("ann", "bob", "cy")}
    assert [len(done[worker]) for worker in done] == [4, 4, 0]
    assert answers_in(state) == [(who, f"s:q{n}", "matched") for who, n in product(("ann", "bob"), range(4))]
    assert board.progress("cy") == WorkerProgress(reviewed=0, total=4, answers=8, wanted=8, paused=None)


def test_tasks_are_added_once_and_their_order_follows_from_the_seed(open_board: OpenBoard, state: State) -> None:
    board = open_board(seed=7)
    assert (board.add_tasks(pairs(20)), board.add_tasks(pairs(21)), board.add_tasks(pairs(21))) == (20, 1, 0)
    board.invite(["ann"])
    seen = [task.query for task in work_through(board, "ann")]
    assert sorted(seen) == sorted(task.query for task in pairs(21))
    assert seen != [task.query for task in pairs(21)]
    again = open_board(seed=7)
    again.invite(["bob"])
    assert [task.query for task in work_through(again, "bob")] == seen


def test_another_call_returns_the_same_tasks_in_order(open_board: OpenBoard) -> None:
    board = open_board()
    board.add_tasks(pairs(9))
    board.invite(["ann"])
    first, second = board.next_tasks("ann", 2)
    assert board.next_tasks("ann", 2) == [first, second]
    assert next_task(board, "ann") == first
    board.answer("ann", first.number, "matched", 1)
    assert board.next_tasks("ann", 2)[0] == second


def test_an_expired_lease_goes_to_another_worker_and_a_late_answer_is_kept(
    open_board: OpenBoard, clock: HeldClock, state: State
) -> None:
    board = open_board(workers=1)
    board.add_tasks(pairs(1))
    board.invite(["ann", "bob"])
    task = next_task(board, "ann")
    assert task is not None
    assert next_task(board, "bob") is None
    clock.pass_minutes(10)
    assert next_task(board, "bob") == task
    assert next_task(board, "ann") is None
    board.answer("ann", task.number, "matched", 1)
    board.answer("bob", task.number, "mismatched", 1)
    assert answers_in(state) == [("ann", "s:q0", "matched"), ("bob", "s:q0", "mismatched")]


def test_asking_in_time_keeps_a_lease(open_board: OpenBoard, clock: HeldClock) -> None:
    board = open_board(workers=1)
    board.add_tasks(pairs(1))
    board.invite(["ann", "bob"])
    task = next_task(board, "ann")
    for _ in range(3):
        clock.pass_minutes(9)
        assert next_task(board, "ann") == task
        assert next_task(board, "bob") is None


def test_the_same_answer_again_changes_nothing_and_another_is_refused(open_board: OpenBoard, state: State) -> None:
    board = open_board()
    board.add_tasks(pairs(1))
    board.invite(["ann"])
    task = next_task(board, "ann")
    assert task is not None
    assert [board.answer("ann", task.number, "uncertain", 1) for _ in range(3)] == [True, False, False]
    with pytest.raises(RefusedError, match=r"Task 1 is already answered uncertain\. Undo that answer") as refused:
        board.answer("ann", task.number, "matched", 1)
    assert refused.value.reason == "answered"
    assert answers_in(state) == [("ann", "s:q0", "uncertain")]
    assert board.pay()[0].answers == 1


def test_any_answer_can_be_taken_back_and_its_task_comes_first(open_board: OpenBoard, state: State) -> None:
    board = open_board(rate=Decimal("0.5"))
    board.add_tasks(pairs(3))
    board.invite(["ann"])
    first, second, third = work_through(board, "ann")
    assert board.reopen("ann", third.number)
    assert board.reopen("ann", second.number)
    assert board.next_tasks("ann", 2) == [second, third]
    board.answer("ann", second.number, "mismatched", 1)
    assert sorted(label for _, _, label in answers_in(state)) == ["matched", "mismatched"]
    assert board.pay()[0].earned == Decimal(1)
    assert [board.reopen("ann", task.number) for task in (second, first, first)] == [True, True, False]
    assert board.pay()[0].earned == 0


def test_an_answer_taken_back_twice_takes_back_that_one_alone(open_board: OpenBoard, state: State) -> None:
    board = open_board()
    board.add_tasks(pairs(2))
    board.invite(["ann", "bob"])
    first, second = work_through(board, "ann")
    assert not board.reopen("bob", second.number)
    assert [board.reopen("ann", second.number) for _ in range(2)] == [True, False]
    assert [(query, label) for _, query, label in answers_in(state)] == [(first.query, "matched")]


def test_a_skipped_task_goes_to_others_until_it_is_reopened(open_board: OpenBoard) -> None:
    board = open_board(workers=1)
    board.add_tasks(pairs(2))
    board.invite(["ann", "bob"])
    first, second = board.next_tasks("ann", 2)
    for _ in range(2):
        board.skip("ann", first.number, " no picture ")
    assert board.next_tasks("ann", 2) == [second]
    assert board.next_tasks("bob", 1) == [first]
    board.answer("ann", second.number, "matched", 2, "sure")
    with pytest.raises(RefusedError, match="already answered"):
        board.skip("ann", second.number)
    with pytest.raises(RefusedError, match="never handed"):
        board.skip("bob", second.number)
    given = board.answers("ann", 10)
    assert {(one.task, one.label, one.comment) for one in given} == {
        (first.number, None, "no picture"),
        (second.number, "matched", "sure"),
    }
    assert board.reopen("ann", first.number)
    assert board.next_tasks("ann", 2) == [first]
    assert board.pay()[0].answers == 1


@pytest.mark.parametrize(
    ("task", "label", "seconds", "reason"),
    [
        (9, "matched", 1, "not_handed"),
        (2, "matched", 1, "not_handed"),
        (1, "yes", 1, "bad_answer"),
        (1, "matched", -1, "bad_answer"),
        (1, "matched", float("nan"), "bad_answer"),
    ],
)
def test_answers_without_a_lease_are_refused(
    open_board: OpenBoard, state: State, task: int, label: str, seconds: float, reason: str
) -> None:
    board = open_board()
    board.add_tasks([AnnotationTask("s:1", "s:2")])
    board.invite(["ann", "bob"])
    next_task(board, "ann")
    board.add_tasks([AnnotationTask("s:1", "s:3")])
    with pytest.raises(RefusedError) as refused:
        board.answer("ann", task, label, seconds)
    assert refused.value.reason == reason
    with pytest.raises(RefusedError, match="handed to this worker"):
        board.answer("bob", 1, "matched", 1)
    assert answers_in(state) == []


def test_an_unknown_worker_gets_nothing(open_board: OpenBoard) -> None:
    board = open_board()
    for ask in (lambda worker: board.next_tasks(worker, 1), board.progress):
        with pytest.raises(RefusedError, match="The worker 'eve' is not invited"):
            ask("eve")


def test_the_best_of_several_categories(open_board: OpenBoard, state: State) -> None:
    board = open_board()
    board.add_tasks([AnnotationTask("s:1", options=("lamps", "chairs"))])
    board.invite(["ann"])
    task = next_task(board, "ann")
    assert task == LeasedTask(1, "category", "s:1", "", ("lamps", "chairs", "uncertain"))
    with pytest.raises(RefusedError, match="must be one of lamps, chairs, uncertain, broken, not 'tables'"):
        board.answer("ann", 1, "tables", 1)
    board.answer("ann", 1, "chairs", 1)
    assert answers_in(state) == [("ann", "s:1", "chairs")]


def gold(count: int) -> list[GoldTask]:
    return [GoldTask(AnnotationTask(f"s:g{n}", f"s:h{n}"), "matched") for n in range(count)]


def test_gold_comes_first_and_then_by_its_share(open_board: OpenBoard) -> None:
    board = open_board(gold_first=3, gold_share=0.2, gold_risk=1e-9, seed=1)
    board.add_tasks(pairs(400))
    assert board.add_gold(gold(150)) == 150
    board.invite(["ann"])
    is_gold = [task.query.startswith("s:g") for task in work_through(board, "ann")]
    assert is_gold[:3] == [True, True, True]
    assert 60 < sum(is_gold) < 140
    assert len(is_gold) - sum(is_gold) == 400


def test_gold_is_never_leased_without_other_tasks(open_board: OpenBoard) -> None:
    board = open_board(gold_first=3)
    board.add_gold(gold(5))
    board.invite(["ann"])
    assert next_task(board, "ann") is None


def test_a_task_becomes_gold_and_a_wrong_label_is_refused(open_board: OpenBoard) -> None:
    board = open_board(workers=1)
    board.add_tasks(pairs(2))
    assert board.add_gold([GoldTask(pairs(2)[0], "mismatched")]) == 1
    assert board.add_gold([GoldTask(pairs(2)[0], "mismatched")]) == 0
    board.invite(["ann"])
    assert [task.query for task in work_through(board, "ann")] == ["s:q1"]
    with pytest.raises(RefusedError, match="must be one of matched, mismatched, uncertain, not 'same'"):
        board.add_gold([GoldTask(pairs(2)[1], "same")])


def test_a_worker_who_fails_gold_is_paused_with_the_reason_and_can_go_on(open_board: OpenBoard) -> None:
    board = open_board(gold_first=9)
    board.add_tasks(pairs(30))
    board.add_gold(gold(9))
    board.invite(["ann", "bob", "cy"])
    for worker, labels in (("ann", "matched mismatched mismatched"), ("bob", "matched"), ("cy", "broken")):
        for label in (labels.split() * 10)[:9]:
            task = next_task(board, worker)
            if task is not None:
                board.answer(worker, task.number, label, 1)
    assert board.progress("ann").paused == "gold: 3 of 8 gold tasks right is no better than guessing"
    assert next_task(board, "ann") is None
    assert [(pay.worker, pay.gold_asked, pay.gold_right) for pay in board.pay()] == [
        ("ann", 8, 3),
        ("bob", 9, 9),
        ("cy", 0, 0),
    ]
    board.resume("ann")
    assert next_task(board, "ann") is not None


def test_pay_is_counted_at_the_rate_of_its_time(open_board: OpenBoard) -> None:
    cheap = open_board(rate=Decimal("0.03"))
    cheap.add_tasks(pairs(3))
    cheap.invite(["ann"])
    task = next_task(cheap, "ann")
    assert task is not None
    cheap.answer("ann", task.number, "matched", 1)
    dear = open_board(rate=Decimal("0.1"))
    work_through(dear, "ann")
    (pay,) = dear.pay()
    assert (pay.answers, pay.rate, pay.earned) == (3, Decimal("0.1"), Decimal("0.23"))


def test_a_new_link_voids_the_old_one(open_board: OpenBoard, state: State) -> None:
    board = open_board()
    tokens = board.invite(["ann", "bob"])
    assert {board.worker_of(token): worker for worker, token in tokens.items()} == {"ann": "ann", "bob": "bob"}
    renewed = board.invite(["ann"])["ann"]
    assert (board.worker_of(tokens["ann"]), board.worker_of(renewed), board.worker_of("\ud800")) == (None, "ann", None)
    with closing(state.connect()) as connection:
        kept = "".join(connection.iterdump())
    assert renewed not in kept
    assert tokens["bob"] not in kept


@pytest.mark.parametrize("name", ["", "a b", "a/b", "<b>", "x" * 65, "a\0", "gold"])
def test_an_invalid_name_is_refused(open_board: OpenBoard, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a worker"):
        open_board().invite(["ann", name])


def test_a_takedown_takes_tasks_with_their_answers_and_leaves_the_pay(open_board: OpenBoard, state: State) -> None:
    board = open_board(workers=2)
    board.add_tasks(pairs(3))
    board.invite(["ann"])
    work_through(board, "ann")
    with closing(state.connect()) as connection:
        path = connection.execute("pragma database_list").fetchone()[2]
    erase_rows(path, ["s:c1"])
    assert [query for _, query, _ in answers_in(state)] == ["s:q0", "s:q2"]
    assert board.progress("ann") == WorkerProgress(reviewed=3, total=2, answers=2, wanted=4, paused=None)


def test_many_threads_and_boards_lose_and_double_nothing(open_board: OpenBoard, state: State) -> None:
    boards = [open_board(workers=3), open_board(workers=3)]
    boards[0].add_tasks(pairs(30))
    names = [f"w{n}" for n in range(8)]
    boards[0].invite(names)
    done: dict[str, list[LeasedTask]] = {}

    def work(board: TaskBoard, worker: str) -> None:
        done[worker] = work_through(board, worker)

    threads = [threading.Thread(target=work, args=(boards[n % 2], name)) for n, name in enumerate(names)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    given = Counter(query for _, query, _ in answers_in(state))
    assert given == {task.query: 3 for task in pairs(30)}
    assert sum(map(len, done.values())) == 90


def test_a_refused_write_changes_nothing(open_board: OpenBoard, state: State) -> None:
    board = open_board()
    board.add_tasks(pairs(1))
    board.invite(["ann"])
    with pytest.raises(RefusedError):
        board.add_gold(
            [GoldTask(AnnotationTask("s:a", "s:b"), "matched"), GoldTask(AnnotationTask("s:a", "s:c"), "none")]
        )
    assert board.progress("ann").total == 1


Step = tuple[int, str]


@settings(max_examples=40)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["next", "answer", "skip", "undo", "wait", "restart"]))
    ),
    workers=st.integers(1, 3),
)
def test_counts_always_match_the_rows(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], workers: int
) -> None:
    state = State(tmp_path_factory.mktemp("any") / "state.sqlite")
    state.create()
    clock = HeldClock()
    plan = TaskSettings(workers=workers, gold_first=1, gold_share=0.3, fastest_s=0, lease_minutes=10)
    board = TaskBoard(state, plan, clock)
    board.add_tasks(pairs(4))
    board.add_gold(gold(2))
    board.invite(["a", "b", "c"])
    held: dict[str, LeasedTask | None] = {}
    for who, step in steps:
        worker = "abc"[who]
        task = held.get(worker)
        if step == "next":
            held[worker] = next_task(board, worker)
        elif step == "answer" and task is not None:
            board.answer(worker, task.number, "matched", 1)
        elif step == "skip" and task is not None and task.number not in [one.task for one in board.answers(worker, 9)]:
            board.skip(worker, task.number)
        elif step == "undo" and task is not None:
            board.reopen(worker, task.number)
        elif step == "wait":
            clock.pass_minutes(6)
        else:
            board.close()
            board = TaskBoard(state, plan, clock)
    paid = sum(pay.answers for pay in board.pay())
    board.close()
    with closing(state.connect()) as connection:
        counted = connection.execute("select answers, tasks, wanted from annotation_counts").fetchone()
        answers = connection.execute("select count(label) from annotation_work").fetchone()[0]
        wrong = connection.execute(
            "select count(*) from annotation_tasks t where taken != "
            "(select count(*) from annotation_work w where w.task = t.task and w.live)"
        ).fetchone()[0]
    assert (counted, wrong, paid) == ((answers, 6, 4 * workers), 0, answers)
