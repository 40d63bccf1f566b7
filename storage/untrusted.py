"""A stranger's workspace: refused if anything in its folder is odd, and opened only to be read."""

from contextvars import ContextVar
from pathlib import Path

from core.paths import UnsafePathError
from storage.inside import oddities

__all__ = ["check_untrusted", "is_only_read", "only_read"]

_ONLY_READ: ContextVar[bool] = ContextVar("only_read", default=False)


def only_read() -> None:
    """Have this thread only read workspaces from now on: databases are opened as on a read-only disk."""
    _ONLY_READ.set(True)


def is_only_read() -> bool:
    """Return whether this thread only reads workspaces."""
    return _ONLY_READ.get()


def check_untrusted(root: Path) -> None:
    """Refuse a folder with an entry that may lead elsewhere or never end.

    Raises:
        UnsafePathError: The first oddity.
    """
    for fault in oddities(root):
        raise UnsafePathError(f"{fault}. Remove it, or take it out of the workspace.")
