"""Review decisions as state: SQLite, synced, nothing ever overwritten."""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from align.category import Category
from align.review.decision import Decision, decision_fault, normalise
from m5data.errors import DataError
from storage import State

__all__ = ["all_decisions", "decisions_digest", "record_decisions"]

_DDL = (
    """create table if not exists align_decisions (
        number integer primary key, kind text not null, a_source text not null, a_path text not null,
        b_source text, b_path text, name text not null, reviewer text not null, decided_at text not null,
        token text unique
    ) strict""",
    "create index if not exists align_decisions_by_category on align_decisions (a_source, a_path)",
)
_COLUMNS = "kind, a_source, a_path, b_source, b_path, name, reviewer, decided_at, token"
_INSERT = f"insert into align_decisions ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
_KNOWN = "select 1 from align_decisions where token = ?"
_OWN = """
select kind, name from align_decisions
where a_source = ? and a_path = ? and b_source is ? and b_path is ? and reviewer = ?
order by decided_at desc, number desc limit 1
"""


def record_decisions(state: State, decisions: Iterable[Decision]) -> int:
    """Add decisions to the log, all of them or none; safe to repeat, and for many writers at once.

    A decision whose token is known is not added again. One without a token is not added where it is what
    the same person decided last on the same categories. Nothing is ever changed or removed.

    Returns:
        How many were new.

    Raises:
        DataError: A decision cannot be kept; ``decision_fault`` says which are.
    """
    rows = [_row(decision) for decision in decisions]
    with closing(_connect(state)) as connection, connection:
        connection.execute("begin immediate")
        return sum(_add(connection, row) for row in rows)


def all_decisions(state: State) -> list[Decision]:
    """Return every decision ever recorded, oldest first; those of one moment in the order they came."""
    query = f"select {_COLUMNS} from align_decisions order by decided_at, number"  # noqa: S608 - constants
    with closing(_connect(state)) as connection:
        return [_decision(row) for row in connection.execute(query)]


def decisions_digest(state: State) -> str:
    """Return a text that changes whenever a decision was added."""
    with closing(_connect(state)) as connection:
        return str(connection.execute("select max(number) from align_decisions").fetchone()[0])


def _row(decision: Decision) -> tuple[str | None, ...]:
    if found := decision_fault(decision):
        raise DataError(f"decision on {decision.a.text[:80]!r}: {found[0]}: {found[1]}; correct it")
    kept = normalise(decision)
    b = (None, None) if kept.b is None else (kept.b.source, _path(kept.b))
    # Times are compared as text: all in UTC, all with microseconds.
    at = kept.decided_at.astimezone(UTC).isoformat(timespec="microseconds")
    reviewer, token = kept.reviewer.strip(), kept.token or None
    return kept.kind, kept.a.source, _path(kept.a), *b, kept.name.strip(), reviewer, at, token


def _add(connection: sqlite3.Connection, row: tuple[str | None, ...]) -> bool:
    kind, *subject, name, reviewer, _, token = row
    if token is not None:
        known = connection.execute(_KNOWN, (token,)).fetchone() is not None
    else:
        known = connection.execute(_OWN, (*subject, reviewer)).fetchone() == (kind, name)
    if not known:
        connection.execute(_INSERT, row)
    return not known


def _path(category: Category) -> str:
    return json.dumps(category.path, ensure_ascii=False)


def _decision(row: tuple[Any, ...]) -> Decision:
    kind, a_source, a_path, b_source, b_path, name, reviewer, decided_at, token = row
    a = Category(a_source, tuple(json.loads(a_path)))
    b = None if b_source is None else Category(b_source, tuple(json.loads(b_path)))
    at = datetime.fromisoformat(decided_at)
    return Decision(kind, a, b, reviewer, at, name, token or "")


def _connect(state: State) -> sqlite3.Connection:
    state.migrate("align", _DDL)
    return state.connect()
