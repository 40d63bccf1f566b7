"""The store's list of the workspace's files: a numbered object, of which the newest holds."""

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
"""Folder of the objects that a manifest names: all others in it are of a push that did not end."""
LISTS = "lists"
"""Folder of the manifests, and of the lease."""

_NAME = re.compile(rf"{LISTS}/(\d{{8}})\.json")
_TRIES = 5
_TAKEN = 1000
"""Numbers of earlier manifests that stay taken."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the workspace."""

    key: str
    """Object that holds it; no other content ever has that name."""
    size: int
    """Bytes."""
    sha256: str
    """Of the content, hex."""
    mode: int
    """Permissions: page segments and the secret key are their owner's alone."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files of the workspace at one moment."""

    number: int
    token: str
    """Tells two manifests of one number apart: those of a store that was emptied and filled again."""
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
        """Its object."""
        return _name(self.number)

    def encode(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True).encode()

    @staticmethod
    def decode(data: bytes) -> "Manifest":
        """Read it.

        Raises:
            ValueError, KeyError, TypeError: It is none.
        """
        values = json.loads(data)
        return Manifest(**{**values, "files": {path: Entry(**entry) for path, entry in values["files"].items()}})

    def after(self, version: int, files: Mapping[str, Entry]) -> "Manifest":
        """Return the one that follows."""
        return Manifest(
            self.number + 1,
            secrets.token_hex(8),
            version,
            gethostname(),
            datetime.now(UTC).isoformat(timespec="seconds"),
            dict(sorted(files.items())),
        )


NOTHING = Manifest(0, "", -1, "", "")
"""What precedes the first."""


def newest(store: ObjectStore) -> Manifest | None:
    """Return the newest manifest of a store; None: there is none, so no workspace.

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
    raise WorkspaceError(f"{store.address}: written so often that it cannot be read; wait for the run that writes")


def store_manifest(store: ObjectStore, manifest: Manifest) -> None:
    """Make a manifest the newest one: before this nothing new is seen, after it everything.

    The one before it is emptied, not removed: its number stays taken, so that a writer that has not heard of it, for
    it slept while its lease ran out, cannot store one by that number.

    Raises:
        WorkspaceError: Another machine was first.
    """
    data = manifest.encode()
    if not store.create(manifest.name, data) and store.read(manifest.name) != data:
        raise WorkspaceError(
            f"{store.address}: another machine wrote to this workspace meanwhile; nothing of it was changed: "
            "run it again"
        )
    if manifest.number > 1:
        store.write(_name(manifest.number - 1), b"")


def forget_numbers(store: ObjectStore, newest_one: Manifest) -> None:
    """Remove emptied manifests that so many came after that no writer can still think of them."""
    numbers = [int(match[1]) for match in map(_NAME.fullmatch, store.names(LISTS)) if match]
    store.remove(_name(number) for number in numbers if number < newest_one.number - _TAKEN)


def _name(number: int) -> str:
    return f"{LISTS}/{number:08}.json"


def _decode(store: ObjectStore, name: str, data: bytes) -> Manifest:
    try:
        return Manifest.decode(data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptObjectError(
            f"{store.address}/{name}: wanted a list of files, got something else; restore it from a backup"
        ) from error
