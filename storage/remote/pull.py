"""Bring a working copy up to the store's newest manifest."""

import hashlib
import shutil
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from m5data.errors import CorruptObjectError
from storage.files import Layout, file_sha256, sync_file, sync_folder, temporary_file
from storage.remote.local_copy import OWN_FOLDER, STATE, Record, files_of, is_segment, stat_of, write_record
from storage.remote.manifest import Entry, Manifest
from storage.remote.object_store import ObjectStore, in_parallel, log_large_transfer

__all__ = ["fetch", "pull"]

_OWNED = ("tables/", "versions/", "objects/")
"""Folders in which every file belongs to the store."""


def pull(store: ObjectStore, root: Path, record: Record, manifest: Manifest, kept: Collection[str]) -> Record | None:
    """Make the files of the working copy those of a manifest; segments come later, when they are read.

    After a kill at any instant the next pull continues: a file with the right content is not fetched again.

    Args:
        store: Source of the files.
        root: The working copy; nobody else writes to it, and what it alone has is dropped.
        record: Its record.
        manifest: Its files from now on.
        kept: Paths that stay as they are here.

    Returns:
        The new record; None: the store has removed a file, because a newer manifest exists.

    Raises:
        CorruptObjectError: The store returned other bytes than were stored.
        ObjectStoreError: The store does not answer.
    """
    before = {path for known in (record.manifest, record.pulling) if known for path in known.files}
    write_record(root, replace(record, pulling=manifest))
    _forget_unfinished(Layout(root))
    here = files_of(root)
    wanted = {path: entry for path, entry in manifest.files.items() if path not in kept}
    missing = [path for path, entry in wanted.items() if not _has(root, record, path, entry)]
    fetched = [path for path in missing if not is_segment(path)]
    log_large_transfer(store.url, "fetching", [wanted[path].size for path in fetched])
    if not all(in_parallel(lambda path: _bring(store, root, path, wanted[path]), _versions_last(fetched))):
        return None
    stale = {path for path in here if is_segment(path)} & set(missing)
    gone = {path for path in here if path not in manifest.files and (path in before or path.startswith(_OWNED))}
    for path in sorted(stale | gone):
        (root / path).unlink(missing_ok=True)
    stats = {path: stat_of(root / path) for path in wanted if (root / path).exists()}
    after = Record(manifest, stats)
    write_record(root, after)
    return after


def _has(root: Path, record: Record, path: str, entry: Entry) -> bool:
    """Return whether a file already has the content of an entry."""
    file = root / path
    if not file.is_file():
        return False
    if path == STATE:
        return False
    known = record.manifest.files.get(path) if record.manifest else None
    if known is not None and known.sha256 == entry.sha256 and record.stats.get(path) == stat_of(file):
        return True
    return file.stat().st_size == entry.size and file_sha256(file) == entry.sha256


def _bring(store: ObjectStore, root: Path, path: str, entry: Entry) -> bool:
    if path == STATE:
        for ending in ("-wal", "-shm"):  # of the database that is replaced
            (root / f"{STATE}{ending}").unlink(missing_ok=True)
    return fetch(store, entry, root, path)


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


def fetch(store: ObjectStore, entry: Entry, root: Path, path: str) -> bool:
    """Fetch a stored file into the working copy, whole or not at all; False: the store has removed it.

    Raises:
        CorruptObjectError: Its bytes are not those that were stored.
        ObjectStoreError: The store does not answer.
    """
    target = root / path
    name = hashlib.sha256(path.encode()).hexdigest()[:32]
    with temporary_file(root / OWN_FOLDER / name) as file:
        temporary = Path(file.name)
        if not store.download(entry.key, temporary):
            return False
        got = file_sha256(temporary)
        if got != entry.sha256:
            raise CorruptObjectError(
                f"{store.url}/{entry.key}: the SHA-256 of its bytes is {got}, not {entry.sha256} as stored. "
                "Restore it from a backup."
            )
        temporary.chmod(entry.mode)
        sync_file(temporary)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(target)
        sync_folder(target.parent)
    return True
