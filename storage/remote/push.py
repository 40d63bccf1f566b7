"""Store the changes of a working copy."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from m5data.errors import WorkspaceError
from storage.files import Layout, file_sha256, temporary_file
from storage.remote.local_copy import OWN_FOLDER, STATE, Record, Stat, files_of, is_segment, stat_of, write_record
from storage.remote.manifest import FILES, NOTHING, Entry, Manifest, store_manifest
from storage.remote.object_store import ObjectStore, in_parallel, log_large_transfer
from storage.state import ObjectIndex, State
from storage.versions import latest_number

__all__ = ["push", "store_list"]

_TRIES = 3
_TICK_NS = 2_000_000_000
"""Coarsest resolution of modification times."""


@dataclass(frozen=True, slots=True)
class _Put:
    """A stored file, its entry, and its stat before it was read."""

    path: str
    entry: Entry
    stat: Stat


def push(store: ObjectStore, root: Path, record: Record) -> Record:
    """Store all changes, then the list of files, then remove objects that no list names any more.

    The state is copied first, so that the segments hold everything it knows of them. After a kill at any instant the
    store holds the files of the old list or those of the new one.

    Args:
        store: Target.
        root: The working copy; its lock and the lease are held.
        record: Its record.

    Returns:
        The new record.

    Raises:
        WorkspaceError: Another machine stored something meanwhile.
        ObjectStoreError: The store does not answer.
    """
    base, token, began = record.manifest or NOTHING, secrets.token_hex(8), time.time_ns()
    puts = [_put_state(store, root, record, token)]
    here = files_of(root)
    same = {path: stat for path, stat in here.items() if path in base.files and record.stats.get(path) == stat}
    changed = [path for path in here if path not in same]
    log_large_transfer(store.url, "storing", [here[path][0] for path in changed])
    puts += in_parallel(lambda path: _put(store, root / path, path, base.files.get(path), token), changed)
    files = {path: base.files[path] for path in (*same, *_elsewhere(root, base, here))}
    files |= {put.path: put.entry for put in puts}
    stats = _certain({**same, **{put.path: put.stat for put in puts}}, began)
    if files == base.files:
        after = replace(record, stats=stats)
        if stats != record.stats:
            write_record(root, after)
        return after
    manifest = base.after(latest_number(Layout(root)), files)
    return store_list(store, root, replace(record, stats=stats), manifest)


def _certain(stats: Mapping[str, Stat], began: int) -> dict[str, Stat]:
    """Leave out files changed so recently that a further change could look the same; they are read again."""
    return {path: stat for path, stat in stats.items() if stat[1] < began - _TICK_NS}


def store_list(store: ObjectStore, root: Path, record: Record, manifest: Manifest) -> Record:
    """Make a manifest the newest one, and remove objects that only its predecessor named."""
    before = record.manifest
    old = before.files if before else {}
    common = {path: stat for path, stat in record.stats.items() if old.get(path) == manifest.files.get(path)}
    write_record(root, replace(record, stats=common, pushing=manifest))
    store_manifest(store, manifest)
    after = Record(manifest, record.stats)
    write_record(root, after)
    if before is not None:
        named = {entry.key for entry in manifest.files.values()}
        store.remove(entry.key for entry in before.files.values() if entry.key not in named)
    return after


def _put(store: ObjectStore, file: Path, path: str, known: Entry | None, token: str) -> _Put:
    """Store a file as the workspace's ``path``, unless its content is stored already."""
    for _ in range(_TRIES):
        stat, digest, mode = stat_of(file), file_sha256(file), file.stat().st_mode & 0o777
        if known is not None and (known.sha256, known.mode) == (digest, mode):
            return _Put(path, known, stat)
        entry = Entry(f"{FILES}/{path}~{token}", stat[0], digest, mode)
        store.upload(file, entry.key)
        if stat_of(file) == stat:
            return _Put(path, entry, stat)
    raise WorkspaceError(f"{file}: changed while it was stored. End the program that writes it, and run again.")


def _put_state(store: ObjectStore, root: Path, record: Record, token: str) -> _Put:
    """Store a copy of the state as of one moment, unless it has not changed."""
    known = record.manifest.files.get(STATE) if record.manifest else None
    stat = _state_stat(root)
    if known is not None and record.stats.get(STATE) == stat:
        return _Put(STATE, known, stat)
    with temporary_file(root / OWN_FOLDER / STATE) as file:
        State(root / STATE).copy_to(Path(file.name))
        put = _put(store, Path(file.name), STATE, known, token)
    return replace(put, stat=stat)


def _state_stat(root: Path) -> Stat:
    """Return one stat for the state and its log."""
    size, changed, inode = stat_of(root / STATE)
    log = root / f"{STATE}-wal"
    more = stat_of(log) if log.exists() else (0, 0, 0)
    return size + more[0], max(changed, more[1]), inode


def _elsewhere(root: Path, base: Manifest, here: Mapping[str, Stat]) -> list[str]:
    """Return the stored segments that are not on this machine and that the index of objects still knows."""
    absent = [path for path in base.files if is_segment(path) and path not in here]
    if not absent:
        return []
    index = ObjectIndex(State(root / STATE))
    known = index.segments()
    index.close()
    return [path for path in absent if path.removeprefix("objects/") in known]
