"""The folder in which this machine works on a workspace in an object store, and its record of the store's files.

It is a folder like any other workspace. Data files of tables, segments of objects and frontiers are fetched when first
read, all other files when the workspace is opened (``storage.remote_workspace``).
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from core.errors import UsageError, WorkspaceError
from core.files import TEMPORARY, replace_file, sync_file, sync_folder, temporary_file
from core.paths import inside
from core.urls import without_secrets
from storage.files import DATABASES, FRONTIERS, OF_A_RUN, Layout, is_database, remove_database
from storage.identity import KEY_FILE
from storage.location import OWN_FOLDER, Entry, ObjectStore, in_parallel, log_large_transfer

__all__ = [
    "PLAN",
    "WORKING_COPIES",
    "CopyRecord",
    "KnownFile",
    "Stat",
    "address_of",
    "fetch",
    "fetch_all",
    "files_of",
    "held_alone",
    "is_data",
    "is_local",
    "is_store_url",
    "local_paths",
    "mark",
    "read_record",
    "segment_file",
    "stat_of",
    "store_url_of",
    "working_copy",
    "write_record",
]

WORKING_COPIES = "M5DATA_WORKING_COPIES"
"""Environment variable that names the folder of working copies."""
PLAN = Layout(Path()).manifest.as_posix()
"""File that names the data files of the commit in progress; the next writer removes those of an unfinished one."""

Stat = tuple[int, int, int]
"""Bytes, time of the last change in nanoseconds, and inode: while these are equal, so is the content."""

_LOCAL_FILES = frozenset({*OF_A_RUN, OWN_FOLDER, "prefect", "training"})
"""Top-level names that stay on this machine: files of a run, the scheduler's folder, models in training."""
_PRIVATE = (KEY_FILE, "objects/page-")
"""Path prefixes of files that only this user may read."""
_TRANSIENT_FILES = (TEMPORARY, ".sqlite-wal", ".sqlite-shm", ".sqlite-journal")
"""Suffixes of files that belong to another file."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def is_store_url(place: str | Path) -> bool:
    """Return whether a place is the URL of an object store, such as ``s3://bucket/prefix``, and not a folder."""
    return "://" in str(place) and urlsplit(str(place)).scheme != "file"


def working_copy(place: str | Path) -> Path:
    """Return the folder to work on: the one given by path or ``file:`` URL, or the working copy of a store.

    Working copies are in the folder that ``M5DATA_WORKING_COPIES`` names, else in the user's cache (``m5data`` in
    ``XDG_CACHE_HOME`` or ``~/.cache``). A missing one is created; nothing is fetched yet.

    Raises:
        UsageError: The URL names no bucket.
    """
    text = str(place)
    if not is_store_url(text):
        parts = urlsplit(text)
        return Path(unquote(parts.path)) if parts.scheme == "file" and "://" in text else Path(text)
    url = text.rstrip("/")
    parts = urlsplit(url)
    if not parts.netloc and not parts.path:
        raise UsageError(f"{without_secrets(text)}: the URL names no bucket. Write it as s3://bucket/prefix.")
    digest = hashlib.sha256(url.encode()).hexdigest()[:12]
    name = _UNSAFE.sub("-", url.rpartition("/")[2]) or "workspace"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "m5data"
    folder = Path(os.environ.get(WORKING_COPIES) or cache).absolute() / f"{name}-{digest}"
    mark(folder, url)
    return folder


def mark(folder: Path, url: str) -> None:
    """Make a folder the working copy of a store."""
    if address_of(folder) is None:
        (folder / OWN_FOLDER).mkdir(parents=True, exist_ok=True)
        replace_file(folder / OWN_FOLDER / "address", f"{url}\n{secrets.token_hex(8)}".encode(), mode=0o600)


def address_of(folder: Path) -> tuple[str, str] | None:
    """Return the URL of a working copy's store, and the copy's own token; None: it is itself the workspace.

    Raises:
        UnsafePathError: The record of the store is behind a link.
    """
    try:
        address = inside(folder, f"{OWN_FOLDER}/address").read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    url, _, token = address.partition("\n")
    return url, token


