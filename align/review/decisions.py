"""Review decisions: the record, its validation, and the log in the state."""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from align.category import LONGEST_NAME, Category, fault
from core.errors import DataError
from storage import State

__all__ = [
    "KINDS",
    "Decision",
    "Kind",
    "all_decisions",
    "decision_fault",
    "decisions_digest",
    "normalise",
    "record_decisions",
]

Kind = Literal["accept", "reject", "rename", "split", "target"]
KINDS: tuple[Kind, ...] = get_args(Kind)
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
_OWN_TARGET = """
select b_path from align_decisions
where kind = 'target' and a_source = ? and a_path = ? and b_source = ? and reviewer = ?
order by decided_at desc, number desc limit 1
"""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of one person; it applies to every later run until a newer one on the same subject."""

    kind: Kind
    """accept: ``a`` and ``b`` are one label. reject: they are two labels. rename: they are one label called
    ``name`` (without ``b``: the label of ``a`` is called ``name``). split: ``a`` leaves its label and stands
    alone until an accept joins it with another category. target: ``a`` belongs to the node ``b`` of a published tree,
    whose name in the settings is the source of ``b``."""
    a: Category
    b: Category | None
    """None for a split, and for a rename of the label of ``a`` alone."""
    reviewer: str
    """Name of the person; not empty."""
    decided_at: datetime
    """Time with zone; the later of two decisions on one subject applies."""
    name: str = ""
    """Name of the label; required for rename, empty otherwise."""
    token: str = ""
    """Made by the client; a decision with a known token is the same decision sent twice."""

    @property
    def pair(self) -> tuple[Category, Category] | None:
        """The judged pair in order; None for a decision on a single category or on its target."""
        return None if self.b is None or self.kind == "target" else (min(self.a, self.b), max(self.a, self.b))


def normalise(decision: Decision) -> Decision:
    """Return the decision in its stored form: the smaller category first, a split without ``b``."""
    if decision.kind == "split":
        return replace(decision, b=None)
    if decision.pair is None:
        return decision
    return replace(decision, a=decision.pair[0], b=decision.pair[1])


def decision_fault(decision: Decision) -> tuple[str, str] | None:
    """Return why a decision is invalid, as (reason, detail), or None if it is valid.

    Reasons: ``bad_decision`` (unknown kind), ``no_reviewer``, ``no_time_zone``, ``bad_name`` (missing, too
    long or not allowed), ``one_source`` (both categories of one shop), ``first_level`` (an outermost
    category; the settings map those), ``levels_differ``, ``no_partner``, and those of ``fault``.
    """
    if decision.kind not in KINDS:
        return "bad_decision", f"{str(decision.kind)[:40]!r} is not one of {', '.join(KINDS)}"
    if not decision.reviewer.strip():
        return "no_reviewer", "the reviewer is missing"
    if decision.decided_at.tzinfo is None:
        return "no_time_zone", "the time has no time zone"
    return _name_fault(decision) or (_target_fault if decision.kind == "target" else _ends_fault)(decision)


def _name_fault(decision: Decision) -> tuple[str, str] | None:
    name = decision.name.strip()
    if bool(name) != (decision.kind == "rename"):
        return (
            "bad_name",
            f"{decision.kind} takes no name, but has {name[:40]!r}" if name else f"{decision.kind} needs a name",
        )
    if len(name) > LONGEST_NAME:
        return "bad_name", f"the name has {len(name)} characters, more than {LONGEST_NAME}"
    return None


def _ends_fault(decision: Decision) -> tuple[str, str] | None:
    ends = [end for end in (decision.a, decision.b) if end is not None]
    for end in ends:
        if found := fault(end.path):
            return found
        if len(end.path) == 1:
            return "first_level", f"{end.text} is an outermost category; map it in the settings"
    if len(ends) == 1:
        wanted = decision.kind in ("accept", "reject")
        return ("no_partner", f"{decision.kind} needs two categories") if wanted else None
    if decision.kind != "split" and ends[0].source == ends[1].source:
        return "one_source", f"both categories belong to {ends[0].source}"
    if decision.kind != "split" and len(ends[0].path) != len(ends[1].path):
        return "levels_differ", f"the categories are at levels {len(ends[0].path)} and {len(ends[1].path)}"
    return None


def _target_fault(decision: Decision) -> tuple[str, str] | None:
    """Return why a choice of a node is invalid; trees have names that shops may not have, at any level."""
    if decision.b is None:
        return "no_partner", "target needs a node of a tree"
    if not all(name.strip() for name in decision.b.path):
        return "empty_name", f"{decision.b.text[:80]!r}: a name is empty"
    if decision.b.source == decision.a.source:
        return "one_source", f"the tree and the source are both called {decision.a.source}"
    return fault(decision.a.path)


def record_decisions(state: State, decisions: Iterable[Decision]) -> int:
    """Add decisions to the log, all or none; safe to repeat and for concurrent writers.

    A decision with a known token is not added again. A decision without a token is not added if it
    repeats the last one of the same person on the same categories. Nothing is changed or removed.

    Returns:
        Number of new decisions.

    Raises:
        DataError: A decision is invalid; see ``decision_fault``.
    """
    rows = [_row(decision) for decision in decisions]
    with closing(_connect(state)) as connection, connection:
        connection.execute("begin immediate")
        return sum(_add(connection, row) for row in rows)


def all_decisions(state: State) -> list[Decision]:
    """Return all recorded decisions, oldest first; those of the same time in order of arrival."""
    query = f"select {_COLUMNS} from align_decisions order by decided_at, number"  # noqa: S608 - constants
    with closing(_connect(state)) as connection:
        return [_decision(row) for row in connection.execute(query)]


def decisions_digest(state: State) -> str:
    """Return a text that changes whenever a decision is added."""
    with closing(_connect(state)) as connection:
        return str(connection.execute("select max(number) from align_decisions").fetchone()[0])


def _row(decision: Decision) -> tuple[str | None, ...]:
    if found := decision_fault(decision):
        raise DataError(f"decision on {decision.a.text[:80]!r}: {found[0]}: {found[1]}.")
    kept = normalise(decision)
    b = (None, None) if kept.b is None else (kept.b.source, _path(kept.b))
    # Times are compared as text, so all are in UTC with microseconds.
    at = kept.decided_at.astimezone(UTC).isoformat(timespec="microseconds")
    reviewer, token = kept.reviewer.strip(), kept.token or None
    return kept.kind, kept.a.source, _path(kept.a), *b, kept.name.strip(), reviewer, at, token


def _add(connection: sqlite3.Connection, row: tuple[str | None, ...]) -> bool:
    kind, *subject, name, reviewer, _, token = row
    if token is not None:
        known = connection.execute(_KNOWN, (token,)).fetchone() is not None
    elif kind == "target":
        known = connection.execute(_OWN_TARGET, (*subject[:3], reviewer)).fetchone() == (subject[3],)
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
