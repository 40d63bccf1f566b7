"""Judgements in the state: SQLite, synced to disk, one answer per worker and pair."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime

import pyarrow as pa

from annotate.judgements import Judgement
from annotate.tasks.schema import migrate
from storage import State
from storage.tables import TABLES

__all__ = [
    "all_judgements",
    "category_judgements",
    "count_rows",
    "gold_pairs",
    "paused_workers",
    "save_judgements",
    "state_digest",
    "timed_judgements",
]

_DDL = (
    """create table if not exists judgements (
        query text not null, candidate text not null, worker text not null, answer text not null,
        gold integer not null, answered_at text not null, primary key (query, candidate, worker)
    ) without rowid, strict""",
    "create table if not exists judgement_changes (number integer primary key) strict",
    "create table if not exists judgement_files (name text primary key, rows integer not null) without rowid, strict",
)
_ROWS = 1 << 16
"""Rows read at a time as Python objects."""
_ALL = """
with board (query, candidate, worker, answer, gold, answered_at) as (
    select t.query, t.candidate, w.worker, w.label, 0, w.answered_at
    from annotation_tasks t join annotation_work w using (task)
    where t.kind = 'same-product' and w.label is not null and w.label != 'broken'
    union all
    select query, candidate, 'gold', truth, 1, added_at from annotation_tasks
    where kind = 'same-product' and truth is not null
)
select * from board
union all
select query, candidate, worker, answer, gold, answered_at from judgements j where not exists (
    select 1 from annotation_tasks t where t.kind = 'same-product' and t.query = j.query and t.candidate = j.candidate
    and ((j.gold or j.worker = 'gold') and t.truth is not null or exists (
        select 1 from annotation_work w
        where w.worker = j.worker and w.task = t.task and w.label is not null and w.label != 'broken')))
order by 1, 2, 3
"""
_TIMED = f"""
select a.query, a.candidate, a.worker, a.answer, a.gold, a.answered_at, w.seconds from ({_ALL}) a
left join annotation_tasks t on t.kind = 'same-product' and t.query = a.query and t.candidate = a.candidate
    and not a.gold
left join annotation_work w on w.worker = a.worker and w.task = t.task order by 1, 2, 3
"""  # noqa: S608 - a constant
_SAVE = """
insert into judgements values (?, ?, ?, ?, ?, ?)
on conflict do update set answer = excluded.answer, gold = excluded.gold, answered_at = excluded.answered_at
where answer != excluded.answer or gold != excluded.gold
"""


def save_judgements(state: State, judgements: Iterable[Judgement], now: datetime) -> int:
    """Save judgements in one transaction; a later answer of a worker on a pair replaces the earlier one.

    Returns:
        Number of new or changed judgements.
    """
    rows = [(j.query, j.candidate, j.worker, j.answer, j.gold, now.isoformat()) for j in judgements]
    with closing(_connect(state)) as connection:
        connection.execute("begin immediate")
        before = connection.total_changes
        connection.executemany(_SAVE, rows)
        changed = connection.total_changes - before
        if changed:
            connection.execute("insert into judgement_changes default values")
        connection.execute("commit")
    return changed


def count_rows(state: State, file: str, rows: int) -> int:
    """Store the number of rows of a file and return the total of all files."""
    with closing(_connect(state)) as connection:
        connection.execute("insert or replace into judgement_files values (?, ?)", (file, rows))
        return int(connection.execute("select sum(rows) from judgement_files").fetchone()[0])


def category_judgements(state: State) -> tuple[pa.Table, dict[str, str]]:
    """Return the answers to ``category`` tasks as task (product), worker and label, and the gold set.

    Answers ``uncertain`` and ``broken`` name no category and are excluded.
    """
    given = """select t.query, w.worker, w.label from annotation_tasks t join annotation_work w using (task)
        where t.kind = 'category' and w.label not in ('uncertain', 'broken') order by 1, 2"""
    gold = "select query, truth from annotation_tasks where kind = 'category' and truth != 'uncertain' order by 1"
    schema = pa.schema([(name, pa.string()) for name in ("task", "worker", "label")])
    with closing(_connect(state)) as connection:
        rows = [dict(zip(schema.names, row, strict=True)) for row in connection.execute(given)]
        return pa.Table.from_pylist(rows, schema=schema), dict(connection.execute(gold).fetchall())


def gold_pairs(state: State) -> list[tuple[str, str, str]]:
    """Return (query, candidate, label) of the pairs on which the gold rows of files agree, sorted."""
    query = """select query, candidate, min(answer) from judgements where gold and answer != 'uncertain'
        group by 1, 2 having count(distinct answer) = 1 order by 1, 2"""
    with closing(_connect(state)) as connection:
        return connection.execute(query).fetchall()


def timed_judgements(state: State) -> pa.Table:
    """Return ``all_judgements`` with the column seconds, the duration of the answer; null for answers from files."""
    schema = TABLES["judgements"].schema.append(pa.field("seconds", pa.float64()))
    return _read(state, _TIMED, schema)


def all_judgements(state: State) -> pa.Table:
    """Return all judgements of pairs as rows of the table ``judgements``, sorted by its key.

    They come from files and from the task board; the board takes precedence for the same worker and pair. Gold
    tasks of the board are rows of the worker ``gold``. Answers ``broken`` are excluded.
    """
    return _read(state, _ALL, TABLES["judgements"].schema)


def _read(state: State, query: str, schema: pa.Schema) -> pa.Table:
    with closing(_connect(state)) as connection:
        rows = connection.execute(query)
        batches = [_batch(batch, schema) for batch in iter(lambda: rows.fetchmany(_ROWS), [])]
    return pa.Table.from_batches(batches, schema=schema)


def _batch(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.RecordBatch:
    columns = [pa.array(values) for values in zip(*rows, strict=True)]
    return pa.record_batch(
        [column.cast(field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


def paused_workers(state: State) -> list[str]:
    """Return the workers that the task board has paused, sorted."""
    with closing(_connect(state)) as connection:
        query = "select worker from annotation_workers where paused is not null order by worker"
        return [worker for (worker,) in connection.execute(query)]


def state_digest(state: State) -> str:
    """Return a string that changes whenever a judgement is added or changed."""
    with closing(_connect(state)) as connection:
        query = "select max(number), (select changes from annotation_counts) from judgement_changes"
        return " ".join(str(number) for number in connection.execute(query).fetchone())


def _connect(state: State) -> sqlite3.Connection:
    state.migrate("annotate", _DDL)
    migrate(state)
    return state.connect()