def store_url_of(folder: Path) -> str | None:
    """Return the URL of the store that a folder is the working copy of; None: it is itself the workspace."""
    named = address_of(folder)
    return named and named[0]


def is_data(path: str) -> bool:
    """Return whether a file is fetched when first read: a segment, a table's data file or a frontier."""
    return path.startswith(("objects/", f"{FRONTIERS}/")) or (path.startswith("tables/") and "/_delta_log/" not in path)


def is_local(path: str) -> bool:
    """Return whether a file stays on the machine whose run wrote it, so that a store's object of that name is none."""
    top = path.partition("/")[0]
    return (top in _LOCAL_FILES and path != PLAN) or path.endswith(_TRANSIENT_FILES)


def files_of(root: Path) -> dict[str, Stat]:
    """Return path in the workspace -> ``Stat`` of every file except ``DATABASES``, in order of paths."""
    tops = [top for top in sorted(root.iterdir()) if top.name not in _LOCAL_FILES and top.name not in DATABASES]
    found = ((path.relative_to(root).as_posix(), path) for top in [*tops, root / PLAN] for path in _inside(top))
    return {name: stat_of(path) for name, path in found if not is_local(name)}


def stat_of(path: Path) -> Stat:
    """Return the ``Stat`` of a file; that of a SQLite file includes its log."""
    facts = path.stat()
    log = path.with_name(f"{path.name}-wal")
    if path.suffix != ".sqlite" or not log.exists() or not log.stat().st_size:
        return facts.st_size, facts.st_mtime_ns, facts.st_ino
    more = log.stat()
    return facts.st_size + more.st_size, max(facts.st_mtime_ns, more.st_mtime_ns), facts.st_ino


def _inside(top: Path) -> Iterator[Path]:
    if top.is_file():
        yield top
        return
    for folder, folders, names in os.walk(top):
        folders.sort()
        paths = (Path(folder) / name for name in sorted(names))
        yield from (path for path in paths if path.is_file())


@dataclass(frozen=True, slots=True)
class KnownFile:
    """One object of the store as this working copy last saw it."""

    tag: str
    stat: Stat | None
    """``Stat`` of the file here when it had the object's content; with inode 0, the one that it will have once fetched.
    None: the file here differs, or was removed."""

    @staticmethod
    def of(entry: Entry) -> "KnownFile":
        """Return the record of an object that was not fetched."""
        return KnownFile(entry.etag, (entry.size, _moment(entry), 0))

    @property
    def is_lazy(self) -> bool:
        """Whether the file was not fetched when this was written: if it is missing here, it was not removed."""
        return self.stat is not None and not self.stat[2]

    def is_at(self, stat: Stat) -> bool:
        """Return whether a file here has the object's content."""
        return self.stat is not None and (self.stat == stat or (self.is_lazy and self.stat[:2] == stat[:2]))


@dataclass(frozen=True, slots=True)
class CopyRecord:
    """A working copy's knowledge of its store."""

    files: Mapping[str, KnownFile] = field(default_factory=dict)
    """Path in the workspace -> its object."""
    databases: Mapping[str, str] = field(default_factory=dict)
    """SQLite file -> its SHA-256 as stored; empty if it was only read since it was fetched."""
    incomplete: bool = False
    """Whether files are being fetched, so that the copy is unusable until that ends."""


def read_record(root: Path) -> CopyRecord:
    """Read the record of a working copy.

    Raises:
        WorkspaceError: It is damaged.
    """
    try:
        data: dict[str, Any] = json.loads(_record_path(root).read_bytes())
        files = {
            path: KnownFile(tag, stat and (stat[0], stat[1], stat[2])) for path, (tag, stat) in data["files"].items()
        }
        return CopyRecord(files, data.get("databases", {}), data["incomplete"])
    except FileNotFoundError:
        return CopyRecord()
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise WorkspaceError(
            f"{_record_path(root)}: damaged ({error}). Remove the folder {root}; the next command fetches it again."
        ) from error


