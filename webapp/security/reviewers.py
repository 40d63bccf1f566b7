"""Reviewers: who may browse products and review labels, by a personal link of their own."""

import hashlib
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing

from m5data.errors import UsageError
from storage import State

__all__ = ["find_reviewer", "invite_reviewers"]

_NAME = re.compile(r"[\w.-]{1,64}")
_DDL = (
    """create table if not exists webapp_reviewers (
        reviewer text primary key, token_hash text not null unique
    ) without rowid, strict""",
)


def invite_reviewers(
    state: State, names: Iterable[str], token: Callable[[], str] = secrets.token_urlsafe
) -> dict[str, str]:
    """Let people review, or renew the tokens of those who do; return name -> token, which is kept nowhere.

    Args:
        state: The workspace's state.
        names: 1 to 64 letters, digits, dots, dashes or underscores each.
        token: Where tokens come from.

    Raises:
        UsageError: A name is of another form; nobody is added.
    """
    tokens = {name: token() for name in names}
    for name in tokens:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"reviewer: wanted a name of 1 to 64 letters, digits, dots, dashes or underscores, "
                f"got {name[:64]!r}; choose another"
            )
    with closing(_connect(state)) as connection:
        connection.execute("begin immediate")
        connection.executemany(
            "insert into webapp_reviewers values (?, ?) on conflict do update set token_hash = excluded.token_hash",
            [(name, _hash(secret)) for name, secret in tokens.items()],
        )
        connection.execute("commit")
    return tokens


def find_reviewer(state: State, token: str) -> str | None:
    """Return whose link holds this token; None: nobody's."""
    with closing(_connect(state)) as connection:
        query = "select reviewer from webapp_reviewers where token_hash = ?"
        row = connection.execute(query, (_hash(token),)).fetchone()
    return None if row is None else str(row[0])


def _hash(token: str) -> str:
    """Return what is kept of a token: it is random and long, so that no slow hash is needed."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _connect(state: State) -> sqlite3.Connection:
    state.migrate("webapp", _DDL)
    return state.connect()
