"""Review decisions of people: their form, their faults, and their log in the state."""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from align.category import LONGEST_NAME, Category, fault
from m5data.errors import DataError
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

Kind = Literal["accept", "reject", "rename", "split"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of one person; it holds on every later run until a newer one on the same subject."""

    kind: Kind
    """accept: ``a`` and ``b`` are one label. reject: they are two. rename: they are one label, called
    ``name`` (without ``b``: the label that ``a`` is in is called so). split: ``a`` leaves the label that it
    is in and stands alone, until it is accepted as one with another."""
    a: Category
    b: Category | None
    """None for split, and for a rename of ``a``'s label alone."""
    reviewer: str
    """Who decided; not empty."""
    decided_at: datetime
    """When, with time zone; of two decisions on one subject the later one holds."""
    name: str = ""
    """Name of the label; rename needs it, no other kind takes it."""
    token: str = ""
    """Made by who asks for the decision: a token that is known already is the same decision sent twice."""

    @property
    def pair(self) -> tuple[Category, Category] | None:
        """The pair that is judged, in order; None: a single category is."""
        return None if self.b is None else (min(self.a, self.b), max(self.a, self.b))


def normalise(decision: Decision) -> Decision:
    """Return the decision as it is kept: the smaller category first, a split of one category alone."""
    if decision.kind == "split":
        return replace(decision, b=None)
    if decision.pair is None:
        return decision
    return replace(decision, a=decision.pair[0], b=decision.pair[1])


def decision_fault(decision: Decision) -> tuple[str, str] | None:
    """Return why a decision cannot be kept, as reason and detail; None: it can.

    Reasons: ``bad_decision`` (an unknown kind), ``no_reviewer``, ``no_time_zone``, ``bad_name`` (missing,
    too long or not asked for), ``one_source`` (both categories of one shop), ``first_level`` (an outermost
    category: those are mapped in the settings), ``levels_differ``, ``no_partner``, and those of ``fault``.
    """
    if decision.kind not in KINDS:
        return "bad_decision", f"wanted one of {', '.join(KINDS)}, got {str(decision.kind)[:40]!r}"
    if not decision.reviewer.strip():
        return "no_reviewer", "wanted who decided, got nobody"
    if decision.decided_at.tzinfo is None:
        return "no_time_zone", "wanted a time with its zone, got one without"
    return _name_fault(decision) or _ends_fault(decision)


def _name_fault(decision: Decision) -> tuple[str, str] | None:
    name = decision.name.strip()
    if bool(name) != (decision.kind == "rename"):
        return "bad_name", f"{decision.kind}: wanted {'a' if not name else 'no'} name, got {name[:40]!r}"
    if len(name) > LONGEST_NAME:
        return "bad_name", f"wanted at most {LONGEST_NAME} characters, got {len(name)}"
    return None


def _ends_fault(decision: Decision) -> tuple[str, str] | None:
    ends = [end for end in (decision.a, decision.b) if end is not None]
    for end in ends:
        if found := fault(end.path):
            return found
        if len(end.path) == 1:
            return "first_level", f"{end.text}: wanted a category below the first level; map that one in the settings"
    if len(ends) == 1:
        wanted = decision.kind in ("accept", "reject")
        return ("no_partner", f"{decision.kind}: wanted two categories, got one") if wanted else None
    if decision.kind != "split" and ends[0].source == ends[1].source:
        return "one_source", f"wanted categories of two shops, got two of {ends[0].source}"
    if decision.kind != "split" and len(ends[0].path) != len(ends[1].path):
        return "levels_differ", f"wanted two of one level, got {len(ends[0].path)} and {len(ends[1].path)}"
    return None


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
