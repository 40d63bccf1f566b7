"""Which stretches of which segments are being overwritten: read back after a kill."""

import json
from pathlib import Path

from storage.files import Layout, replace_file, sync_folder

__all__ = ["Journal", "Span"]

Span = tuple[str, int, int]
"""Segment, where a record starts in it, and its length, bytes."""


class Journal:
    """A file that is there while records are being overwritten."""

    def __init__(self, root: Path) -> None:
        self._path = Layout(root).root / "takedown.journal"

    def begin(self, spans: list[Span]) -> None:
        """Write down what will be overwritten; it is on the disk when this returns."""
        replace_file(self._path, json.dumps(spans).encode())

    def read(self) -> list[Span]:
        """Return what is to be overwritten; nothing where no journal is there."""
        if not self._path.is_file():
            return []
        return [(segment, offset, length) for segment, offset, length in json.loads(self._path.read_bytes())]

    def end(self) -> None:
        """Remove the journal."""
        self._path.unlink(missing_ok=True)
        sync_folder(self._path.parent)
