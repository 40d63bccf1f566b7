"""The stage ``tasks``: turn candidates into tasks, and reviewed pairs into the gold set."""

import time
from collections.abc import Iterator
from contextlib import closing

import duckdb

from annotate.judgement_state import gold_pairs
from annotate.settings import TaskSettings
from annotate.tasks.board import TaskBoard
from annotate.tasks.task import AnnotationTask, GoldTask, Kind
from core.errors import MissingInputError
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Store

__all__ = ["Source", "category_tasks", "pair_tasks", "run"]

Source = tuple[int, Iterator[list[AnnotationTask]]]
"""Number of candidate pairs or products, and the tasks in batches."""

_BATCH = 10_000
_READS = ("candidates", "labels")
_PAIRS = """
select query, candidate from candidates c where rank < $best and not (candidate < query and exists (
    select 1 from candidates o where o.query = c.candidate and o.candidate = c.query and o.rank < $best))
order by query, rank
"""
_CATEGORIES = """
with named as (select product_id, concat_ws(' > ', nullif(class_name, ''), nullif(sub_class_name, ''),
        nullif(subsub_class_name, '')) as name from labels),
counted as (
    select c.query, n.name, count(*) as times from candidates c join named n on n.product_id = c.candidate
    where c.rank < $best and n.name != '' group by all),
options as (
    select query, name, 0 as own, times from counted
    where (query, name) not in (select product_id, name from named)
    union all
    select query, name, 1, 0 from (select distinct query from candidates) join named on product_id = query
    where name != ''),
ranked as (
    select query, name, row_number() over (partition by query order by own desc, times desc, name) as place
    from options)
select query, list(name order by name) from ranked where place <= $options group by query having count(*) > 1
order by query
"""


def pair_tasks(connection: duckdb.DuckDBPyConnection, settings: TaskSettings) -> Source:
    """Return the pairs of query and candidate; of two mirrored pairs, only one."""
    best = {"best": settings.candidates}
    count = _count(connection, "select count(*) from candidates where rank < $best", best)
    return count, (
        [AnnotationTask(query, candidate) for query, candidate in rows] for rows in _batches(connection, _PAIRS, best)
    )


def category_tasks(connection: duckdb.DuckDBPyConnection, settings: TaskSettings) -> Source:
    """Return the queries with the categories to choose from, sorted by name so that none seems preferred.

    The categories are the aligned one of the query and the commonest categories of its candidates.
    """
    limits = {"best": settings.candidates, "options": settings.options}
    count = _count(connection, "select count(distinct query) from candidates", {})
    return count, (
        [AnnotationTask(query, options=tuple(names)) for query, names in rows]
        for rows in _batches(connection, _CATEGORIES, limits)
    )


def _count(connection: duckdb.DuckDBPyConnection, query: str, limits: dict[str, int]) -> int:
    return int(connection.execute(query, limits).fetchall()[0][0])


def _batches(
    connection: duckdb.DuckDBPyConnection, query: str, limits: dict[str, int]
) -> Iterator[list[tuple[str, ...]]]:
    found = connection.execute(query, limits)
    while rows := found.fetchmany(_BATCH):
        yield rows


def run(
    store: Store,
    settings: TaskSettings,
    *,
    kind: Kind = "same-product",
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
) -> StageReport:
    """Add tasks of a kind to the board, and the gold set of reviewed pairs.

    Reads candidate pairs (queries for ``category``) and keeps new tasks. It drops existing tasks (``known``), the
    mirror of a pair (``mirrored``), and queries whose candidates all share their category (``one_category``).

    Raises:
        MissingInputError: The table ``candidates`` does not exist yet.
    """
    began = time.monotonic()
    before = store.snapshot()
    if "candidates" not in before.tables:
        raise MissingInputError("tasks: the table candidates is missing. Run m5data annotate candidates first.")
    with closing(before.connection(_READS)) as connection, TaskBoard(store.state, settings, clock) as board:
        source = pair_tasks if kind == "same-product" else category_tasks
        read, batches = source(connection, settings)
        progress.start("tasks", read)
        new = asked = 0
        for batch in batches:
            new += board.add_tasks(batch)
            asked += len(batch)
            progress.advance(len(batch))
        board.add_gold(
            GoldTask(AnnotationTask(query, candidate), label) for query, candidate, label in gold_pairs(store.state)
        )
        progress.finish()
    left_out = "mirrored" if kind == "same-product" else "one_category"
    dropped = {reason: n for reason, n in (("known", asked - new), (left_out, read - asked)) if n}
    return StageReport("tasks", read, new, dropped, time.monotonic() - began)
