"""The journal of a take-down: what it removes, in clear, so that the next run can finish one that was killed.

Written before anything is removed, deleted last. Readable by its owner alone.
"""

import json
import os
from pathlib import Path
from typing import Any

from storage.files import sync_folder

__all__ = ["Journal"]


class Journal:
    """The one take-down of a workspace that has begun and not ended."""

    def __init__(self, root: Path) -> None:
        self._path = root / "takedown.pending"

    def write(self, entry: dict[str, Any]) -> None:
        """Keep an entry instead of the one before; it is on the disk when this returns."""
        draft = self._path.with_name(f".{self._path.name}.tmp")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(entry, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        sync_folder(self._path.parent)

    def read(self) -> dict[str, Any] | None:
        """Return the entry of a take-down that did not end, None where there is none."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        if data.startswith(b"\0"):  # killed between the last two acts of ``end``
            self._path.unlink()
            return None
        entry: dict[str, Any] = json.loads(data)
        return entry

    def end(self) -> None:
        """Delete the entry: overwritten first, for it names what was taken down."""
        with self._path.open("r+b") as file:
            file.write(bytes(self._path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        self._path.unlink()
        sync_folder(self._path.parent)
