"""Files of a workspace: their paths and names."""

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "DATABASES",
    "DOWNLOADS",
    "FRONTIERS",
    "INDEX",
    "OF_A_RUN",
    "OWN_SEGMENT",
    "SEGMENT",
    "Layout",
    "databases",
    "is_database",
    "remove_database",
]

STATE, INDEX, DOWNLOADS = "state.sqlite", "index.sqlite", "downloads.sqlite"
DATABASES = (STATE, INDEX, DOWNLOADS)
"""SQLite files. All except the state are rebuilt from tables if they are missing."""
FRONTIERS = "frontiers"
"""Folder of further SQLite files, one per crawled source."""

OF_A_RUN = frozenset(
    {"lock", "children.lock", "staging", "spool"} | {f"{name}-{log}" for name in DATABASES for log in ("wal", "shm")}
)
"""Top-level names that belong to a run, not to the workspace: a copy omits them."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one workspace's store; nothing here touches the disk."""

    root: Path

    @property
    def tables(self) -> Path:
        """Delta tables, one folder per table."""
        return self.root / "tables"

    @property
    def objects(self) -> Path:
        """WARC segments."""
        return self.root / "objects"

    @property
    def versions(self) -> Path:
        """Dataset versions, one JSON file per version."""
        return self.root / "versions"

    @property
    def state(self) -> Path:
        """SQLite file of data that changes row by row."""
        return self.root / STATE

    @property
    def index(self) -> Path:
        """SQLite file of the index of objects."""
        return self.root / INDEX

    @property
    def downloads(self) -> Path:
        """SQLite file of the queue of downloads."""
        return self.root / DOWNLOADS

    @property
    def frontiers(self) -> Path:
        """SQLite files of the crawl's frontiers."""
        return self.root / FRONTIERS

    @property
    def repair(self) -> Path:
        """Journal of an unfinished repair."""
        return self.root / "repair.pending"

    @property
    def staging(self) -> Path:
        """Files of the running stage; empty or absent between runs."""
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
        """File that the only writing process holds locked."""
        return self.root / "lock"

    @property
    def children_lock(self) -> Path:
        """File on which every child process of a stage holds a shared lock."""
        return self.root / "children.lock"

    def table(self, name: str) -> Path:
        """Return the folder of one Delta table."""
        return self.tables / name


SEGMENT = re.compile(r"(page|media|derived)-(\d{6}|[0-9a-f]{12})\.warc(\.gz)?")
"""Names of segments: numbered, or random if several machines write."""
OWN_SEGMENT = re.compile(r"[a-z]+-[0-9a-f]{12}\.warc(\.gz)?")
"""Random names: such a segment is complete as soon as it has its name, or belongs to a working copy."""


def is_database(path: str) -> bool:
    """Return whether a path in a workspace is that of a SQLite file."""
    return path in DATABASES or path.startswith(f"{FRONTIERS}/")


def databases(root: Path) -> list[str]:
    """Return the paths of a workspace's SQLite files; frontiers come before the state, which lists them."""
    found = [f"{FRONTIERS}/{path.name}" for path in sorted((root / FRONTIERS).glob("*.sqlite"))]
    return [*found, *(name for name in DATABASES if (root / name).exists())]


def remove_database(path: Path) -> None:
    """Remove a SQLite file and its log; either may be missing."""
    for ending in ("", "-wal", "-shm"):
        path.with_name(f"{path.name}{ending}").unlink(missing_ok=True)
