"""Fetching files from an object store, checked."""

import fcntl
import hashlib
import logging
from collections.abc import Collection
from pathlib import Path

from m5data.errors import CorruptObjectError, WorkspaceError
from storage.files import Layout, file_sha256, sync_file, sync_folder, temporary_file
from storage.remote.local_copy import OWN_FOLDER, address_of, read_record
from storage.remote.manifest import Entry
from storage.remote.object_store import ObjectStore

__all__ = ["fetch", "segment_file", "tell_if_large"]


def fetch(store: ObjectStore, entry: Entry, root: Path, path: str) -> bool:
    """Make a stored file one of the working copy, whole or not at all; False: the store has removed it.

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
                f"{store.address}/{entry.key}: the SHA-256 of its bytes is {got}, not {entry.sha256} as stored. "
                "Restore it from a backup."
            )
        temporary.chmod(entry.mode)
        sync_file(temporary)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(target)
        sync_folder(target.parent)
    return True


def segment_file(root: Path, name: str) -> Path:
    """Return where a segment lies on this machine; in a working copy it is fetched first if need be.

    Processes that want the same one wait for whoever came first. Where the store does not know it either, the path
    leads nowhere.

    Raises:
        WorkspaceError: The store has removed it since this copy was fetched.
        ObjectStoreError: The store does not answer.
    """
    path = Layout(root).objects / name
    address = None if path.exists() else address_of(root)
    if address is not None:
        with (root / OWN_FOLDER / "fetching.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not path.exists():
                _fetch(root, ObjectStore(address), f"objects/{name}")
    return path


def _fetch(root: Path, store: ObjectStore, path: str) -> None:
    record = read_record(root)
    entry = record.manifest.files.get(path) if record.manifest else None
    tell_if_large(store.address, "fetching", [entry.size] if entry else [])
    if entry is not None and not fetch(store, entry, root, path):
        raise WorkspaceError(
            f"{store.address}: another machine has changed {path} since this was opened; open the workspace again"
        )


_LARGE = 200_000_000
_LOG = logging.getLogger(__name__)


def tell_if_large(address: str, verb: str, sizes: Collection[int]) -> None:
    """Say that files are fetched or stored, where they are large together; on standard error unless it is logged.

    Args:
        address: Of the store.
        verb: What is done.
        sizes: Bytes of each file.
    """
    if sum(sizes) > _LARGE:
        _LOG.warning("%s: %s %s files, %.1f GB", address, verb, f"{len(sizes):,}", sum(sizes) / 1e9)
