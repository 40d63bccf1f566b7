"""The working copy of an object store on this machine."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from m5data.errors import UsageError, WorkspaceError
from storage.files import OF_A_RUN, TEMPORARY, replace_file
from storage.remote.manifest import Manifest

__all__ = [
    "OWN_FOLDER",
    "STATE",
    "WORKING_COPIES",
    "Record",
    "Stat",
    "files_of",
    "is_segment",
    "is_store_url",
    "mark",
    "read_record",
    "stat_of",
    "store_url_of",
    "working_copy",
    "write_record",
]

WORKING_COPIES = "M5DATA_WORKING_COPIES"
"""Environment variable that names the folder of working copies."""
OWN_FOLDER = ".m5data"
"""Folder in a working copy with its knowledge of the store."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def is_store_url(place: str | Path) -> bool:
    """Return whether a place is the URL of an object store, such as ``s3://bucket/prefix``, and not a folder."""
    return "://" in str(place) and urlsplit(str(place)).scheme != "file"


def working_copy(place: str | Path) -> Path:
    """Return the folder to work on: the one given by path or ``file:`` URL, or the working copy of a store.

    Working copies lie in the folder that ``M5DATA_WORKING_COPIES`` names, else in the user's cache (``m5data`` in
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
        raise UsageError(f"{text}: the URL names no bucket. Write it as s3://bucket/prefix.")
    digest = hashlib.sha256(url.encode()).hexdigest()[:12]
    name = _UNSAFE.sub("-", url.rpartition("/")[2]) or "workspace"
    folder = _parent().absolute() / f"{name}-{digest}"
    mark(folder, url)
    return folder


def mark(folder: Path, url: str) -> None:
    """Make a folder the working copy of a store."""
    if store_url_of(folder) is None:
        (folder / OWN_FOLDER).mkdir(parents=True, exist_ok=True)
        replace_file(_path(folder), url.encode())


def store_url_of(folder: Path) -> str | None:
    """Return the URL of the store that a folder is the working copy of; None: it is a workspace of its own."""
    try:
        return _path(folder).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None


def _path(folder: Path) -> Path:
    return folder / OWN_FOLDER / "address"


def _parent() -> Path:
    named = os.environ.get(WORKING_COPIES)
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "m5data"


STATE = "state.sqlite"

Stat = tuple[int, int, int]
"""Bytes, time of the last change in nanoseconds, and inode: while these are equal, so is the content."""

_OF_THE_MACHINE = frozenset({*OF_A_RUN, OWN_FOLDER, "prefect", "training"})
"""Names at the top that stay on this machine: files of a run, the scheduler's folder, models in training."""


def files_of(root: Path) -> dict[str, Stat]:
    """Return path in the workspace -> ``Stat`` of every file but the state, in order of paths."""
    tops = (top for top in sorted(root.iterdir()) if top.name not in _OF_THE_MACHINE and top.name != STATE)
    found = (path for top in tops for path in _inside(top))
    return {path.relative_to(root).as_posix(): stat_of(path) for path in found if not path.name.endswith(TEMPORARY)}


def stat_of(path: Path) -> Stat:
    """Return the ``Stat`` of a file."""
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns, facts.st_ino


def is_segment(path: str) -> bool:
    """Return whether a file of the workspace is a segment of objects, which is fetched when it is first read."""
    return path.startswith("objects/")


def _inside(top: Path) -> Iterator[Path]:
    if top.is_file():
        yield top
        return
    for folder, folders, names in os.walk(top):
        folders.sort()
        paths = (Path(folder) / name for name in sorted(names))
        yield from (path for path in paths if path.is_file())


@dataclass(frozen=True, slots=True)
class Record:
    """What a working copy knows of its store."""

    manifest: Manifest | None = None
    """Manifest whose files the copy has; None: none yet."""
    stats: Mapping[str, Stat] = field(default_factory=dict)
    """Path -> ``Stat`` of the file when its content was that of the manifest."""
    pushing: Manifest | None = None
    """Manifest that is being stored: the process may die before it knows the outcome."""
    pulling: Manifest | None = None
    """Manifest whose files are being fetched: the copy is incomplete until that ends."""


def read_record(root: Path) -> Record:
    """Read the record of a working copy.

    Raises:
        WorkspaceError: It is damaged.
    """
    try:
        data: dict[str, Any] = json.loads(_record_path(root).read_bytes())
        return Record(
            _manifest(data["manifest"]),
            {path: (size, changed, inode) for path, (size, changed, inode) in data["stats"].items()},
            _manifest(data["pushing"]),
            _manifest(data["pulling"]),
        )
    except FileNotFoundError:
        return Record()
    except (ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(
            f"{_record_path(root)}: damaged ({error}). Remove the folder {root}; the next command fetches it again."
        ) from error


def write_record(root: Path, record: Record) -> None:
    """Write the record, synced when this returns."""
    replace_file(_record_path(root), json.dumps(asdict(record)).encode())


def _record_path(root: Path) -> Path:
    return root / OWN_FOLDER / "record.json"


def _manifest(values: dict[str, Any] | None) -> Manifest | None:
    return None if values is None else Manifest.decode(json.dumps(values).encode())
