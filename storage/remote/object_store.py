"""An object store through fsspec: objects below one URL, each complete or absent."""

import errno
import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from m5data.errors import ObjectStoreError, WorkspaceError

__all__ = ["ObjectStore", "in_parallel", "log_large_transfer"]

_AT_ONCE = 8
"""Transfers at a time."""
_LARGE = 200_000_000
_LOG = logging.getLogger(__name__)
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


T = TypeVar("T")
R = TypeVar("R")


def in_parallel(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield the results of ``work`` in the order of items, some at a time; the first error ends it."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(work, items)


class ObjectStore:
    """The objects below a URL. Threads may share it.

    Access keys and the endpoint come from the environment, as for boto. The client retries a request within seconds;
    nothing here retries.

    Raises:
        WorkspaceError: No package for such URLs is installed; or, from any method, the store refuses the keys or
            has no such bucket.
        ObjectStoreError: From any method: the store does not answer, or fails.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._opened: tuple[Any, str] | None = None

    def names(self, folder: str) -> dict[str, int]:
        """Return name -> bytes of every object in ``folder``, a path below the URL ("" is all)."""
        with self._errors_explained():
            files, root = self._files()
            found = files.find(f"{root}/{folder}".rstrip("/"), detail=True)
        return {path.removeprefix(f"{root}/"): int(facts["size"]) for path, facts in sorted(found.items())}

    def read(self, name: str) -> bytes | None:
        """Return an object's bytes; None: no such object."""
        with self._errors_explained():
            files, root = self._files()
            try:
                return cast("bytes", files.cat_file(f"{root}/{name}"))
            except FileNotFoundError as error:
                _refuse_missing_bucket(self.url, error)
                return None

    def write(self, name: str, data: bytes) -> None:
        """Write the object ``name``."""
        with self._errors_explained():
            files, root = self._files()
            files.pipe_file(f"{root}/{name}", data)

    def create(self, name: str, data: bytes) -> bool:
        """Create the object ``name``, and return whether it was created: False where one exists."""
        with self._errors_explained():
            files, root = self._files()
            try:
                files.pipe_file(f"{root}/{name}", data, mode="create")
            except FileExistsError:
                return False
        return True

    def upload(self, path: Path, name: str) -> None:
        """Write a file's content as the object ``name``."""
        with self._errors_explained():
            files, root = self._files()
            files.put_file(str(path), f"{root}/{name}")

    def download(self, name: str, path: Path) -> bool:
        """Write an object's bytes to a file; False: no such object."""
        with self._errors_explained():
            files, root = self._files()
            try:
                files.get_file(f"{root}/{name}", str(path))
            except FileNotFoundError as error:
                _refuse_missing_bucket(self.url, error)
                return False
        return True

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; missing ones are ignored."""
        for _ in in_parallel(self._remove, names):
            pass

    def _remove(self, name: str) -> None:
        with self._errors_explained(), suppress(FileNotFoundError):
            files, root = self._files()
            files.rm_file(f"{root}/{name}")

    def _files(self) -> tuple[Any, str]:
        if self._opened is None:
            import fsspec.core  # noqa: PLC0415 - a workspace that is a folder never needs it

            try:
                files, root = fsspec.core.url_to_fs(self.url, use_listings_cache=False, skip_instance_cache=True)
            except (ValueError, ImportError) as error:
                raise WorkspaceError(
                    f"{self.url}: fsspec cannot open this URL: {error}. For s3, run: pip install 'm5data[s3]'"
                ) from None
            self._opened = files, root.rstrip("/")
        return self._opened

    @contextmanager
    def _errors_explained(self) -> Iterator[None]:
        """Turn the client's errors into errors that say what to do."""
        wrong: tuple[type[Exception], ...] = (OSError, *_client_errors())
        try:
            yield
        except wrong as error:
            if isinstance(error, FileNotFoundError):
                _refuse_missing_bucket(self.url, error)
            if isinstance(error, OSError) and (error.filename or error.errno in _OF_THE_DISK):
                raise  # about this machine's files, not the store
            if isinstance(error, PermissionError):
                raise WorkspaceError(
                    f"{self.url}: the store refuses: {_line(error)}. Check the access keys."
                ) from error
            if "credentials" in str(error).lower():
                raise WorkspaceError(
                    f"{self.url}: {_line(error)}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile."
                ) from error
            raise ObjectStoreError(
                f"{self.url}: the store does not answer as it should: {_line(error)}. "
                "This machine keeps what was done: run the command again when the store can be reached."
            ) from error


def _refuse_missing_bucket(url: str, error: FileNotFoundError) -> None:
    if "bucket does not exist" in str(error):
        raise WorkspaceError(f"{url}: {_line(error)}. Create it, or correct the URL.") from error


def _line(error: Exception) -> str:
    return (str(error) or repr(error)).splitlines()[0]


def _client_errors() -> tuple[type[Exception], ...]:
    """Return the errors of the S3 client that are no OSError; none where it is not installed."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        return ()
    return (BotoCoreError, ClientError)


def log_large_transfer(url: str, verb: str, sizes: Collection[int]) -> None:
    """Log a line for a transfer of more than 200 MB, so that a waiting user knows why.

    Args:
        url: The store.
        verb: "fetching" or "storing".
        sizes: Bytes of each file.
    """
    if sum(sizes) > _LARGE:
        _LOG.warning("%s: %s %s files, %.1f GB", url, verb, f"{len(sizes):,}", sum(sizes) / 1e9)
