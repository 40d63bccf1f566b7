"""A digest of each table's rows, by which two workspaces are compared without holding either in memory."""

from contextlib import closing

from storage.engine import open_engine, quote
from storage.schemas import TABLES
from storage.snapshot import Snapshot

__all__ = ["content_digests"]


def content_digests(snapshot: Snapshot) -> dict[str, tuple[int, int]]:
    """Return table -> its rows and the sum of 64-bit hashes of them, whatever order and files they stand in.

    Equal tables have equal digests; others differ but for a chance of some 1 in 10**19. Tables without rows are
    absent. DuckDB's hash is another in other releases: compare within one process.
    """
    found = {}
    with closing(open_engine()) as engine:
        for name in snapshot.tables:
            engine.execute(snapshot.view(name, name))
            columns = ", ".join(quote(column.name) for column in TABLES[name].columns)
            query = f"SELECT count(*), sum(hash({columns})::HUGEINT) FROM {name}"  # noqa: S608
            rows, digest = engine.execute(query).fetchall()[0]
            if rows:
                found[name] = (int(rows), int(digest))
    return found
