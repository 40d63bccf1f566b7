"""People, identified by the token of their personal link."""

import asyncio
import hashlib
import re
import secrets
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

from core.errors import UsageError
from storage import State

__all__ = ["OWNER", "People", "Person", "Role", "find_reviewer", "invite_reviewers"]

Role = Literal["annotator", "reviewer", "manager"]
"""An annotator judges pairs; a reviewer browses products and reviews labels; a manager may do both, and sees the work
of annotators."""
OWNER = "owner"
"""Name of the person who starts the server."""

_SECONDS = 1.0
"""Seconds for which a link may stay valid after its renewal."""
_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Person:
    """A person with a valid link."""

    name: str
    """Worker in the judgements, reviewer in the decisions."""
    role: Role

    def may(self, *roles: Role) -> bool:
        """Return whether the person has one of these roles; a manager has all."""
        return self.role in roles or self.role == "manager"


class People:
    """Looks up people by token, each at most once a second, off the event loop."""

    def __init__(self, find: Callable[[str], Person | None], clock: Callable[[], float]) -> None:
        """Start with an empty cache.

        Args:
            find: Token -> its person, or None; may block.
            clock: Monotonic clock in seconds.
        """
        self._find, self._clock = find, clock
        self._known: OrderedDict[str, tuple[Person | None, float]] = OrderedDict()

    async def find(self, token: str) -> Person | None:
        """Return the person whose link has this token, or None."""
        person, until = self._known.get(token, (None, float("-inf")))
        if self._clock() < until:
            return person
        person = await asyncio.to_thread(self._find, token)
        self._known[token] = (person, self._clock() + _SECONDS)
        self._known.move_to_end(token)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return person


_NAME = re.compile(r"[\w.-]{1,64}")
_DDL = (
    """create table if not exists webapp_reviewers (
        reviewer text primary key, token_hash text not null unique
    ) without rowid, strict""",
    "alter table webapp_reviewers add column role text not null default 'reviewer'",
)
_INVITE = """
insert into webapp_reviewers values (?, ?, ?)
on conflict do update set token_hash = excluded.token_hash, role = excluded.role
"""


def invite_reviewers(
    state: State, names: Iterable[str], token: Callable[[], str] = secrets.token_urlsafe, *, role: Role = "reviewer"
) -> dict[str, str]:
    """Add reviewers or managers, or renew their tokens; return name -> token, which is not stored.

    Args:
        state: The workspace's state.
        names: Names of 1 to 64 letters, digits, dots, dashes or underscores.
        token: Source of tokens.
        role: reviewer or manager.

    Raises:
        UsageError: A name has another form; nobody is added.
    """
    tokens = {name: token() for name in names}
    for name in tokens:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"reviewer: {name[:64]!r} is not a valid name. "
                "Use 1 to 64 letters, digits, dots, dashes or underscores."
            )
    with closing(_connect(state)) as connection:
        connection.execute("begin immediate")
        connection.executemany(
            _INVITE,
            [(name, _hash(secret), role) for name, secret in tokens.items()],
        )
        connection.execute("commit")
    return tokens


def find_reviewer(state: State, token: str) -> Person | None:
    """Return the reviewer or manager whose link has this token, or None."""
    with closing(_connect(state)) as connection:
        query = "select reviewer, role from webapp_reviewers where token_hash = ?"
        row = connection.execute(query, (_hash(token),)).fetchone()
    return None if row is None else Person(*row)


def _hash(token: str) -> str:
    """Return the stored hash of a token; tokens are long and random, so a slow hash is unnecessary."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _connect(state: State) -> sqlite3.Connection:
    state.migrate("webapp", _DDL)
    return state.connect()
