"""Target folders of exports: on this machine, or in an object store."""

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from core.errors import DataError
from core.files import replace_file, sync_file, sync_folder
from core.paths import files_below, inside
from storage.location import Entry, ObjectStore

__all__ = ["DRAFT", "Folder", "LocalFolder", "RemoteFolder", "folder_name", "open_folder", "recipe_of"]

DRAFT = ".part"
"""Suffix of a file that is being written in a folder on this machine."""


_SELECTION = re.compile(r"-where-[0-9a-f]{8}$")


def folder_name(recipe: str, where: str | None) -> str:
    """Return the name of an export's folder: that of its recipe; a selection has another, so that it replaces nothing.

    Args:
        recipe: Name of the recipe.
        where: Condition that the products meet; None: all are exported.
    """
    if where is None:
        return recipe
    return f"{recipe}-where-{hashlib.sha256(where.encode()).hexdigest()[:8]}"


def recipe_of(name: str) -> str:
    """Return the recipe of a folder's name."""
    return _SELECTION.sub("", name)


class Folder(Protocol):
    """A folder of files; names are relative paths with slashes. A file appears whole or not at all."""

    def draft(self, name: str) -> Path:
        """Return the path on this machine where a file is written before it is published."""

    def publish(self, draft: Path, name: str, tag: str | None) -> None:
        """Publish the draft as the file ``name``; ``tag`` is that of the file it replaces.

        Raises:
            DataError: Another file has been written there meanwhile.
        """

    def write(self, name: str, payload: bytes) -> None:
        """Write ``payload`` as the file ``name``."""

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a file; None: no such file."""

    def files(self) -> dict[str, Entry]:
        """Return name -> size and tag of every file."""

    def remove(self, name: str) -> None:
        """Remove a file, and its folder if that becomes empty."""


class LocalFolder:
    """A folder on this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(parents=True, exist_ok=True)

    def draft(self, name: str) -> Path:
        """Return the path where a file is written before it is published."""
        draft = inside(self._path, f"{name}{DRAFT}")
        draft.parent.mkdir(parents=True, exist_ok=True)
        return draft

    def publish(self, draft: Path, name: str, tag: str | None = None) -> None:
        """Publish the draft as the file ``name``, synced; replace any existing file."""
        del tag
        sync_file(draft)
        draft.replace(inside(self._path, name))
        sync_folder(draft.parent)

    def write(self, name: str, payload: bytes) -> None:
        """Write ``payload`` as the file ``name``, synced."""
        replace_file(inside(self._path, name), payload)

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a file; None: no such file."""
        path = inside(self._path, name)
        return path.read_bytes() if path.is_file() else None

    def files(self) -> dict[str, Entry]:
        """Return name -> size of every file; tags are empty."""
        found = {path: path.stat() for path in files_below(self._path)}
        return {
            path.relative_to(self._path).as_posix(): Entry(
                facts.st_size, "", datetime.fromtimestamp(facts.st_mtime, UTC)
            )
            for path, facts in found.items()
        }

    def remove(self, name: str) -> None:
        """Remove a file, and the folders above it that become empty."""
        path = inside(self._path, name)
        path.unlink()
        for folder in path.parents:
            if folder == self._path or any(folder.iterdir()):
                break
            folder.rmdir()


class RemoteFolder:
    """A folder in an object store. Files appear whole: an interrupted upload leaves none.

    Args:
        uri: For example ``s3://bucket/prefix``; access keys come from the environment.
        scratch: Folder on this machine for drafts.

    Raises:
        UsageError: The URL is not that of an object store.
    """

    def __init__(self, uri: str, scratch: Path) -> None:
        self._place = ObjectStore(uri)
        self._scratch = scratch

    def draft(self, name: str) -> Path:
        """Return the path on this machine where a file is written before it is published."""
        draft = self._scratch / name
        draft.parent.mkdir(parents=True, exist_ok=True)
        return draft

    def publish(self, draft: Path, name: str, tag: str | None) -> None:
        """Upload the draft as the new file ``name``, or in place of the one with ``tag``.

        Raises:
            DataError: Another file has been written there meanwhile.
        """
        stored = self._place.create(name, draft) if tag is None else self._place.replace(name, draft, tag)
        if stored is None:
            raise DataError(
                f"{self._place.url}/{name}: another export has written this file meanwhile. End that one, or choose "
                "another folder with --out, and run again."
            )
        draft.unlink()

    def write(self, name: str, payload: bytes) -> None:
        """Write ``payload`` as the file ``name``."""
        self._place.write(name, payload)

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a file; None: no such file."""
        return self._place.read(name)

    def files(self) -> dict[str, Entry]:
        """Return name -> size and tag of every file."""
        return self._place.list()

    def remove(self, name: str) -> None:
        """Remove a file."""
        self._place.remove([name])


@contextmanager
def open_folder(place: str | Path) -> Iterator[Folder]:
    """Open a folder by its path or its URL (``s3://…``), and create it if needed."""
    if "://" not in str(place):
        yield LocalFolder(Path(place))
        return
    with tempfile.TemporaryDirectory(prefix="m5data-export-") as scratch:
        yield RemoteFolder(str(place), Path(scratch))
