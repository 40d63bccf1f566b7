"""The workspace's secret key: what merchants' names are hashed with."""

import os
import secrets
from pathlib import Path

from m5data.errors import WorkspaceError

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
