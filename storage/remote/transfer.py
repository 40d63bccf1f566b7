"""Files fetched from an object store, each checked; segments when they are first read."""

import fcntl
import hashlib
import logging
from collections.abc import Collection
from pathlib import Path

from m5data.errors import CorruptObjectError, WorkspaceError
from storage.files import Layout, file_sha256, sync_file, sync_folder, temporary_file
from storage.remote.local_copy import OWN_FOLDER, read_record, store_url_of
from storage.remote.manifest import Entry
from storage.remote.object_store import ObjectStore

__all__ = ["fetch", "log_large_transfer", "segment_file"]


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


def segment_file(root: Path, name: str) -> Path:
    """Return where a segment lies on this machine, fetched first if a working copy lacks it.

    Processes that need the same segment wait for the first of them. The path leads nowhere where the store does not
    know the segment either.

    Raises:
        WorkspaceError: The store has removed it since this copy was fetched.
        ObjectStoreError: The store does not answer.
    """
    path = Layout(root).objects / name
    url = None if path.exists() else store_url_of(root)
    if url is not None:
        with (root / OWN_FOLDER / "fetching.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not path.exists():
                _fetch(root, ObjectStore(url), f"objects/{name}")
    return path


def _fetch(root: Path, store: ObjectStore, path: str) -> None:
    record = read_record(root)
    entry = record.manifest.files.get(path) if record.manifest else None
    log_large_transfer(store.url, "fetching", [entry.size] if entry else [])
    if entry is not None and not fetch(store, entry, root, path):
        raise WorkspaceError(
            f"{store.url}: another machine has changed {path} since this workspace was opened. Open it again."
        )


_LARGE = 200_000_000
_LOG = logging.getLogger(__name__)


def log_large_transfer(url: str, verb: str, sizes: Collection[int]) -> None:
    """Log a line for a transfer of more than 200 MB, so that a waiting user knows why.

    Args:
        url: The store.
        verb: "fetching" or "storing".
        sizes: Bytes of each file.
    """
    if sum(sizes) > _LARGE:
        _LOG.warning("%s: %s %s files, %.1f GB", url, verb, f"{len(sizes):,}", sum(sizes) / 1e9)
