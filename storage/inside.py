"""Links inside a workspace: none is followed."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from core.paths import link_error
from storage.files import DATABASES, FRONTIERS

__all__ = ["check_links"]

_FLAT = ("objects", "logs", "versions", "receipts", "certificates", "reports", "spool", "staging", FRONTIERS)
"""Folders of a workspace whose entries m5data opens and replaces."""
_TREES = ("tables", "shards")
"""Folders whose folders m5data writes to."""
_ONE_FILES = frozenset(
    {*DATABASES, *(f"{name}-{log}" for name in DATABASES for log in ("wal", "shm")), "lock", "children.lock",
     "secret.key", "workspace.json", "takedown.register", "takedown.pending", "takedown.journal", "repair.pending",
     ".m5data", "prefect"}
)  # fmt: skip


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
        raise link_error(link)


def _links_in(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        yield from sorted(Path(entry.path) for entry in entries if entry.is_symlink())


def _folders_in(folder: Path) -> list[Path]:
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    return []
