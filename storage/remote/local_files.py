"""The files of a working copy that belong into the store."""

import os
from collections.abc import Iterator
from pathlib import Path

from storage.durable import TEMPORARY
from storage.layout import OF_A_RUN
from storage.remote.address import OWN_FOLDER

__all__ = ["STATE", "Stat", "files_of", "is_segment", "stat_of"]

STATE = "state.sqlite"

Stat = tuple[int, int, int]
"""Bytes, time of the last change in nanoseconds, inode: as long as they are equal the content is taken to be."""

_OF_THE_MACHINE = frozenset({*OF_A_RUN, OWN_FOLDER, "prefect", "training"})
"""Folders and files that stay here: those of a run, the scheduler's own, and models in the making."""


def files_of(root: Path) -> dict[str, Stat]:
    """Return path in the workspace -> how the file looks, in order, for all but the state."""
    tops = (top for top in sorted(root.iterdir()) if top.name not in _OF_THE_MACHINE and top.name != STATE)
    found = (path for top in tops for path in _inside(top))
    return {path.relative_to(root).as_posix(): stat_of(path) for path in found if not path.name.endswith(TEMPORARY)}


def stat_of(path: Path) -> Stat:
    """Return how a file looks."""
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns, facts.st_ino


def is_segment(path: str) -> bool:
    """Tell whether a file of the workspace is a segment of objects: fetched when it is read."""
    return path.startswith("objects/")


def _inside(top: Path) -> Iterator[Path]:
    if top.is_file():
        yield top
        return
    for folder, folders, names in os.walk(top):
        folders.sort()
        paths = (Path(folder) / name for name in sorted(names))
        yield from (path for path in paths if path.is_file())
