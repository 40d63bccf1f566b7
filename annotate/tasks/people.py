"""Workers: their personal links, pauses and pay."""

import hashlib
import sqlite3
from decimal import Decimal

from annotate.tasks.answering import PARTS
from annotate.tasks.records import Pay
from m5data.errors import UsageError

__all__ = ["add_worker", "find_worker", "hash_token", "list_pay", "resume_worker"]

_LONGEST = 64
_TAKEN = "gold"
"""Who gives the true answers in the table ``judgements``."""


def add_worker(connection: sqlite3.Connection, worker: str, token: str) -> None:
    """Add a worker, or give one that is there a new token; the old one is void.

    Only the token's hash is kept: who reads the state cannot sign in with it.

    Raises:
        UsageError: The name is empty, longer than 64 characters, not of letters, digits and ``._-``, or ``gold``.
    """
    fit = 0 < len(worker) <= _LONGEST and all(c.isalnum() or c in "._-" for c in worker)
    if not fit or worker == _TAKEN:
        raise UsageError(
            f"annotate links: wanted a name of 1 to {_LONGEST} letters, digits, dots, dashes or underscores, "
            f"but not {_TAKEN}, got {worker[:_LONGEST]!r}; choose another"
        )
    connection.execute(
        "insert into annotation_workers (worker, token_hash) values (?, ?) "
        "on conflict (worker) do update set token_hash = excluded.token_hash",
        (worker, hash_token(token)),
    )


def hash_token(token: str) -> str:
    """Return what is kept of a token: SHA-256, hex. Tokens are random and long, so no slow hash is needed."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def find_worker(connection: sqlite3.Connection, token: str) -> str | None:
    """Return the worker whose token this is; None: nobody's."""
    query = "select worker from annotation_workers where token_hash = ?"
    row = connection.execute(query, (hash_token(token),)).fetchone()
    return None if row is None else str(row[0])


def resume_worker(connection: sqlite3.Connection, worker: str) -> None:
    """Let a paused worker go on; what gold said so far is forgotten, or the next slip would pause again."""
    connection.execute(
        "update annotation_workers set paused = null, gold_asked = 0, gold_right = 0 where worker = ?", (worker,)
    )


def list_pay(connection: sqlite3.Connection, rate: Decimal) -> list[Pay]:
    """Return the pay ledger, a line a worker, sorted."""
    query = "select worker, answered, earned, gold_asked, gold_right, paused from annotation_workers order by worker"
    return [
        Pay(worker, answered, rate, Decimal(earned) / PARTS, asked, right, paused)
        for worker, answered, earned, asked, right, paused in connection.execute(query)
    ]
