"""A person's SQL condition on products, tried in a process whose memory and time are limited from outside."""

import json
from pathlib import Path

from core.engine import memory_limit
from core.errors import M5DataError, QueryError
from core.processes.message import Fault, Message
from core.processes.pool import ChildPool, Job, PoolLimits
from storage import Snapshot, Store

__all__ = ["check_condition"]

_ENGINE_MB = 2000
"""Memory of DuckDB itself; single values are outside it, within the process's limit."""
_LIMITS = PoolLimits(seconds=600, memory_bytes=4 << 30, input_bytes=1 << 20, output_bytes=1 << 36)


def check_condition(snapshot: Snapshot, where: str, limits: PoolLimits = _LIMITS) -> None:
    """Find the products that meet a condition once, so that what costs too much ends before an export begins.

    Args:
        snapshot: The dataset version.
        where: SQL condition over the view ``catalogue``.
        limits: Limits of the process.

    Raises:
        QueryError: The condition is wrong, or takes more memory or time than its limits.
    """
    asked = {"root": str(snapshot.root), "version": snapshot.number, "where": where}
    with ChildPool(_find, 1, limits) as pool:
        [(_, reply)] = pool.run(iter([Job("condition", "condition", json.dumps(asked).encode())]))
    if isinstance(reply, Fault):
        raise QueryError(f"sql: the condition was stopped: {reply.detail}. Write one that needs less.")
    if said := reply.head.get("error") or reply.head.get("detail"):
        raise QueryError(str(said))


def _find(_kind: str, data: bytes) -> Message:
    """Find the products that meet a condition: a handler of the process."""
    asked = json.loads(data)
    try:
        with memory_limit(_ENGINE_MB):
            snapshot = Store.open(Path(asked["root"])).snapshot(asked["version"])
            snapshot.sql(f"SELECT count(*) FROM catalogue WHERE {asked['where']}")  # noqa: S608 - the user's own
    except M5DataError as error:
        return Message({"error": str(error)})
    return Message({})
