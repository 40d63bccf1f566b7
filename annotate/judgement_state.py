"""Judgements as state: SQLite, synced, an answer never lost and never doubled."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime

import pyarrow as pa

from annotate.judgements import Judgement
from storage import State
from storage.schemas import TABLES

__all__ = ["all_judgements", "save_judgements", "state_digest"]

_DDL = (
    """create table if not exists judgements (
        query text not null, candidate text not null, worker text not null, answer text not null,
        gold integer not null, answered_at text not null, primary key (query, candidate, worker)
    ) without rowid, strict""",
    "create table if not exists judgement_changes (number integer primary key) strict",
)
_ROWS = 1 << 16
"""Rows read at a time: those still Python objects."""
_SAVE = """
insert into judgements values (?, ?, ?, ?, ?, ?)
on conflict do update set answer = excluded.answer, gold = excluded.gold, answered_at = excluded.answered_at
where answer != excluded.answer or gold != excluded.gold
"""


def save_judgements(state: State, judgements: Iterable[Judgement], now: datetime) -> int:
    """Save judgements in one transaction; a worker's later answer on a pair replaces the earlier one.

    Returns:
        How many were new or changed.
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


def all_judgements(state: State) -> pa.Table:
    """Return all judgements as rows of the table ``judgements``, sorted by its key."""
    query = "select query, candidate, worker, answer, gold, answered_at from judgements order by 1, 2, 3"
    schema = TABLES["judgements"].schema
    with closing(_connect(state)) as connection:
        rows = connection.execute(query)
        batches = [_batch(batch, schema) for batch in iter(lambda: rows.fetchmany(_ROWS), [])]
    return pa.Table.from_batches(batches, schema=schema)


def _batch(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.RecordBatch:
    columns = [pa.array(values) for values in zip(*rows, strict=True)]
    return pa.record_batch(
        [column.cast(field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


def state_digest(state: State) -> str:
    """Return a text that changes whenever a judgement was added or changed."""
    with closing(_connect(state)) as connection:
        return str(connection.execute("select max(number) from judgement_changes").fetchone()[0])


def _connect(state: State) -> sqlite3.Connection:
    state.migrate("annotate", _DDL)
    return state.connect()
