"""Paths inside a workspace or an export: names that data gives never lead out of it, and links are not followed."""

import os
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from core.errors import WorkspaceError
from storage.files import DATABASES, FRONTIERS

__all__ = [
    "UnsafePathError",
    "check_links",
    "files_below",
    "inside",
    "is_file_name",
    "is_plain",
    "links_below",
    "oddities",
]

_LONGEST = 1024
_FLAT = ("objects", "logs", "versions", "receipts", "certificates", "reports", "spool", "staging", FRONTIERS)
"""Folders of a workspace whose entries m5data opens and replaces."""
_CHANGED_IN_PLACE = frozenset({"objects", "logs", FRONTIERS})
"""Those of them whose files m5data changes without replacing them."""
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


def oddities(root: Path) -> Iterator[str]:
    """Yield a line about each entry of a folder that m5data never makes there, by path; links are not followed.

    These are links, files with a second name (hard links), devices, pipes and sockets, names with control characters,
    and names that other file systems take for those of their neighbours.
    """
    for place, folders, names in os.walk(root):
        folders.sort()
        alike: dict[str, list[str]] = defaultdict(list)
        for name in sorted([*folders, *names]):
            path = Path(place) / name
            alike[unicodedata.normalize("NFC", name).casefold()].append(name)
            fault = "its name has control characters, or is no text" if not is_plain(name) else _fault(path)
            if fault:
                yield f"{_shown(path)}: {fault}"
        for one, *others in alike.values():
            yield from (
                f"{_shown(Path(place) / other)}: on some file systems the same name as {one}" for other in others
            )


def check_links(root: Path) -> None:
    """Refuse a workspace in which something stands for what m5data writes to, edits or removes, but is none of it.

    That is a link, a pipe or device and, for what is changed in place, a file with a second name. Data files of tables
    are never opened for writing; their folders are.

    Raises:
        UnsafePathError: The first one, with the remedy.
    """
    for name in (*_FLAT, *_TREES):
        _refuse(path for path in [root / name] if path.is_symlink())
    _refuse(path for path in _odd_in(root, in_place=True) if path.name in _ONE_FILES)
    for name in _FLAT:
        _refuse(_odd_in(root / name, in_place=name in _CHANGED_IN_PLACE))
    for name in _TREES:
        for folder in _folders_in(root / name):
            for inner in [folder, *_folders_in(folder)]:
                _refuse(_odd_in(inner))
        _refuse(_odd_in(root / name))


def _refuse(found: Iterator[Path]) -> None:
    for path in found:
        raise UnsafePathError(_is_link(path) if path.is_symlink() else f"{_shown(path)}: {_fault(path)}. {_REMEDY}")


_REMEDY = "Put a file of its own in its place, or remove it."


def _is_link(path: Path) -> str:
    return (
        f"{path}: a link, and m5data follows none inside a workspace. Put what it points to in its place, or remove it."
    )


def _fault(path: Path) -> str | None:
    """Return what is odd about an entry of a folder, whatever its name."""
    facts = path.lstat()
    if stat.S_ISLNK(facts.st_mode):
        return f"a link to {_shown(path.readlink())}"
    if stat.S_ISREG(facts.st_mode):
        return f"a file with {facts.st_nlink} names (hard links)" if facts.st_nlink > 1 else None
    return None if stat.S_ISDIR(facts.st_mode) else "a pipe, a socket or a device"


def _shown(path: Path) -> str:
    return os.fsencode(path).decode(errors="backslashreplace")


def _odd_in(folder: Path, *, in_place: bool = False) -> Iterator[Path]:
    """Yield the entries of a folder that are neither files nor folders; with ``in_place``, hard links as well."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in found:
        is_file = entry.is_file(follow_symlinks=False)
        if not (is_file or entry.is_dir(follow_symlinks=False)) or (is_file and in_place and entry.stat().st_nlink > 1):
            yield Path(entry.path)


def _folders_in(folder: Path) -> list[Path]:
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    return []
