"""Fetching one file, checked."""

import hashlib
from pathlib import Path

from m5data.errors import CorruptObjectError
from storage.durable import sync_file, sync_folder
from storage.file_hash import file_sha256
from storage.remote.address import OWN_FOLDER
from storage.remote.manifest import Entry
from storage.remote.object_store import ObjectStore

__all__ = ["fetch"]


def fetch(store: ObjectStore, entry: Entry, root: Path, path: str) -> bool:
    """Make a stored file one of the working copy, whole or not at all; False: the store has removed it.

    Raises:
        CorruptObjectError: Its bytes are not those that were stored.
        ObjectStoreError: The store does not answer.
    """
    target, name = root / path, hashlib.sha256(path.encode()).hexdigest()[:32]
    draft = root / OWN_FOLDER / f"{name}.draft"  # the same for each try: a killed one leaves nothing for long
    try:
        if not store.download(entry.key, draft):
            return False
        got = file_sha256(draft)
        if got != entry.sha256:
            raise CorruptObjectError(
                f"{store.address}/{entry.key}: wanted the bytes of {entry.sha256}, got those of {got}; restore a backup"
            )
        draft.chmod(entry.mode)
        sync_file(draft)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.replace(target)
        sync_folder(target.parent)
    finally:
        draft.unlink(missing_ok=True)
    return True
