"""The workspace's secret key, with which merchants' names, invitations and take-downs are hashed."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from m5data.errors import WorkspaceError
from storage.files import temporary_file

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
    with temporary_file(path, mode=0o600) as file:
        file.write(secrets.token_bytes(_BYTES))
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)
