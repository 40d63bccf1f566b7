"""The workspace's secret key, with which merchants' names, invitations and take-downs are hashed."""

import os
import secrets
from pathlib import Path

from m5data.errors import WorkspaceError

__all__ = ["load_or_create_key"]

_BYTES = 32


def load_or_create_key(root: Path) -> bytes:
    """Return the key of a workspace, made on first use; readable by its owner alone, never exported.

    Without it nobody can recognise a merchant or a take-down of yesterday.

    Raises:
        WorkspaceError: the file is not a key.
    """
    path = root / "secret.key"
    if not path.exists():
        _create(path)
    key = path.read_bytes()
    if len(key) != _BYTES:
        raise WorkspaceError(f"{path} has {len(key)} bytes, but a key has {_BYTES}. Restore it from a backup.")
    return key


def _create(path: Path) -> None:
    """Write a new key, whole or not at all; one that another process made meanwhile stays."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
