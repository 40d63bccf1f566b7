"""Target folders of exports: on this machine, or in an object store."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from storage.files import replace_file, sync_file, sync_folder
from storage.place import ObjectStore

__all__ = ["DRAFT", "Folder", "LocalFolder", "RemoteFolder", "open_folder"]

DRAFT = "shard.part"
"""Name of the file that is being written, in a folder on this machine."""


class Folder(Protocol):
    """A folder of files; names are relative to it, with slashes. A file is there whole or not at all."""

    @property
    def draft(self) -> Path:
        """Where the next file is written on this machine before it is published."""

    def publish(self, name: str) -> None:
        """Make the draft the file ``name``."""

    def write(self, name: str, payload: bytes) -> None:
        """Make ``payload`` the file ``name``."""

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a file; None: no such file."""

    def sizes(self) -> dict[str, int]:
        """Return name -> bytes of every file."""

    def remove(self, name: str) -> None:
        """Remove a file, and its folder where that becomes empty."""


class LocalFolder:
    """A folder on this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(parents=True, exist_ok=True)

    @property
    def draft(self) -> Path:
        """Where the next file is written before it is published."""
        return self._path / DRAFT

    def publish(self, name: str) -> None:
        """Make the draft the file ``name``, synced."""
        target = self._path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        sync_file(self.draft)
        self.draft.replace(target)
        sync_folder(target.parent)

    def write(self, name: str, payload: bytes) -> None:
        """Make ``payload`` the file ``name``, synced."""
        replace_file(self._path / name, payload)

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a file; None: no such file."""
        path = self._path / name
        return path.read_bytes() if path.is_file() else None

    def sizes(self) -> dict[str, int]:
        """Return name -> bytes of every file."""
        files = (path for path in sorted(self._path.rglob("*")) if path.is_file())
        return {path.relative_to(self._path).as_posix(): path.stat().st_size for path in files}

    def remove(self, name: str) -> None:
        """Remove a file, and the folders above it that become empty."""
        path = self._path / name
        path.unlink()
        for folder in path.parents:
            if folder == self._path or any(folder.iterdir()):
                break
            folder.rmdir()


class RemoteFolder:
    """A folder of an object store, whose files appear whole: an upload that breaks off leaves none.

    Args:
        uri: For example ``s3://bucket/prefix``; access keys come from the environment.
        scratch: Folder on this machine for drafts.

    Raises:
        UsageError: No object store has such URLs.
    """

    def __init__(self, uri: str, scratch: Path) -> None:
        self._place = ObjectStore(uri)
        self._scratch = scratch

    @property
    def draft(self) -> Path:
        """Where the next file is written on this machine before it is published."""
        return self._scratch / DRAFT

    def publish(self, name: str) -> None:
        """Upload the draft as the file ``name``."""
        self._place.write(name, self.draft)
        self.draft.unlink()

    def write(self, name: str, payload: bytes) -> None:
        """Make ``payload`` the file ``name``."""
        self._place.write(name, payload)

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a file; None: no such file."""
        return self._place.read(name)

    def sizes(self) -> dict[str, int]:
        """Return name -> bytes of every file."""
        return {name: entry.size for name, entry in self._place.list().items()}

    def remove(self, name: str) -> None:
        """Remove a file."""
        self._place.remove([name])


@contextmanager
def open_folder(place: str | Path) -> Iterator[Folder]:
    """Open a folder by its path or its URL (``s3://…``); it is made if need be."""
    if "://" not in str(place):
        yield LocalFolder(Path(place))
        return
    with tempfile.TemporaryDirectory(prefix="m5data-export-") as scratch:
        yield RemoteFolder(str(place), Path(scratch))
