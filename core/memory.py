"""The memory that this process may use: of the machine, of its control groups, and of its address space."""

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

__all__ = ["memory_of_machine", "usual_query_mb"]

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")
_LIMIT_FILES = ("memory.max", "memory.high", "memory.limit_in_bytes")
_SHARE = 16
_MIN_MB = 500


def usual_query_mb() -> int:
    """Return the MB that one query may use if no setting says: a sixteenth of the memory, at least 500 MB.

    A stage has at most two queries at a time, and its own data beside them; other programs need memory too.
    """
    return max(memory_of_machine() // _SHARE // 1_000_000, _MIN_MB)


@cache
def memory_of_machine(groups: Path = _GROUPS, own: Path = _OWN_GROUPS) -> int:
    """Return the bytes of memory that this process may use, as its start finds them.

    Args:
        groups: Root of the control groups, version 2 or 1.
        own: File that names the groups of this process, as in ``/proc/self/cgroup``.
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    limits = [*_group_limits(groups, own), *([] if soft == resource.RLIM_INFINITY else [soft])]
    return min([machine, *limits])


def _group_limits(groups: Path, own: Path) -> Iterator[int]:
    """Yield the limits of the groups of this process and of those above them; a group without one says ``max``."""
    for folder in _folders(groups, own):
        for name in _LIMIT_FILES:
            with suppress(OSError, ValueError):  # absent: no such group, or another version
                yield int((folder / name).read_text(encoding="ascii"))


def _folders(groups: Path, own: Path) -> Iterator[Path]:
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:  # a system without control groups
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = groups / "memory" if controllers else groups
        inner = root / path.lstrip("/")
        yield from (one for one in (inner, *inner.parents) if one.is_relative_to(root))
