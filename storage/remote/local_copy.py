"""A working copy's files, and its record of which of them the store has."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from m5data.errors import WorkspaceError
from storage.files import DATABASES, OF_A_RUN, TEMPORARY, Layout, replace_file
from storage.place import OWN_FOLDER

__all__ = [
    "PLAN",
    "Known",
    "Record",
    "Stat",
    "files_of",
    "is_segment",
    "read_record",
    "stat_of",
    "write_record",
]

PLAN = Layout(Path()).manifest.as_posix()
"""Names the data files of the commit that is being stored: the next writer removes those of one that did not end."""

Stat = tuple[int, int, int]
"""Bytes, time of the last change in nanoseconds, and inode: while these are equal, so is the content."""

_OF_THE_MACHINE = frozenset({*OF_A_RUN, OWN_FOLDER, "prefect", "training"})
"""Names at the top that stay on this machine: files of a run, the scheduler's folder, models in training."""


def files_of(root: Path) -> dict[str, Stat]:
    """Return path in the workspace -> ``Stat`` of every file but ``DATABASES``, in order of paths."""
    tops = [top for top in sorted(root.iterdir()) if top.name not in _OF_THE_MACHINE and top.name not in DATABASES]
    found = (path for top in [*tops, root / PLAN] for path in _inside(top))
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
class Known:
    """One object of the store as this working copy last saw it."""

    tag: str
    stat: Stat | None
    """Of the file here when it had the object's content; None: there is none, or it has changed."""


@dataclass(frozen=True, slots=True)
class Record:
    """A working copy's knowledge of its store."""

    files: Mapping[str, Known] = field(default_factory=dict)
    """Path in the workspace -> its object."""
    databases: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of each of ``DATABASES`` as stored."""
    incomplete: bool = False
    """Whether files are being fetched, so that the copy is none until that ends."""


def read_record(root: Path) -> Record:
    """Read the record of a working copy.

    Raises:
        WorkspaceError: It is damaged.
    """
    try:
        data: dict[str, Any] = json.loads(_record_path(root).read_bytes())
        files = {path: Known(tag, stat and (stat[0], stat[1], stat[2])) for path, (tag, stat) in data["files"].items()}
        return Record(files, data.get("databases", {}), data["incomplete"])
    except FileNotFoundError:
        return Record()
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise WorkspaceError(
            f"{_record_path(root)}: damaged ({error}). Remove the folder {root}; the next command fetches it again."
        ) from error


def write_record(root: Path, record: Record) -> None:
    """Write the record, synced when this returns."""
    files = {path: (known.tag, known.stat) for path, known in record.files.items()}
    replace_file(_record_path(root), json.dumps({**asdict(record), "files": files}).encode())


def _record_path(root: Path) -> Path:
    return root / OWN_FOLDER / "record.json"
