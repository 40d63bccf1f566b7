"""Files that a person names for output."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from m5data.errors import UsageError

__all__ = ["writing_to"]


@contextmanager
def writing_to(out: Path) -> Iterator[None]:
    """Say of a file that cannot be written which option named it.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise UsageError(f"--out {out}: wanted a file that can be written: {error.strerror}; name another") from None
