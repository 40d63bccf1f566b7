"""Named views of the product browser, saved in the state."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from core.errors import UsageError
from storage import State

__all__ = ["SavedView", "delete_view", "save_view", "saved_views"]

_LONGEST = 60
_MAX = 500
_DDL = (
    """create table if not exists webapp_views (
        name text primary key, query text not null, person text not null, saved_at text not null
    ) without rowid, strict""",
)
_SAVE = """
insert into webapp_views values (?, ?, ?, ?)
on conflict do update set query = excluded.query, person = excluded.person, saved_at = excluded.saved_at
"""


@dataclass(frozen=True, slots=True)
class SavedView:
    """A named selection, visible to everybody."""

    name: str
    query: str
    """Query string of its URL, including the question mark."""
    person: str


def save_view(state: State, name: str, query: str, person: str, now: datetime) -> None:
    """Save a view, replacing one of the same name.

    Raises:
        UsageError: The name is empty, longer than 60 characters or has control characters, or there are 500 views.
    """
    name = name.strip()
    if not 0 < len(name) <= _LONGEST or not name.isprintable():
        raise UsageError(f"view: {name[:_LONGEST]!r} is not a valid name. Use 1 to {_LONGEST} printable characters.")
    with closing(_connect(state)) as connection:
        if connection.execute("select count(*) from webapp_views").fetchone()[0] >= _MAX:
            raise UsageError(f"view: there are {_MAX} views already. Delete one first.")
        connection.execute(_SAVE, (name, query, person, now.isoformat()))


def delete_view(state: State, name: str) -> None:
    """Delete the view of this name, if any."""
    with closing(_connect(state)) as connection:
        connection.execute("delete from webapp_views where name = ?", (name,))


def saved_views(state: State) -> list[SavedView]:
    """Return all views, sorted by name."""
    with closing(_connect(state)) as connection:
        query = "select name, query, person from webapp_views order by name"
        return [SavedView(*row) for row in connection.execute(query)]


def _connect(state: State) -> sqlite3.Connection:
    state.migrate("webapp.views", _DDL)
    return state.connect()
