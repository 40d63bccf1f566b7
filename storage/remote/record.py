"""What a working copy knows of its store: the manifest that it began from, and its files as they were then."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from m5data.errors import WorkspaceError
from storage.durable import replace_file
from storage.remote.address import OWN_FOLDER
from storage.remote.local_files import Stat
from storage.remote.manifest import Manifest

__all__ = ["Record", "read_record", "write_record"]


@dataclass(frozen=True, slots=True)
class Record:
    """The state of a working copy."""

    manifest: Manifest | None = None
    """The manifest whose files it has; None: it has none yet."""
    stats: Mapping[str, Stat] = field(default_factory=dict)
    """Path -> how the file looked when its content was that of the manifest."""
    pushing: Manifest | None = None
    """Manifest that is about to be stored: this process may die before it knows."""
    pulling: Manifest | None = None
    """Manifest whose files are being fetched: until that is done the copy is none."""


def read_record(root: Path) -> Record:
    """Read the record of a working copy.

    Raises:
        WorkspaceError: It is damaged.
    """
    try:
        data: dict[str, Any] = json.loads(_path(root).read_bytes())
        return Record(
            _manifest(data["manifest"]),
            {path: (size, changed, inode) for path, (size, changed, inode) in data["stats"].items()},
            _manifest(data["pushing"]),
            _manifest(data["pulling"]),
        )
    except FileNotFoundError:
        return Record()
    except (ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(
            f"{_path(root)}: damaged ({error}); remove the folder {root}: it is fetched anew"
        ) from error


def write_record(root: Path, record: Record) -> None:
    """Keep the record; it is on the disk when this returns."""
    replace_file(_path(root), json.dumps(asdict(record)).encode())


def _path(root: Path) -> Path:
    return root / OWN_FOLDER / "record.json"


def _manifest(values: dict[str, Any] | None) -> Manifest | None:
    return None if values is None else Manifest.decode(json.dumps(values).encode())
