"""All errors that this project raises on purpose, as one tree.

    M5DataError
    ├── UsageError                exit 2: the person asked for something that cannot be
    │   ├── WorkspaceError        the folder is no workspace, or another run holds it
    │   ├── SettingsError         m5data.toml, a recipe or a mapping file is wrong
    │   └── NotAuthorisedError    a source does not say that it may be crawled, or shared
    └── DataError                 exit 1: the data, or a threshold, failed
        ├── QueryError            SQL that DuckDB refuses
        ├── FeedError             a feed that cannot be read at all
        ├── PageError             a page that cannot be read at all
        ├── MissingInputError     a stage was asked to run before the one it reads from
        ├── ConservationError     read is not kept + dropped
        ├── MediaError            an image, video or audio track that cannot be used
        ├── CorruptObjectError    stored bytes do not have their recorded hash
        ├── MissingSegmentError   a file of stored objects is not there
        ├── ObjectStoreError      an object store does not answer, or fails
        ├── ThresholdError        a stage ended below its success threshold
        └── RecipeError           the catalogue cannot satisfy a split recipe

A message says on one line where, what is wrong and what to do.
Bad rows are not errors: they go to the table ``rejects``.
"""

import errno
import sqlite3

__all__ = [
    "FULL",
    "REFUSED",
    "ConservationError",
    "CorruptObjectError",
    "DataError",
    "FeedError",
    "M5DataError",
    "MediaError",
    "MissingInputError",
    "MissingSegmentError",
    "NotAuthorisedError",
    "ObjectStoreError",
    "PageError",
    "QueryError",
    "RecipeError",
    "SettingsError",
    "ThresholdError",
    "UsageError",
    "WorkspaceError",
    "disk_fault",
]


class M5DataError(Exception):
    """Base of all errors raised on purpose; ``exit_code`` is what the command line ends with."""

    exit_code = 1


class UsageError(M5DataError):
    """The request itself is wrong; nothing was read or written."""

    exit_code = 2


class WorkspaceError(UsageError):
    """The folder is not a workspace, is one already, or is held by another run."""


class SettingsError(UsageError):
    """A settings, recipe or mapping file does not say what it must."""


class NotAuthorisedError(UsageError):
    """A source is not marked as authorised for what was asked."""


class DataError(M5DataError):
    """The request was right, the data does not allow it."""


class QueryError(DataError):
    """DuckDB refused a query."""


class FeedError(DataError):
    """A feed cannot be read at all (a single bad row is a reject instead)."""


class PageError(DataError):
    """A page cannot be read at all; ``reason`` is the word for ``rejects``.

    Reasons: ``bad_url``, ``page_empty``, ``page_too_deep``, ``page_too_large``.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class MissingInputError(DataError):
    """A stage needs a table that no earlier stage has written."""


class ConservationError(DataError):
    """A stage's counts do not add up: read must equal kept + dropped."""


class MediaError(DataError):
    """An image, video or audio track cannot be used: ``reason`` is one word of the stage's vocabulary."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class CorruptObjectError(DataError):
    """Stored bytes differ from their recorded hash or length."""


class MissingSegmentError(DataError):
    """A file of stored objects is not there, for example because its disk is not mounted: nothing is known of them."""


class ObjectStoreError(DataError):
    """The object store that a workspace lies in does not answer, or fails; finished work is kept on this machine."""


class ThresholdError(DataError):
    """A stage finished, but kept less than its success threshold asks for."""


class RecipeError(DataError):
    """The catalogue is too small, or shaped wrongly, for a split recipe."""


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
