"""A run keeps to what the settings let it take of the machine."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from m5data.errors import DataError
from m5data.settings import MachineSettings
from storage.engine import memory_limit

__all__ = ["check_disk", "confined"]

_GB = 1_000_000_000


@contextmanager
def confined(settings: MachineSettings) -> Iterator[None]:
    """Keep this thread, and what it starts, to the cores and memory of the settings."""
    with _cores(settings.cores), memory_limit(settings.memory_mb and settings.memory_mb // 2):
        yield


def check_disk(root: Path, settings: MachineSettings) -> None:
    """Check that the workspace's disk has room.

    Raises:
        DataError: It has less than ``min_free_gb``.
    """
    free = shutil.disk_usage(root).free / _GB
    if free < settings.min_free_gb:
        raise DataError(
            f"{root}: wanted {settings.min_free_gb:g} GB free on its disk (machine.min_free_gb), there are {free:.2f}; "
            "make room (m5data vacuum), then run again: what was done is kept"
        )


@contextmanager
def _cores(count: int | None) -> Iterator[None]:
    if count is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