def write_record(root: Path, record: CopyRecord) -> None:
    """Write the record, synced on return."""
    files = {path: (known.tag, known.stat) for path, known in record.files.items()}
    replace_file(_record_path(root), json.dumps({**asdict(record), "files": files}).encode())


def _record_path(root: Path) -> Path:
    return root / OWN_FOLDER / "record.json"


def local_paths(root: Path, names: Sequence[str]) -> list[Path]:
    """Return the local paths of a workspace's files; those that a working copy lacks are fetched first.

    Processes that need the same files wait for the first of them. A path does not exist if the store does not know
    the file either.

    Args:
        root: The workspace's folder.
        names: Paths in it of files that are fetched when first read.

    Raises:
        WorkspaceError: The store has removed one since this copy was brought up to date, or a name leads out of it.
        ObjectStoreError: The store does not answer.
    """
    paths = [inside(root, name) for name in names]
    url = store_url_of(root)
    if url is not None and not all(path.exists() for path in paths):
        with held_alone(root, "fetching.lock"):
            lacking = {name for name in names if not (root / name).exists()}
            _fetch_data(root, url, {name: one for name, one in read_record(root).files.items() if name in lacking})
    return paths


@contextmanager
def held_alone(root: Path, name: str) -> Iterator[None]:
    """Hold a lock of this machine's processes, a file beside the record of a working copy."""
    with inside(root, f"{OWN_FOLDER}/{name}").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def segment_file(root: Path, name: str) -> Path:
    """Return the local path of a segment of objects, like ``local_paths``."""
    return local_paths(root, [f"objects/{name}"])[0]


def fetch_all(root: Path, start: str | tuple[str, ...] = "") -> None:
    """Fetch all files that a working copy lacks so far, so that removing one here also removes it in the store.

    Requires the lock; call it before taking a listing of the folder as complete. Does nothing without a store.

    Args:
        root: The workspace's folder.
        start: Prefix of the files' paths in the workspace, or several.

    Raises:
        WorkspaceError, ObjectStoreError: As for ``local_paths``.
    """
    record = read_record(root)
    lacking = {
        path: known
        for path, known in record.files.items()
        if is_data(path)
        and path.startswith(start)
        and (known.is_lazy or (known.stat is None and path.startswith("objects/")))
    }
    if lacking:
        stats = dict(zip(lacking, map(stat_of, local_paths(root, [*lacking])), strict=True))
        same = {path: KnownFile(known.tag, stats[path]) for path, known in lacking.items() if known.is_at(stats[path])}
        write_record(root, replace(record, files={**record.files, **same}))


def fetch(place: ObjectStore, root: Path, path: str, tag: str) -> bool:
    """Fetch a file into the working copy atomically; False: the store has another one by now, or none.

    Raises:
        ObjectStoreError: The store does not answer.
    """
    target = inside(root, path)
    name = hashlib.sha256(path.encode()).hexdigest()[:32]
    with temporary_file(root / OWN_FOLDER / name, mode=0o600 if path.startswith(_PRIVATE) else None) as file:
        temporary = Path(file.name)
        entry = place.fetch(path, temporary)
        if entry is None or entry.etag != tag:
            return False
        os.utime(temporary, ns=(_moment(entry), _moment(entry)))
        sync_file(temporary)
        target.parent.mkdir(parents=True, exist_ok=True)
        if is_database(path):
            remove_database(target)
        temporary.replace(target)
        sync_folder(target.parent)
    return True


def _fetch_data(root: Path, url: str, wanted: Mapping[str, KnownFile]) -> None:
    place = ObjectStore(url)
    log_large_transfer(place.url, "fetching", [known.stat[0] for known in wanted.values() if known.stat])
    fetched = in_parallel(lambda path: fetch(place, root, path, wanted[path].tag), wanted)
    for path, is_same in zip(wanted, fetched, strict=True):
        if not is_same:
            raise WorkspaceError(
                f"{place.url}: another machine has changed {path} since this workspace was opened. Open it again."
            )


def _moment(entry: Entry) -> int:
    """Return when an object was stored, in nanoseconds."""
    return int(entry.modified.timestamp()) * 1_000_000_000
