"""Segments of objects: fetched from the store when the first object in them is read."""

import fcntl
from pathlib import Path

from m5data.errors import WorkspaceError
from storage.layout import Layout
from storage.remote.address import OWN_FOLDER, address_of
from storage.remote.fetching import fetch
from storage.remote.object_store import ObjectStore
from storage.remote.record import read_record
from storage.remote.telling import tell_if_large

__all__ = ["segment_file"]


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
