"""The state of the annotation for its manager: progress, agreement, time, pay, people, gold, disputes."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import median

from annotate.export_judgements import make_report
from annotate.judgement_state import paused_workers, timed_judgements
from annotate.settings import AnnotateSettings
from annotate.tasks.answering import PARTS
from annotate.tasks.schema import migrate
from storage import State

__all__ = ["AdaptiveSaving", "Day", "Dispute", "GoldResult", "Overview", "PersonResult", "read_overview"]

_DISPUTES = 20
_GOLD = 20
_DAYS = 30
_COUNTS = """
select (select count(*) from annotation_tasks where truth is null),
    (select count(*) from annotation_tasks where truth is not null),
    (select count(*) from annotation_tasks where truth is null and taken >= wanted),
    (select coalesce(sum(wanted), 0) from annotation_tasks where truth is null),
    (select count(*) from annotation_work w join annotation_tasks t using (task)
        where t.truth is null and w.label is not null and w.live = 1),
    (select count(*) from annotation_work where skipped = 1),
    (select count(*) from annotation_work where label = 'broken'),
    (select count(*) from annotation_tasks where truth is null and kind = 'same-product')
"""
_DAY = """
select substr(answered_at, 1, 10), count(*), sum(seconds) from annotation_work where label is not null
group by 1 order by 1 desc limit ?
"""
_PEOPLE = """
select p.worker, p.answered, p.earned, p.gold_asked, p.gold_right, p.paused,
    sum(w.skipped), sum(w.comment is not null), max(w.answered_at)
from annotation_workers p left join annotation_work w using (worker) group by 1 order by 1
"""
_SECONDS = "select seconds from annotation_work where worker = ? and label is not null order by number desc limit 500"
_GOLD_RESULTS = """
select t.query, t.candidate, t.truth, count(*) as asked, sum(w.label = t.truth) as right
from annotation_tasks t join annotation_work w using (task)
where t.truth is not null and w.label is not null and w.label != 'broken'
group by t.task having right < asked order by asked - right desc, t.task limit ?
"""
_GIVEN = """
with board as (
    select w.worker, coalesce(w.label, ''), w.comment from annotation_tasks t join annotation_work w using (task)
    where t.kind = 'same-product' and (t.query, t.candidate) in ((:query, :candidate), (:candidate, :query))
        and (w.label is not null or w.comment is not null))
select * from board union all
select worker, answer, null from judgements
where (query, candidate) in ((:query, :candidate), (:candidate, :query))
    and worker not in (select worker from board) order by 1
"""
_COMMENTED = """
select t.query, t.candidate from annotation_work w join annotation_tasks t using (task)
where w.comment is not null group by t.task order by max(coalesce(w.answered_at, w.until)) desc limit ?
"""


@dataclass(frozen=True, slots=True)
class Day:
    """Answers of one day (UTC)."""

    day: date
    answers: int
    hours: float


@dataclass(frozen=True, slots=True)
class PersonResult:
    """Statistics of one annotator."""

    worker: str
    answers: int
    earned: Decimal
    gold_asked: int
    gold_right: int
    paused: str | None
    skipped: int
    comments: int
    last: str | None
    """Time of the last answer, ISO 8601."""
    seconds: float | None
    """Median of the last 500 answers."""
    agreement: float | None
    """Share of answers equal to the decision on the pair; None: paused, or no answers on pairs."""
    uncertain: float | None
    """Share of answers that are ``uncertain``."""


@dataclass(frozen=True, slots=True)
class _Pair:
    query: str
    candidate: str


@dataclass(frozen=True, slots=True)
class GoldResult(_Pair):
    """A gold pair that people answered incorrectly; if most of them do, its true label may be wrong."""

    truth: str
    asked: int
    right: int


@dataclass(frozen=True, slots=True)
class Dispute(_Pair):
    """A pair on which people disagree or commented, with the answers to both of its directions."""

    answers: tuple[tuple[str, str, str | None], ...]
    """Worker, label (empty: skipped) and comment."""


@dataclass(frozen=True, slots=True)
class AdaptiveSaving:
    """Number of answers in the adaptive mode, compared with a fixed number per pair."""

    budget: int
    """Maximum number of answers in the adaptive mode."""
    fixed: int
    """Number of answers with ``workers`` per pair."""

    @property
    def saved(self) -> int:
        """Number of answers saved."""
        return max(0, self.fixed - self.budget)


@dataclass(frozen=True, slots=True)
class Overview:
    """The state of the annotation."""

    tasks: int
    """Number of tasks, excluding gold."""
    gold: int
    finished: int
    """Tasks with as many answers and leases as currently wanted."""
    wanted: int
    answers: int
    """Number of answers to tasks other than gold, by people who are not paused."""
    skipped: int
    broken: int
    alpha: float | None
    """Krippendorff's alpha over pairs without uncertain answers."""
    judged: int
    """Number of answers that ``alpha`` rests on: of the board and of judgement files, those on gold too."""
    seconds: float | None
    """Median of the medians of all people."""
    earned: Decimal
    days: tuple[Day, ...]
    """The last 30 days with answers, oldest first."""
    people: tuple[PersonResult, ...]
    gold_missed: tuple[GoldResult, ...]
    disputes: tuple[Dispute, ...]
    comments: tuple[Dispute, ...]
    """Pairs with comments, the latest first."""
    adaptive: AdaptiveSaving | None
    """None: the adaptive mode is off."""

    @property
    def products(self) -> list[str]:
        """Products of the pairs shown."""
        pairs: tuple[_Pair, ...] = (*self.gold_missed, *self.disputes, *self.comments)
        return sorted({product for one in pairs for product in (one.query, one.candidate) if product})

    @property
    def hours(self) -> float:
        """Hours of work in the days shown."""
        return sum(day.hours for day in self.days)

    @property
    def hours_left(self) -> float | None:
        """Hours of work that the open tasks need at the current pace; None if no pace is known."""
        return None if self.seconds is None else max(0, self.wanted - self.answers) * self.seconds / 3600


