"""A working copy's files, and its record of what the store holds."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from m5data.errors import WorkspaceError
from storage.files import OF_A_RUN, TEMPORARY, replace_file
from storage.remote.manifest import Manifest

__all__ = [
    "OWN_FOLDER",
    "STATE",
    "Record",
    "Stat",
    "files_of",
    "is_segment",
    "read_record",
    "stat_of",
    "write_record",
]

OWN_FOLDER = ".m5data"
"""Folder in a working copy with its knowledge of the store."""
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
    """A working copy's knowledge of its store."""

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
