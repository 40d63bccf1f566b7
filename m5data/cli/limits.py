"""Limits of this program's own process where it runs SQL that a person wrote."""

import os
import resource
import sys
import threading
from pathlib import Path

__all__ = ["limit_memory", "limit_seconds"]

_GB = 1 << 30
_STATM = Path("/proc/self/statm")


def limit_memory(gigabytes: int) -> None:
    """Bound the memory that this process may take from now on: DuckDB's own limit does not count single values.

    A query that needs more ends with an error. Does nothing on systems other than Linux.
    """
    if _STATM.exists():
        used = int(_STATM.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = used + gigabytes * _GB
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard < 0 else min(wanted, hard), hard))


def limit_seconds(seconds: float) -> None:
    """End this process with a message after a time, whatever it does: a single value cannot be interrupted."""

    def end() -> None:
        print(f"m5data: sql: the query was stopped after {seconds:g} s. Narrow it or add a LIMIT.", file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
