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
    "address_of",
    "files_of",
    "is_address",
    "is_segment",
    "mark",
    "read_record",
    "stat_of",
    "working_copy",
    "write_record",
]

WORKING_COPIES = "M5DATA_WORKING_COPIES"
"""Environment variable: the folder that working copies lie in."""
OWN_FOLDER = ".m5data"
"""Folder of a working copy that holds what is known of its store."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def is_address(place: str | Path) -> bool:
    """Tell whether a place is an address of an object store, e.g. ``s3://bucket/prefix``, and no folder."""
    return "://" in str(place) and urlsplit(str(place)).scheme != "file"


def working_copy(place: str | Path) -> Path:
    """Return the folder to work on: the one named, by path or ``file:`` address, or the working copy of a store.

    A working copy lies in the folder that ``M5DATA_WORKING_COPIES`` names, else in the user's cache (``m5data`` in
    ``XDG_CACHE_HOME`` or ``~/.cache``). It is made if need be; nothing is fetched yet.

    Raises:
        UsageError: The address names no bucket.
    """
    text = str(place)
    if not is_address(text):
        parts = urlsplit(text)
        return Path(unquote(parts.path)) if parts.scheme == "file" and "://" in text else Path(text)
    address = text.rstrip("/")
    parts = urlsplit(address)
    if not parts.netloc and not parts.path:
        raise UsageError(f"{text}: wanted an address such as s3://bucket/prefix, it names no bucket; add it")
    digest = hashlib.sha256(address.encode()).hexdigest()[:12]
    name = _UNSAFE.sub("-", address.rpartition("/")[2]) or "workspace"
    folder = _parent().absolute() / f"{name}-{digest}"
    mark(folder, address)
    return folder


def mark(folder: Path, address: str) -> None:
    """Make a folder the working copy of a store."""
    if address_of(folder) is None:
        (folder / OWN_FOLDER).mkdir(parents=True, exist_ok=True)
        replace_file(_path(folder), address.encode())


def address_of(folder: Path) -> str | None:
    """Return the address that a folder is the working copy of; None: it is a workspace of its own."""
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
"""Bytes, time of the last change in nanoseconds, inode: as long as they are equal the content is taken to be."""

_OF_THE_MACHINE = frozenset({*OF_A_RUN, OWN_FOLDER, "prefect", "training"})
"""Folders and files that stay here: those of a run, the scheduler's own, and models in the making."""


def files_of(root: Path) -> dict[str, Stat]:
    """Return path in the workspace -> how the file looks, in order, for all but the state."""
    tops = (top for top in sorted(root.iterdir()) if top.name not in _OF_THE_MACHINE and top.name != STATE)
    found = (path for top in tops for path in _inside(top))
    return {path.relative_to(root).as_posix(): stat_of(path) for path in found if not path.name.endswith(TEMPORARY)}


def stat_of(path: Path) -> Stat:
    """Return how a file looks."""
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns, facts.st_ino


def is_segment(path: str) -> bool:
    """Tell whether a file of the workspace is a segment of objects: fetched when it is read."""
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
    """The state of a working copy."""

    manifest: Manifest | None = None
    """The manifest whose files it has; None: it has none yet."""
    stats: Mapping[str, Stat] = field(default_factory=dict)
    """Path -> how the file looked when its content was that of the manifest."""
    pushing: Manifest | None = None
    """Manifest that is about to be stored: this process may die before it knows."""
    pulling: Manifest | None = None
    """Manifest whose files are being fetched: until that is done the copy is none."""


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
            f"{_record_path(root)}: damaged ({error}); remove the folder {root}: it is fetched anew"
        ) from error


def write_record(root: Path, record: Record) -> None:
    """Keep the record; it is on the disk when this returns."""
    replace_file(_record_path(root), json.dumps(asdict(record)).encode())


def _record_path(root: Path) -> Path:
    return root / OWN_FOLDER / "record.json"


def _manifest(values: dict[str, Any] | None) -> Manifest | None:
    return None if values is None else Manifest.decode(json.dumps(values).encode())