def read_overview(state: State, settings: AnnotateSettings) -> Overview:
    """Return the state of the annotation, from the task board and from judgement files.

    Every judgement is read, which takes about a second for 500,000.
    """
    migrate(state)
    left_out = [] if settings.count_paused else paused_workers(state)
    judgements = timed_judgements(state)
    report = make_report(judgements, settings.method, left_out, settings.threshold)
    with closing(state.connect_reading()) as connection:
        counts = connection.execute(_COUNTS).fetchone()
        tasks, gold, finished, wanted, answers, skipped, broken, pairs = counts
        people = _people(connection, report["workers"])
        paces = [person.seconds for person in people if person.seconds is not None]
        return Overview(
            tasks=tasks,
            gold=gold,
            finished=finished,
            wanted=wanted,
            answers=answers,
            skipped=skipped,
            broken=broken,
            alpha=report["alpha"],
            judged=len(judgements),
            seconds=median(paces) if paces else None,
            earned=sum((person.earned for person in people), Decimal(0)),
            days=tuple(_days(connection)),
            people=people,
            gold_missed=tuple(GoldResult(*row) for row in connection.execute(_GOLD_RESULTS, (_GOLD,))),
            disputes=_disputes(connection, [_pair(row) for row in report["tasks"] if row["difficulty"]]),
            comments=_disputes(connection, connection.execute(_COMMENTED, (_DISPUTES,)).fetchall()),
            adaptive=_saving(settings, pairs),
        )


def _people(connection: sqlite3.Connection, reported: Sequence[dict[str, float]]) -> tuple[PersonResult, ...]:
    found = {row["worker"]: row for row in reported}
    people = []
    for worker, answered, earned, asked, right, paused, skipped, comments, last in connection.execute(_PEOPLE):
        times = [seconds for (seconds,) in connection.execute(_SECONDS, (worker,))]
        habits = found.get(worker, {})
        people.append(
            PersonResult(
                worker,
                answered,
                Decimal(earned) / PARTS,
                asked,
                right,
                paused,
                skipped or 0,
                comments or 0,
                last,
                median(times) if times else None,
                habits.get("agreement"),
                habits.get("uncertain"),
            )
        )
    return tuple(people)


def _days(connection: sqlite3.Connection) -> list[Day]:
    rows = connection.execute(_DAY, (_DAYS,)).fetchall()
    return [Day(date.fromisoformat(day), answers, seconds / 3600) for day, answers, seconds in reversed(rows)]


def _pair(row: dict[str, str]) -> tuple[str, str]:
    return row["query"], row["candidate"]


def _disputes(connection: sqlite3.Connection, pairs: Sequence[tuple[str, str]]) -> tuple[Dispute, ...]:
    return tuple(
        Dispute(query, candidate, tuple(connection.execute(_GIVEN, {"query": query, "candidate": candidate})))
        for query, candidate in pairs[:_DISPUTES]
    )


def _saving(settings: AnnotateSettings, pairs: int) -> AdaptiveSaving | None:
    tasks = settings.tasks
    return None if tasks.adaptive is None else AdaptiveSaving(int(tasks.adaptive * pairs), tasks.workers * pairs)
