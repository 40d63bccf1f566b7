"""The identity of a workspace: the number of its format, and its secret key.

``workspace.json`` holds the number and a fingerprint of the key, so that a wrong or missing key is noticed: with it,
no earlier take-down or merchant would be recognised.
"""

import hashlib
import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import CorruptObjectError, WorkspaceError
from core.files import replace_file, temporary_file
from core.small_files import check, read_json

__all__ = [
    "FORMAT",
    "KEY_FILE",
    "Identity",
    "check_format",
    "check_key",
    "fingerprint_of",
    "identity_path",
    "load_or_create_key",
    "read_identity",
    "workspace_mark",
    "write_identity",
]

FORMAT = 3
"""Number of the format that this version of m5data reads and writes; docs/decisions.md lists the changes of each."""
KEY_FILE = "secret.key"
_BYTES = 32
_REMEDY = "Restore it from a backup, or run m5data repair."


@dataclass(frozen=True, slots=True)
class Identity:
    """The content of ``workspace.json``."""

    format: int
    key: str | None
    """Fingerprint of the secret key; None: no key was made yet."""


def read_identity(root: Path) -> Identity:
    """Return the identity of a workspace.

    Raises:
        CorruptObjectError: The file is missing or damaged.
    """
    try:
        return read_json(
            identity_path(root),
            lambda data: Identity(check(data["format"], int, "format"), data["key"] and check(data["key"], str, "key")),
            _REMEDY,
        )
    except FileNotFoundError:
        raise CorruptObjectError(f"{identity_path(root)}: missing. {_REMEDY}") from None


def write_identity(root: Path, identity: Identity) -> None:
    """Write ``workspace.json`` atomically."""
    content = json.dumps({"format": identity.format, "key": identity.key})
    replace_file(identity_path(root), f"{content}\n".encode())


def identity_path(root: Path) -> Path:
    """Return the path of ``workspace.json``."""
    return root / "workspace.json"


def check_format(root: Path) -> None:
    """Refuse a workspace whose format this version does not read.

    Raises:
        WorkspaceError: It is older or newer.
        CorruptObjectError: Its record is damaged.
    """
    found = read_identity(root).format
    if found != FORMAT:
        writer, remedy = (
            ("a newer", "Upgrade m5data.") if found > FORMAT else ("an older", "Make it again from its sources.")
        )
        raise WorkspaceError(
            f"{root}: {writer} m5data wrote this workspace (format {found}; this one reads {FORMAT}). {remedy}"
        )


def load_or_create_key(root: Path) -> bytes:
    """Return the key of a workspace, created on first use; readable only by its owner, never exported.

    Raises:
        WorkspaceError: The key is missing, damaged, or not the one that was used before.
    """
    identity, path = read_identity(root), root / KEY_FILE
    if identity.key is None and not path.exists():
        _create(path)
    key = check_key(root, identity)
    if identity.key is None:
        write_identity(root, replace(identity, key=fingerprint_of(key)))
    return key


def check_key(root: Path, identity: Identity) -> bytes:
    """Return the key of a workspace that has one.

    Raises:
        WorkspaceError: It is missing, damaged, or not the one that was used before.
    """
    path = root / KEY_FILE
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        raise WorkspaceError(f"{path}: missing. {_ADVICE}") from None
    if len(key) != _BYTES:
        raise WorkspaceError(f"{path}: it has {len(key)} bytes, but a key has {_BYTES}. {_ADVICE}")
    if identity.key not in {None, fingerprint_of(key)}:
        raise WorkspaceError(f"{path}: another key than the one that this workspace was made with. {_ADVICE}")
    return key


_ADVICE = (
    "Restore the file from a backup or from a copy of the workspace (m5data copy keeps it): without this key "
    "take-downs would be undone, and merchants not be recognised."
)


def fingerprint_of(key: bytes) -> str:
    """Return the fingerprint of a key, which does not reveal it."""
    return hashlib.sha256(b"m5data workspace key\n" + key).hexdigest()[:32]


def workspace_mark(root: Path) -> str:
    """Return a text by which a workspace recognises what it wrote elsewhere; nobody without its key can make it."""
    return hashlib.sha256(b"m5data workspace mark\n" + load_or_create_key(root)).hexdigest()[:32]


def _create(path: Path) -> None:
    """Write a new key atomically; one that another process made meanwhile stays."""
    with temporary_file(path, mode=0o600) as file:
        file.write(secrets.token_bytes(_BYTES))
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)
