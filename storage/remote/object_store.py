"""An object store through fsspec: names below one address, each object whole or not there."""

import errno
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from m5data.errors import ObjectStoreError, WorkspaceError

__all__ = ["ObjectStore", "in_parallel"]

_AT_ONCE = 8
"""Objects that are on their way together."""
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


T = TypeVar("T")
R = TypeVar("R")


def in_parallel(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Do work for items, some at a time; the first error ends it once those under way have ended."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(work, items)


class ObjectStore:
    """The objects below an address. Threads may use it together.

    Access keys and the endpoint come from the environment, as boto has them. The client tries a request again some
    times before it gives up, within seconds; nothing here does.

    Raises:
        WorkspaceError: No package for such addresses is installed; or, of any method, the store refuses the keys or
            has no such bucket.
        ObjectStoreError: Of any method: the store does not answer, or fails.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._opened: tuple[Any, str] | None = None

    def names(self, folder: str) -> dict[str, int]:
        """Return name -> bytes of every object in ``folder``, a part of the address ("" is all)."""
        with self._told():
            files, root = self._files()
            found = files.find(f"{root}/{folder}".rstrip("/"), detail=True)
        return {path.removeprefix(f"{root}/"): int(facts["size"]) for path, facts in sorted(found.items())}

    def read(self, name: str) -> bytes | None:
        """Return an object's bytes; None: there is none."""
        with self._told():
            files, root = self._files()
            try:
                return cast("bytes", files.cat_file(f"{root}/{name}"))
            except FileNotFoundError as error:
                _refuse_missing_bucket(self.address, error)
                return None

    def write(self, name: str, data: bytes) -> None:
        """Make ``data`` the object ``name``."""
        with self._told():
            files, root = self._files()
            files.pipe_file(f"{root}/{name}", data)

    def create(self, name: str, data: bytes) -> bool:
        """Make ``data`` the object ``name`` unless there is one; return whether it was made."""
        with self._told():
            files, root = self._files()
            try:
                files.pipe_file(f"{root}/{name}", data, mode="create")
            except FileExistsError:
                return False
        return True

    def upload(self, path: Path, name: str) -> None:
        """Make a file's content the object ``name``."""
        with self._told():
            files, root = self._files()
            files.put_file(str(path), f"{root}/{name}")

    def download(self, name: str, path: Path) -> bool:
        """Write an object's bytes to a file; False: there is no such object."""
        with self._told():
            files, root = self._files()
            try:
                files.get_file(f"{root}/{name}", str(path))
            except FileNotFoundError as error:
                _refuse_missing_bucket(self.address, error)
                return False
        return True

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; those that are not there are no matter."""
        for _ in in_parallel(self._remove, names):
            pass

    def _remove(self, name: str) -> None:
        with self._told(), suppress(FileNotFoundError):
            files, root = self._files()
            files.rm_file(f"{root}/{name}")

    def _files(self) -> tuple[Any, str]:
        if self._opened is None:
            import fsspec.core  # noqa: PLC0415 - a workspace that is a folder never needs it

            try:
                files, root = fsspec.core.url_to_fs(self.address, use_listings_cache=False, skip_instance_cache=True)
            except (ValueError, ImportError) as error:
                raise WorkspaceError(
                    f"{self.address}: wanted an address that fsspec knows: {error}; for s3: pip install 'm5data[s3]'"
                ) from None
            self._opened = files, root.rstrip("/")
        return self._opened

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say of the store's errors in one line what to do."""
        wrong: tuple[type[Exception], ...] = (OSError, *_client_errors())
        try:
            yield
        except wrong as error:
            if isinstance(error, FileNotFoundError):
                _refuse_missing_bucket(self.address, error)
            if isinstance(error, OSError) and (error.filename or error.errno in _OF_THE_DISK):
                raise  # of this machine's files, not of the store
            if isinstance(error, PermissionError):
                raise WorkspaceError(
                    f"{self.address}: the store refuses: {_line(error)}; check the access keys"
                ) from error
            if "credentials" in str(error).lower():
                raise WorkspaceError(
                    f"{self.address}: {_line(error)}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
                ) from error
            raise ObjectStoreError(
                f"{self.address}: the store does not answer as it should: {_line(error)}; what was done is kept on "
                "this machine: run it again when the store can be reached"
            ) from error


def _refuse_missing_bucket(address: str, error: FileNotFoundError) -> None:
    if "bucket does not exist" in str(error):
        raise WorkspaceError(f"{address}: {_line(error)}; make it, or correct the address") from error


def _line(error: Exception) -> str:
    return (str(error) or repr(error)).splitlines()[0]


def _client_errors() -> tuple[type[Exception], ...]:
    """Return what the client of S3 raises that is no OSError; nothing where it is not installed."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        return ()
    return (BotoCoreError, ClientError)
