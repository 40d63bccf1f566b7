"""Migration of a workspace from an older format to the one that this version reads.

The steps in ``_STEPS`` lead from each format to the next. They can be repeated: run a killed migration again.
"""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from core.errors import DataError, WorkspaceError
from crawler.media.queue import move_queue
from crawler.rebuild_state import move_frontiers
from export.folders import LocalFolder
from export.manifest import MANIFEST, write_manifest
from storage import Store
from storage.copying import copy_files
from storage.home import Home
from storage.identity import FORMAT, KEY_FILE, Identity, fingerprint_of, read_identity, write_identity
from takedown.register import key_fault, write_copy

__all__ = ["migrate"]


def migrate(root: Path, *, dry_run: bool = False, backup: Path | None = None) -> list[str]:
    """Bring a workspace to this version's format, and return the changes, one line each; none if it is up to date.

    Args:
        root: The workspace's folder, or the working copy of an object store.
        dry_run: Change nothing.
        backup: New folder to which the workspace is copied before anything changes; None: no copy.

    Raises:
        WorkspaceError: It is not a workspace, a newer m5data wrote it, or another run holds it.
        DataError: Something that take-downs or exports need is lost; nothing was changed.
    """
    root = root.absolute()
    home = Home.of(root)
    if home is not None:
        home.refresh()
    store = Store.open(root, any_format=True)
    identity = read_identity(root)
    if identity.format > FORMAT:
        raise WorkspaceError(f"{root}: a newer m5data wrote this workspace. Upgrade m5data.")
    if identity.format == FORMAT:
        return []
    with store.lock():
        steps = [step for number in range(identity.format, FORMAT) for step in _STEPS[number]]
        lines = [line for step in steps for line in step(store, dry_run=True)]
        if dry_run:
            return lines
        if backup is not None:
            if backup.exists() or backup.absolute().is_relative_to(root):
                raise WorkspaceError(
                    f"--backup {backup}: a copy needs a new folder outside the workspace; name another"
                )
            copy_files(root, backup.absolute())
        for step in steps:
            step(store, dry_run=False)
        write_identity(root, replace(_identity(root), format=FORMAT))
    return lines


def _identity(root: Path) -> Identity:
    key = root / KEY_FILE
    return Identity(FORMAT, fingerprint_of(key.read_bytes()) if key.exists() else None)


def _note_key(store: Store, *, dry_run: bool) -> list[str]:
    """Check that the key exists if anything was made with it; ``migrate`` records its fingerprint at the end."""
    del dry_run
    if (store.root / KEY_FILE).exists():
        if fault := key_fault(store.root, (store.root / KEY_FILE).read_bytes()):
            raise DataError(fault)
        return [f"{KEY_FILE}: its fingerprint goes into workspace.json"]
    with closing(store.state.connect_reading()) as connection:
        rooms = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE name = 'tombstones'")}
        keyed = bool(rooms) and connection.execute("SELECT 1 FROM tombstones LIMIT 1").fetchone() is not None
    query = "SELECT 1 FROM products WHERE merchant IS NOT NULL LIMIT 1"
    if keyed or store.snapshot().sql(query).num_rows:
        raise DataError(
            f"{store.root / KEY_FILE}: missing, but take-downs or merchants were made with it. "
            "Restore it from a backup."
        )
    return []


def _copy_register(store: Store, *, dry_run: bool) -> list[str]:
    """Write the second copy of the register."""
    if not dry_run:
        write_copy(store.state)
    return ["takedown.register: a second copy of the take-downs' hashes"]


def _split_exports(store: Store, *, dry_run: bool) -> list[str]:
    """Give each format of an export a manifest in its own folder."""
    lines = []
    for folder in _old_exports(store):
        content: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
        splits: Mapping[str, Mapping[str, Any]] = content["splits"]
        for form in sorted({form for shards in splits.values() for form in shards}):
            lines.append(f"{folder / form}: a manifest of its own")
            if not dry_run and (folder / form).is_dir():
                own = {split: shards[form] for split, shards in splits.items() if form in shards}
                write_manifest(LocalFolder(folder / form), {**content, "format": form, "splits": own})
        if not dry_run:
            (folder / MANIFEST).unlink()
    return lines


def _old_exports(store: Store) -> list[Path]:
    """Return the folders on this machine that hold one manifest for all formats."""
    with closing(store.state.connect_reading()) as connection:
        known = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'exports'").fetchone()
        noted = connection.execute("SELECT DISTINCT folder FROM exports").fetchall() if known else []
    places = {store.root / place for (place,) in noted if "://" not in place}
    places |= {path.parent for path in (store.root / "shards").glob(f"*/{MANIFEST}")}
    return sorted(place for place in places if (place / MANIFEST).is_file() and not _is_own(place / MANIFEST))


def _is_own(path: Path) -> bool:
    """Return whether a manifest is for a single format."""
    return "format" in json.loads(path.read_bytes())


class _Step(Protocol):
    """One change to a workspace; returns a line for each thing that it does, or would do."""

    def __call__(self, store: Store, *, dry_run: bool) -> list[str]: ...


_STEPS: Mapping[int, tuple[_Step, ...]] = MappingProxyType(
    {1: (_note_key, _copy_register, _split_exports), 2: (move_queue, move_frontiers)}
)
"""Format -> the steps that lead to the next one."""
