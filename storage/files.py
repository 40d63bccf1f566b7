"""Files of a workspace: where they lie, and how they are written, synced and hashed."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["OF_A_RUN", "TEMPORARY", "Layout", "file_sha256", "replace_file", "sync_file", "sync_folder"]

OF_A_RUN = frozenset({"lock", "children.lock", "staging", "spool", "state.sqlite-wal", "state.sqlite-shm"})
"""Names at the top of a workspace that belong to a run, not to the workspace: a copy does without them."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one workspace's store; nothing here touches the disk."""

    root: Path

    @property
    def tables(self) -> Path:
        """Delta tables, a folder each."""
        return self.root / "tables"

    @property
    def objects(self) -> Path:
        """WARC segments."""
        return self.root / "objects"

    @property
    def versions(self) -> Path:
        """Dataset versions, a JSON file each."""
        return self.root / "versions"

    @property
    def state(self) -> Path:
        """SQLite file of everything that changes row by row."""
        return self.root / "state.sqlite"

    @property
    def staging(self) -> Path:
        """Files of the stage that runs now; empty or absent between runs."""
        return self.root / "staging"

    @property
    def manifest(self) -> Path:
        """Names of the data files that a commit is about to move into place."""
        return self.staging / "manifest.json"

    @property
    def spool(self) -> Path:
        """Finished partitions of stages that have not committed yet."""
        return self.root / "spool"

    @property
    def lock(self) -> Path:
        """File that the one writing process holds locked."""
        return self.root / "lock"

    @property
    def children_lock(self) -> Path:
        """File that every child process of a stage holds locked, shared."""
        return self.root / "children.lock"

    def table(self, name: str) -> Path:
        """Return the folder of one Delta table."""
        return self.tables / name


TEMPORARY = ".tmp"
"""Suffix of a file that is being written; whoever holds the lock may remove it."""


def sync_file(path: Path) -> None:
    """Wait until the bytes of ``path`` are on the disk."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Wait until the names inside the folder ``path`` are on the disk."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def replace_file(path: Path, data: bytes) -> None:
    """Give ``path`` the content ``data``, all of it or none, whenever the process dies."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
