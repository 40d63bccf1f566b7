"""Links and other entries of a workspace that m5data never makes, found without following them."""

import os
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from core.paths import UnsafePathError, is_plain, link_error
from storage.files import DATABASES, FRONTIERS

__all__ = ["check_links", "oddities"]

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
        raise link_error(path) if path.is_symlink() else UnsafePathError(f"{_shown(path)}: {_fault(path)}. {_REMEDY}")


_REMEDY = "Put a file of its own in its place, or remove it."


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
