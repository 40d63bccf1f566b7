"""Paths inside a workspace or an export: names that data gives never lead out of it, and links are not followed."""

import os
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from core.errors import WorkspaceError
from storage.files import DATABASES, FRONTIERS

__all__ = ["UnsafePathError", "check_links", "files_below", "inside", "is_plain", "links_below"]

_LONGEST = 1024
_FLAT = ("objects", "logs", "versions", "receipts", "certificates", "reports", "spool", "staging", FRONTIERS)
"""Folders of a workspace whose entries m5data opens and replaces."""
_TREES = ("tables", "shards")
"""Folders whose folders m5data writes to."""
_ONE_FILES = frozenset(
    {*DATABASES, *(f"{name}-{log}" for name in DATABASES for log in ("wal", "shm")), "lock", "children.lock",
     "secret.key", "workspace.json", "takedown.register", "takedown.pending", "takedown.journal", "repair.pending",
     ".m5data", "prefect"}
)  # fmt: skip


class UnsafePathError(WorkspaceError):
    """A path leaves its folder, or is a link."""


def is_plain(name: str) -> bool:
    """Return whether a name is a relative path in normal form: no ``..``, no empty part, no control character."""
    parts = name.split("/")
    if not name or len(name) > _LONGEST or any(part in {"", ".", ".."} for part in parts):
        return False
    return all(unicodedata.category(character) not in {"Cc", "Cs"} for character in name)


def inside(root: Path, name: str) -> Path:
    """Return the path of a file or folder below ``root``, which need not exist.

    Args:
        root: A folder; it may itself be reached by a link.
        name: Path relative to it, with slashes, from a manifest, a log, a bucket's key or another file.

    Raises:
        UnsafePathError: The name leads out of the folder, or a part of it is a link.
    """
    if not is_plain(name):
        raise UnsafePathError(f"{root}: {name!r} does not name a file inside it. Remove what names it.")
    path = root
    for part in name.split("/"):
        path /= part
        if path.is_symlink():
            raise UnsafePathError(_is_link(path))
    return path


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the regular files in a folder and below, sorted; links are neither yielded nor followed."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for place, folders, names in os.walk(folder):
        folders.sort()
        paths = (Path(place) / name for name in sorted(names))
        yield from (path for path in paths if path.is_file() and not path.is_symlink())


def links_below(folder: Path) -> Iterator[Path]:
    """Yield the links in a folder and below, sorted."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from (path for path in (Path(place) / name for name in sorted([*folders, *names])) if path.is_symlink())


def check_links(root: Path) -> None:
    """Refuse a workspace in which a link stands for something that m5data writes to, edits or removes.

    Data files of tables are never opened for writing; their folders are.

    Raises:
        UnsafePathError: The first link, with the remedy.
    """
    for name in (*_FLAT, *_TREES):
        _refuse(link for link in [root / name] if link.is_symlink())
    _refuse(link for link in _links_in(root) if link.name in _ONE_FILES)
    for name in _FLAT:
        _refuse(_links_in(root / name))
    for name in _TREES:
        for folder in _folders_in(root / name):
            for inner in [folder, *_folders_in(folder)]:
                _refuse(_links_in(inner))
        _refuse(_links_in(root / name))


def _refuse(links: Iterator[Path]) -> None:
    for link in links:
        raise UnsafePathError(_is_link(link))


def _is_link(path: Path) -> str:
    return (
        f"{path}: a link, and m5data follows none inside a workspace. Put what it points to in its place, or remove it."
    )


def _links_in(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        yield from sorted(Path(entry.path) for entry in entries if entry.is_symlink())


def _folders_in(folder: Path) -> list[Path]:
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    return []
