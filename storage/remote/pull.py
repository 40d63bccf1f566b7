"""Bringing a working copy up to the store's newest manifest."""

import shutil
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from storage.files import Layout, file_sha256
from storage.remote.local_copy import STATE, Record, files_of, is_segment, stat_of, write_record
from storage.remote.manifest import Entry, Manifest
from storage.remote.object_store import ObjectStore, in_parallel
from storage.remote.transfer import fetch, tell_if_large

__all__ = ["pull"]

_OWNED = ("tables/", "versions/", "objects/")
"""Folders that hold nothing but what the store knows."""


def pull(store: ObjectStore, root: Path, record: Record, manifest: Manifest, kept: Collection[str]) -> Record | None:
    """Make the files of a manifest those of the working copy; segments only where one is there by that name.

    Killed at any instant, the next one goes on: a file that has its content is not fetched again.

    Args:
        store: Where the files are.
        root: The working copy; no one else writes to it, and nothing that it alone has is wanted.
        record: What is known of it.
        manifest: What it is to have.
        kept: Paths that stay as they are here.

    Returns:
        The new record; None: the store has removed a file, there is a newer manifest.

    Raises:
        CorruptObjectError: Stored bytes are not those that were stored.
        ObjectStoreError: The store does not answer.
    """
    before = {path for known in (record.manifest, record.pulling) if known for path in known.files}
    write_record(root, replace(record, pulling=manifest))
    _forget_unfinished(Layout(root))
    here = files_of(root)
    wanted = {path: entry for path, entry in manifest.files.items() if path not in kept}
    missing = [path for path, entry in wanted.items() if not _has(root, record, path, entry)]
    fetched = [path for path in missing if not is_segment(path)]
    tell_if_large(store.address, "fetching", [wanted[path].size for path in fetched])
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
    """Tell whether a file has the content of an entry already."""
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
    """Order paths so that a reader finds the files of a version when it finds the version."""
    return sorted(paths, key=lambda path: (path.startswith("versions/"), path))


def _forget_unfinished(layout: Layout) -> None:
    """Remove what an unfinished stage left, which rests on what this copy had."""
    for folder in (layout.staging, layout.spool):
        if folder.is_dir():
            shutil.rmtree(folder)
    for folder in (layout.tables, layout.objects, layout.versions):
        folder.mkdir(exist_ok=True)
