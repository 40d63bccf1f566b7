"""Paths inside a folder: names that data gives never lead out of it, and links are not followed."""

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from core.errors import WorkspaceError

__all__ = ["UnsafePathError", "files_below", "inside", "is_file_name", "is_plain", "link_error", "links_below"]

_LONGEST, _LONGEST_PART = 1024, 255
"""Characters of a path, and bytes of one name, that every file system takes."""


class UnsafePathError(WorkspaceError):
    """A path leaves its folder, or is a link."""


def is_plain(name: str) -> bool:
    """Return whether a name is a relative path in normal form: no ``..``, no empty part, no control character.

    One that is too long for a file is none either.
    """
    parts = name.split("/")
    if not name or len(name) > _LONGEST or any(part in {"", ".", ".."} for part in parts):
        return False
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        return False
    return all(len(part.encode()) <= _LONGEST_PART for part in parts)


def is_file_name(name: str) -> bool:
    """Return whether a name is plain, and that of one file and not of a path."""
    return is_plain(name) and "/" not in name


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
            raise link_error(path)
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


def link_error(path: Path) -> UnsafePathError:
    """Return the error that a path is a link."""
    return UnsafePathError(
        f"{path}: a link, and m5data follows none inside a workspace. Put what it points to in its place, or remove it."
    )
