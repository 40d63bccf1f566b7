"""The workspace's secret key: what merchants' names are hashed with."""

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

    Whoever loses it can no longer tell that a merchant of tomorrow is one of yesterday.

    Raises:
        WorkspaceError: the file is not a key.
    """
    path = root / "secret.key"
    if not path.exists():
        _create(path)
    key = path.read_bytes()
    if len(key) != _BYTES:
        raise WorkspaceError(f"{path}: expected a key of {_BYTES} bytes, got {len(key)}; restore it from a backup")
    return key


def _create(path: Path) -> None:
    """Write a new key, whole or not at all; one that another process made meanwhile stays."""
    with temporary_file(path, mode=0o600) as file:
        file.write(secrets.token_bytes(_BYTES))
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)
