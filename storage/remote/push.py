"""Store the changes of a working copy."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from m5data.errors import WorkspaceError
from storage.files import file_sha256, temporary_file
from storage.place import OWN_FOLDER, ObjectStore, in_parallel, log_large_transfer
from storage.remote.local_copy import (
    PLAN,
    STATE,
    Known,
    Record,
    Stat,
    files_of,
    read_record,
    stat_of,
    write_record,
)
from storage.state import ObjectIndex, State

__all__ = ["push"]

_TRIES = 3
_TICK_SECONDS = 0.02
"""Coarsest resolution of modification times: a file read that long after a change shows the next one."""


def push(place: ObjectStore, root: Path, confirm: Callable[[], None]) -> None:
    """Store all changes: what a dataset version needs first, its record last, then removals.

    The state is copied first, so that the segments hold everything it knows of them. A file is created, or replaces
    the object that this copy knows: nothing of another machine is ever overwritten.

    Args:
        place: Target.
        root: The working copy; its lock and the lease are held.
        confirm: Raises if the lease is lost; called before others are to see a change.

    Raises:
        WorkspaceError: Another machine stored something meanwhile.
        ObjectStoreError: The store does not answer; what it has got by then is recorded.
    """
    record = read_record(root)
    files = dict(record.files)
    try:
        with temporary_file(root / OWN_FOLDER / STATE) as copy:
            stat, digest = _copy_state(root, record, Path(copy.name))
            here = files_of(root)
            changed = [path for path in here if path not in files or files[path].stat != here[path]]
            if changed:
                time.sleep(_TICK_SECONDS)
            log_large_transfer(place.url, "storing", [here[path][0] for path in changed])
            for step in range(_VERSION + 1):
                paths = [path for path in changed if _step(path) == step]
                if paths and step >= _LOG:
                    confirm()
                files.update(in_parallel(lambda path: (path, _put(place, root / path, path, files.get(path))), paths))
                if step == _LOG and digest != record.state:
                    files[STATE] = _put(place, Path(copy.name), STATE, files.get(STATE))
        files[STATE] = replace(files[STATE], stat=stat)
        known = _segments(root)
        for path in known - files.keys() - here.keys():  # stored by a task on another machine
            if tag := place.tag(path):
                files[path] = Known(tag, None)
        gone = sorted(files.keys() - here.keys() - known - {STATE}, key=_step, reverse=True)
        place.remove(path for path in gone if _step(path) == _VERSION)
        place.remove(path for path in gone if _step(path) < _VERSION)
        for path in gone:
            del files[path]
    except BaseException:
        write_record(root, replace(record, files=files))
        raise
    after = Record(files, digest)
    if after != record:
        write_record(root, after)


_LOG, _VERSION = 3, 4


def _step(path: str) -> int:
    """Return when a file is stored: the plan, data, anything else, Delta logs (then the state), dataset versions."""
    if path == PLAN:
        return 0
    if path.startswith("versions/"):
        return _VERSION
    if path.startswith(("objects/", "tables/")):
        return _LOG if "/_delta_log/" in path else 1
    return 2


def _put(place: ObjectStore, file: Path, path: str, known: Known | None) -> Known:
    """Store a file as the workspace's ``path``: anew, or instead of the object that is known."""
    for _ in range(_TRIES):
        stat = stat_of(file)
        tag = place.create(path, file) if known is None else place.replace(path, file, known.tag)
        if tag is None:
            raise WorkspaceError(
                f"{place.url}: another machine wrote to this workspace meanwhile ({path}), and its work was left as "
                "it is. Run the command again."
            )
        if stat_of(file) == stat:
            return Known(tag, stat)
        known = Known(tag, None)
    raise WorkspaceError(f"{file}: changed while it was stored. End the program that writes it, and run again.")


def _copy_state(root: Path, record: Record, copy: Path) -> tuple[Stat, str]:
    """Copy the state as of one moment, unless it has not changed; return its stat and the SHA-256 of the copy."""
    stat, known = _state_stat(root), record.files.get(STATE)
    if known is not None and known.stat == stat:
        return stat, record.state
    State(root / STATE).copy_to(copy)
    return stat, file_sha256(copy)


def _state_stat(root: Path) -> Stat:
    """Return one stat for the state and its log."""
    size, changed, inode = stat_of(root / STATE)
    log = root / f"{STATE}-wal"
    more = stat_of(log) if log.exists() else (0, 0, 0)
    return size + more[0], max(changed, more[1]), inode


def _segments(root: Path) -> set[str]:
    """Return the paths of the segments that the index of objects knows, which need not be on this machine."""
    index = ObjectIndex(State(root / STATE))
    known = {f"objects/{name}" for name in index.segments()}
    index.close()
    return known
