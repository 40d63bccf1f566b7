"""Limits of this program's own process while it runs SQL that a person wrote."""

import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["bounded_memory", "bounded_time", "limit_memory"]

_GB = 1 << 30
_STATM = Path("/proc/self/statm")


@contextmanager
def bounded_memory(gigabytes: int) -> Iterator[None]:
    """Bound the memory that this process may take inside the block: DuckDB's own limit does not count single values.

    A query that needs more ends with an error. Does nothing on systems other than Linux.
    """
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_most(gigabytes, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))


def limit_memory(gigabytes: int) -> None:
    """Bound the memory that this process may take from now on, for good, as ``bounded_memory`` does for a while."""
    most = _most(gigabytes, resource.getrlimit(resource.RLIMIT_AS)[1])
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _most(gigabytes: int, hard: int) -> int:
    """Return the bytes of address space that this process may have; without /proc, the hard limit."""
    if not _STATM.exists():
        return hard
    wanted = int(_STATM.read_text(encoding="ascii").split()[0]) * resource.getpagesize() + gigabytes * _GB
    return wanted if hard < 0 else min(wanted, hard)


@contextmanager
def bounded_time(seconds: float) -> Iterator[None]:
    """End this process with a message if the block takes longer: a single value cannot be interrupted."""

    def end() -> None:
        print(f"m5data: sql: the query was stopped after {seconds:g} s. Narrow it or add a LIMIT.", file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
