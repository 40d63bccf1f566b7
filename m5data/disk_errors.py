"""Errors that mean a full disk or a refused write, whichever library raises them, and what to do about them."""

import errno
import sqlite3

__all__ = ["FULL", "REFUSED", "disk_fault"]

FULL = "make room, for example with m5data vacuum, and run again: finished work is kept"
REFUSED = "m5data doctor says where: grant the right and run again: finished work is kept"
_STORES = {"_duckdb", "duckdb", "deltalake", "_internal"}
"""Modules of the libraries that write files and raise errors of their own, named so that none is imported here."""
_FULL_NUMBERS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED_NUMBERS = {errno.EROFS, errno.EACCES, errno.EPERM}
_FULL_WORDS = ("no space left", "disk is full", "disk quota", "file too large")
_REFUSED_WORDS = ("read-only file system", "readonly database", "unable to open database", "permission denied")


def disk_fault(error: BaseException) -> str | None:
    """Return what to do about an error of the disk, ``FULL`` or ``REFUSED``; None: it is another error."""
    if not isinstance(error, OSError | sqlite3.Error) and type(error).__module__.partition(".")[0] not in _STORES:
        return None  # another error may quote such words
    number = error.errno if isinstance(error, OSError) else None
    text = str(error).lower()
    if number in _FULL_NUMBERS or any(word in text for word in _FULL_WORDS):
        return FULL
    if number in _REFUSED_NUMBERS or any(word in text for word in _REFUSED_WORDS):
        return REFUSED
    return None
