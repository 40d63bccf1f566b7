"""The manager's overview: counts, people, disputes, comments, missed gold and savings of adaptive asking."""

from decimal import Decimal
from pathlib import Path

import pytest

from annotate.overview import AdaptiveSaving, Dispute, GoldResult, read_overview
from annotate.settings import AnnotateSettings, TaskSettings
from annotate.tasks import AnnotationTask, GoldTask, TaskBoard
from storage import State, Store

PLAN = TaskSettings(
    workers=3, gold_first=1, gold_share=0, gold_learning=0, fastest_s=0, rate=Decimal("0.5"), adaptive=2
)


@pytest.fixture
def state(tmp_path: Path) -> State:
    return Store.create(tmp_path / "workspace", buckets=1).state


def test_an_empty_board_has_an_overview(state: State) -> None:
    overview = read_overview(state, AnnotateSettings())
    assert (overview.tasks, overview.answers, overview.alpha, overview.hours_left) == (0, 0, None, None)
    assert (overview.people, overview.disputes, overview.products) == ((), (), [])


def test_counts_people_and_disputes_follow_from_the_answers(state: State) -> None:
    opinions = {"s:a": ("matched", "mismatched"), "s:b": ("matched", "matched"), "s:gold": ("matched", "mismatched")}
    with TaskBoard(state, PLAN.model_copy(update={"adaptive": None})) as board:
        board.add_tasks([AnnotationTask("s:q", "s:a"), AnnotationTask("s:q", "s:b")])
        board.add_gold([GoldTask(AnnotationTask("s:q", "s:gold"), "matched")])
        board.invite(["ann", "bob"])
        for place, worker in enumerate(("ann", "bob")):
            for task in board.next_tasks(worker, 3):
                comment = "look at the lid" if (worker, task.candidate) == ("bob", "s:a") else ""
                board.answer(worker, task.number, opinions[task.candidate][place], 4 + 2 * place, comment)
    overview = read_overview(state, AnnotateSettings(tasks=PLAN))
    assert (overview.tasks, overview.gold, overview.finished) == (2, 1, 0)
    assert (overview.answers, overview.wanted, overview.earned) == (4, 6, Decimal(3))
    assert (overview.seconds, overview.hours_left) == (5, 2 * 5 / 3600)
    assert overview.hours == pytest.approx((3 * 4 + 3 * 6) / 3600)
    assert [(one.worker, one.gold_right, one.gold_asked, one.comments) for one in overview.people] == [
        ("ann", 1, 1, 0),
        ("bob", 0, 1, 1),
    ]
    assert overview.gold_missed == (GoldResult("s:q", "s:gold", "matched", 2, 1),)
    assert Dispute("s:a", "s:q", (("ann", "matched", None), ("bob", "mismatched", "look at the lid"))) in (
        overview.disputes
    )
    assert [one.candidate for one in overview.comments] == ["s:a"]
    assert overview.adaptive == AdaptiveSaving(budget=4, fixed=6)
    assert overview.adaptive.saved == 2
