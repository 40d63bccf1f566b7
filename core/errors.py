"""All errors that this project raises on purpose, as one tree.

    M5DataError
    ├── UsageError                exit 2: the request itself is wrong
    │   ├── WorkspaceError        the folder is not a workspace, or another run holds it
    │   ├── SettingsError         m5data.toml, a recipe or a mapping file is wrong
    │   └── NotAuthorisedError    a source is not marked as authorised to be crawled, or shared
    └── DataError                 exit 1: the data does not allow the request, or misses a threshold
        ├── QueryError            SQL that DuckDB refuses
        ├── FeedError             a feed that cannot be read at all
        ├── PageError             a page that cannot be read at all
        ├── MissingInputError     a stage was asked to run before the one it reads from
        ├── ConservationError     read is not kept + dropped
        ├── MediaError            an image, video or audio track that cannot be used
        ├── CorruptObjectError    stored bytes do not have their recorded hash
        ├── MissingSegmentError   a file of stored objects is missing
        ├── ObjectStoreError      an object store does not answer, or fails
        ├── ThresholdError        a stage ended below its success threshold
        └── RecipeError           the catalogue cannot satisfy a split recipe

A message is one line that says where the error is, what is wrong and what to do.
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
    """Base of all errors raised on purpose; ``exit_code`` is the exit code of the command line."""

    exit_code = 1


class UsageError(M5DataError):
    """The request itself is wrong; nothing was read or written."""

    exit_code = 2


class WorkspaceError(UsageError):
    """The folder is not a workspace, is one already, or is held by another run."""


class SettingsError(UsageError):
    """A settings, recipe or mapping file is invalid."""


class NotAuthorisedError(UsageError):
    """A source is not marked as authorised for what was asked."""


class DataError(M5DataError):
    """The request was right, but the data does not allow it."""


class QueryError(DataError):
    """DuckDB refused a query."""


class FeedError(DataError):
    """A feed cannot be read at all (a single bad row is a reject instead)."""


class PageError(DataError):
    """A page cannot be read at all; ``reason`` is its reason in ``rejects``.

    Reasons: ``bad_url``, ``page_empty``, ``page_too_deep``, ``page_too_large``.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return self.message


class MissingInputError(DataError):
    """A stage needs a table that no earlier stage has written."""


class ConservationError(DataError):
    """A stage's counts do not add up: read must equal kept + dropped."""


class MediaError(DataError):
    """An image, video or audio track cannot be used: ``reason`` is one word of the stage's vocabulary."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


class CorruptObjectError(DataError):
    """Stored bytes differ from their recorded hash or length."""


class MissingSegmentError(DataError):
    """A file of stored objects is missing, for example because its disk is not mounted; their state is unknown."""


class ObjectStoreError(DataError):
    """The workspace's object store does not answer, or fails; finished work is kept on this machine."""


class ThresholdError(DataError):
    """A stage finished, but kept less than its success threshold requires."""


class RecipeError(DataError):
    """The catalogue is too small, or its composition unsuitable, for a split recipe."""


FULL = "make room, for example with m5data vacuum, and run again: finished work is kept"
REFUSED = "m5data doctor says where: grant the right and run again: finished work is kept"
_STORES = {"_duckdb", "duckdb", "deltalake", "_internal"}
"""Modules of libraries that write files and raise their own errors; by name, so that none is imported here."""
_FULL_NUMBERS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED_NUMBERS = {errno.EROFS, errno.EACCES, errno.EPERM}
_FULL_WORDS = ("no space left", "disk is full", "disk quota", "file too large")
_REFUSED_WORDS = ("read-only file system", "readonly database", "unable to open database", "permission denied")


def disk_fault(error: BaseException) -> str | None:
    """Return the remedy for a disk error, ``FULL`` or ``REFUSED``; None for any other error."""
    if not isinstance(error, OSError | sqlite3.Error) and type(error).__module__.partition(".")[0] not in _STORES:
        return None  # other errors may contain these words
    number = error.errno if isinstance(error, OSError) else None
    text = str(error).lower()
    if number in _FULL_NUMBERS or any(word in text for word in _FULL_WORDS):
        return FULL
    if number in _REFUSED_NUMBERS or any(word in text for word in _REFUSED_WORDS):
        return REFUSED
    return None
