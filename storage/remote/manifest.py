"""The store's list of the workspace's files: numbered objects, of which the newest is valid."""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from socket import gethostname

from m5data.errors import CorruptObjectError, WorkspaceError
from storage.remote.object_store import ObjectStore

__all__ = ["FILES", "LISTS", "Entry", "Manifest", "forget_numbers", "newest", "store_manifest"]

FILES = "files"
"""Folder of the objects that a manifest names; others in it are left from an unfinished push."""
LISTS = "lists"
"""Folder of the manifests, and of the lease."""

_NAME = re.compile(rf"{LISTS}/(\d{{8}})\.json")
_TRIES = 5
_TAKEN = 1000
"""Count of earlier manifests whose numbers stay taken."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the workspace."""

    key: str
    """Object that holds the content; names are never reused."""
    size: int
    """Bytes."""
    sha256: str
    """Of the content, hex."""
    mode: int
    """Permissions: page segments and the secret key belong to their owner alone."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files of the workspace at one moment."""

    number: int
    token: str
    """Distinguishes manifests of one number, of a store that was emptied and filled again."""
    version: int
    """Newest dataset version."""
    host: str
    """Machine that wrote it."""
    written: str
    """When, UTC."""
    files: Mapping[str, Entry] = field(default_factory=dict)
    """Path in the workspace -> what it holds."""

    @property
    def name(self) -> str:
        """Name of its object."""
        return _name(self.number)

    def encode(self) -> bytes:
        """Return the manifest as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True).encode()

    @staticmethod
    def decode(data: bytes) -> "Manifest":
        """Read a manifest.

        Raises:
            ValueError, KeyError, TypeError: The data is not a manifest.
        """
        values = json.loads(data)
        return Manifest(**{**values, "files": {path: Entry(**entry) for path, entry in values["files"].items()}})

    def after(self, version: int, files: Mapping[str, Entry]) -> "Manifest":
        """Return the next manifest."""
        return Manifest(
            self.number + 1,
            secrets.token_hex(8),
            version,
            gethostname(),
            datetime.now(UTC).isoformat(timespec="seconds"),
            dict(sorted(files.items())),
        )


NOTHING = Manifest(0, "", -1, "", "")
"""Precedes the first manifest."""


def newest(store: ObjectStore) -> Manifest | None:
    """Return the newest manifest of a store; None: the store holds no workspace.

    Raises:
        CorruptObjectError: It cannot be read.
    """
    for _ in range(_TRIES):
        numbers = [int(match[1]) for match in map(_NAME.fullmatch, store.names(LISTS)) if match]
        if not numbers:
            return None
        name = _name(max(numbers))
        data = store.read(name)
        if data:  # else a writer has stored a newer one meanwhile
            return _decode(store, name, data)
    raise WorkspaceError(f"{store.url}: changes too often to be read. Wait for the run that writes.")


def store_manifest(store: ObjectStore, manifest: Manifest) -> None:
    """Make a manifest the newest one: readers see nothing new before this and everything after.

    The previous one is emptied, not removed: its number stays taken, so that a writer that slept while its lease ran
    out cannot store a manifest of that number.

    Raises:
        WorkspaceError: Another machine was first.
    """
    data = manifest.encode()
    if not store.create(manifest.name, data) and store.read(manifest.name) != data:
        raise WorkspaceError(
            f"{store.url}: another machine wrote to this workspace meanwhile, and its work was left as it is. "
            "Run the command again."
        )
    if manifest.number > 1:
        store.write(_name(manifest.number - 1), b"")


def forget_numbers(store: ObjectStore, newest_one: Manifest) -> None:
    """Remove emptied manifests so old that no writer can still hold their number."""
    numbers = [int(match[1]) for match in map(_NAME.fullmatch, store.names(LISTS)) if match]
    store.remove(_name(number) for number in numbers if number < newest_one.number - _TAKEN)


def _name(number: int) -> str:
    return f"{LISTS}/{number:08}.json"


def _decode(store: ObjectStore, name: str, data: bytes) -> Manifest:
    try:
        return Manifest.decode(data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptObjectError(f"{store.url}/{name}: not a list of files. Restore it from a backup.") from error
