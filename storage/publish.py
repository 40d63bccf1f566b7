"""Upload of a working copy's changes."""

import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import WorkspaceError
from core.files import file_sha256, temporary_file
from storage.files import DOWNLOADS, INDEX, OWN_SEGMENT, Layout, databases
from storage.location import OWN_FOLDER, ObjectStore, in_parallel, log_large_transfer
from storage.objects.index import ObjectIndex
from storage.spool import spools_at
from storage.state import State
from storage.versions import latest_number, read_version
from storage.working_copy import (
    PLAN,
    CopyRecord,
    KnownFile,
    Stat,
    files_of,
    read_record,
    stat_of,
    write_record,
)

__all__ = ["push"]

_TRIES = 3
_TICK_SECONDS = 0.02
"""Coarsest resolution of modification times: a change this long after another one is visible in the time."""


def push(place: ObjectStore, root: Path, confirm: Callable[[], None]) -> None:
    """Upload all changes: the files that a dataset version needs, then its record; then remove old files and its spool.

    Databases are copied first, so that the segments hold everything that these know of. A file is created, or replaces
    the object that this copy knows, so that nothing from another machine is ever overwritten.

    Args:
        place: Target.
        root: The working copy; its lock and the lease are held.
        confirm: Raises if the lease is lost; called before changes become visible to others.

    Raises:
        WorkspaceError: Another machine stored something meanwhile.
        ObjectStoreError: The store does not answer; files stored until then are recorded.
    """
    record = read_record(root)
    files = dict(record.files)
    layout = Layout(root)
    try:
        with ExitStack() as stack:
            copies = {
                name: _copy(root, name, files.get(name), record.databases.get(name, ""), stack)
                for name in databases(root)
                if _is_stored(layout, name)
            }
            here = files_of(root)
            changed = [
                path for path in here if path not in copies and (path not in files or not files[path].is_at(here[path]))
            ]
            if changed:
                time.sleep(_TICK_SECONDS)
            log_large_transfer(place.url, "storing", [here[path][0] for path in changed])
            for step in range(_VERSION + 1):
                paths = [path for path in changed if _step(path) == step]
                if paths and step >= _LOG:
                    confirm()
                files.update(in_parallel(lambda path: (path, _put(place, root / path, path, files.get(path))), paths))
                for name, copy in copies.items():
                    if step == _LOG and copy.digest != record.databases.get(name, ""):
                        files[name] = _put(place, copy.path, name, files.get(name))
        files.update({name: replace(files[name], stat=copy.stat) for name, copy in copies.items()})
        _remove(place, layout, files, here.keys() | copies.keys(), confirm)
    except BaseException:
        write_record(root, replace(record, files=files))
        raise
    after = CopyRecord(files, {name: copy.digest for name, copy in copies.items()})
    if after != record:
        write_record(root, after)


def _remove(
    place: ObjectStore, layout: Layout, files: dict[str, KnownFile], here: AbstractSet[str], confirm: Callable[[], None]
) -> None:
    """Remove the objects of files removed here, and committed spools; record segments that tasks have stored.

    While a stage has unfinished work in the store, segments that its tasks may have created stay.
    """
    unfinished, committed = spools_at(place, read_version(layout, latest_number(layout)))
    if committed:
        confirm()
    for folder in committed:
        place.clear(folder)
    known = _segments(layout)
    for path in known - files.keys() - here:
        if entry := place.entry(path):
            files[path] = KnownFile.of(entry)
    later = {path for path, one in files.items() if one.is_lazy and not path.startswith("objects/")}
    spared = {path for path in files if unfinished and OWN_SEGMENT.fullmatch(path.removeprefix("objects/"))}
    gone = sorted(files.keys() - here - known - later - spared, key=_step, reverse=True)
    place.remove(path for path in gone if _step(path) == _VERSION)
    place.remove(path for path in gone if _step(path) < _VERSION)
    for path in gone:
        del files[path]


_LOG, _VERSION = 3, 4


def _step(path: str) -> int:
    """Return the step that stores a file: the plan, data, anything else, Delta logs (then databases), versions."""
    if path == PLAN:
        return 0
    if path.startswith("versions/"):
        return _VERSION
    if path.startswith(("objects/", "tables/")):
        return _LOG if "/_delta_log/" in path else 1
    return 2


def _put(place: ObjectStore, file: Path, path: str, known: KnownFile | None) -> KnownFile:
    """Store a file as the workspace's ``path``: as a new object, or in place of the known one."""
    for _ in range(_TRIES):
        stat = stat_of(file)
        tag = place.create(path, file) if known is None else place.replace(path, file, known.tag)
        if tag is None:
            raise WorkspaceError(
                f"{place.url}: another machine wrote to this workspace meanwhile ({path}), and its work was left as "
                "it is. Run the command again."
            )
        if stat_of(file) == stat:
            return KnownFile(tag, stat)
        known = KnownFile(tag, None)
    raise WorkspaceError(f"{file}: changed while it was stored. End the program that writes it, and run again.")


@dataclass(frozen=True, slots=True)
class _Copy:
    """A SQLite file as of one moment."""

    path: Path
    """Path of the copy, or of the file itself if it has not changed."""
    stat: Stat
    digest: str
    """SHA-256; empty if it was only read since it was fetched."""


def _copy(root: Path, name: str, known: KnownFile | None, digest: str, stack: ExitStack) -> _Copy:
    """Copy a database if it has changed; the end of the stack removes the copy."""
    path = root / name
    stat = stat_of(path)
    if known is None or not known.is_at(stat):
        path = Path(stack.enter_context(temporary_file(root / OWN_FOLDER / name.replace("/", "-"))).name)
        State(root / name).copy_to(path)
        digest = file_sha256(path)
    return _Copy(path, stat, digest)


def _is_stored(layout: Layout, name: str) -> bool:
    """Return whether a database has data that no dataset version has: objects, outcomes of downloads, or the state."""
    record = read_version(layout, latest_number(layout))
    if name == INDEX:
        with closing(ObjectIndex(layout)) as index:
            return index.last() > record.indexed
    if name == DOWNLOADS:
        last = record.stages.get("download")
        return layout.downloads.exists() and State(layout.downloads).mark() > (last.version if last else 0)
    return True


def _segments(layout: Layout) -> set[str]:
    """Return the paths of the segments that the index of objects knows, which need not be on this machine."""
    with closing(ObjectIndex(layout)) as index:
        return {f"objects/{name}" for name in index.segments()}
