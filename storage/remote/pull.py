"""Bring a working copy up to what its store holds."""

import hashlib
import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from storage.files import (
    DATABASES,
    DOWNLOADS,
    INDEX,
    Layout,
    file_sha256,
    remove_database,
    sync_file,
    sync_folder,
    temporary_file,
)
from storage.identity import KEY_FILE
from storage.objects.index import fall_behind
from storage.place import OWN_FOLDER, Entry, ObjectStore, in_parallel, log_large_transfer
from storage.remote.local_copy import (
    Known,
    Record,
    files_of,
    is_segment,
    stat_of,
    write_record,
)

__all__ = ["fetch", "listed", "pull"]

_OWNED = ("tables/", "versions/", "objects/")
"""Folders in which every file belongs to the store."""
_NOT_THE_WORKSPACE = (f"{OWN_FOLDER}/", "spool/", "versions/")
"""Starts of the paths of the lease, of what tasks have finished, and of what is listed by itself."""
_PRIVATE = (KEY_FILE, "objects/page-")
"""Starts of the paths of files that only this user may read."""


def listed(place: ObjectStore) -> dict[str, Entry]:
    """Return path -> entry of every file of a workspace.

    Dataset versions are listed first: whatever a version needs was there before it.
    """
    versions = place.list("versions")
    there = place.list()
    shared = {path: entry for path, entry in there.items() if not path.startswith(_NOT_THE_WORKSPACE)}
    return {**shared, **versions}


def pull(place: ObjectStore, root: Path, record: Record, there: Mapping[str, Entry], kept: Collection[str]) -> bool:
    """Make the files of the working copy those of its store; segments come later, when they are read.

    After a kill at any instant the next pull continues: a fetched file is not fetched again.

    Args:
        place: Source of the files.
        root: The working copy; nobody else writes to it, and what it alone has is dropped.
        record: Its record.
        there: Files of the store, as listed.
        kept: Paths that stay as they are here.

    Returns:
        Whether all files were as listed; else another machine writes.

    Raises:
        ObjectStoreError: The store does not answer.
    """
    write_record(root, replace(record, incomplete=True))
    _forget_unfinished(Layout(root))
    here = files_of(root)
    missing = [path for path in there if path not in kept and not _has(root, record, path, there[path])]
    fetched = [path for path in missing if not is_segment(path)]
    log_large_transfer(place.url, "fetching", [there[path].size for path in fetched])
    if not all(in_parallel(lambda path: fetch(place, there[path], root, path), _versions_last(fetched))):
        return False
    stale = {path for path in here if is_segment(path)} & set(missing)
    gone = {path for path in here if path not in there and (path in record.files or path.startswith(_OWNED))}
    for path in sorted(stale | gone):
        (root / path).unlink(missing_ok=True)
    if DOWNLOADS not in there:  # it is made from the tables where it is needed
        remove_database(root / DOWNLOADS)
    files = {path: Known(entry.etag, None if path in kept else _stat(root / path)) for path, entry in there.items()}
    if INDEX not in there:
        newest = max(entry.modified for path, entry in there.items() if path.startswith("versions/"))
        segments = {path: entry for path, entry in there.items() if is_segment(path) and entry.modified <= newest}
        fall_behind(Layout(root), {path.removeprefix("objects/"): entry.size for path, entry in segments.items()})
    digests = {name: file_sha256(root / name) for name in DATABASES if name in there}
    write_record(root, Record(files, digests))
    return True


def fetch(place: ObjectStore, entry: Entry, root: Path, path: str) -> bool:
    """Fetch a file into the working copy, whole or not at all; False: the store has another one by now, or none.

    Raises:
        ObjectStoreError: The store does not answer.
    """
    target = root / path
    name = hashlib.sha256(path.encode()).hexdigest()[:32]
    with temporary_file(root / OWN_FOLDER / name, mode=0o600 if path.startswith(_PRIVATE) else None) as file:
        temporary = Path(file.name)
        if place.fetch(path, temporary) != entry.etag:
            return False
        os.utime(temporary, ns=(_moment(entry), _moment(entry)))
        sync_file(temporary)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path in DATABASES:
            remove_database(target)
        temporary.replace(target)
        sync_folder(target.parent)
    return True


def _has(root: Path, record: Record, path: str, entry: Entry) -> bool:
    """Return whether a file has the content of an object: as recorded, or fetched by a pull that was killed."""
    stat, known = _stat(root / path), record.files.get(path)
    if stat is None or path in DATABASES:
        return False
    if known is not None and known.stat is not None and (known.tag, known.stat) == (entry.etag, stat):
        return True
    return path.startswith("tables/") and stat[:2] == (entry.size, _moment(entry))


def _stat(file: Path) -> tuple[int, int, int] | None:
    return stat_of(file) if file.is_file() else None


def _moment(entry: Entry) -> int:
    """Return when an object was stored, in nanoseconds."""
    return int(entry.modified.timestamp()) * 1_000_000_000


def _versions_last(paths: Iterable[str]) -> list[str]:
    """Order paths so that a reader that sees a version also finds its files."""
    return sorted(paths, key=lambda path: (path.startswith("versions/"), path))


def _forget_unfinished(layout: Layout) -> None:
    """Remove the work of an unfinished stage, which depends on the files that this copy had."""
    for folder in (layout.staging, layout.spool):
        if folder.is_dir():
            shutil.rmtree(folder)
    for folder in (layout.tables, layout.objects, layout.versions):
        folder.mkdir(exist_ok=True)
