"""Places (folders or object stores), which hold objects by name, each complete or absent."""

import configparser
import errno
import logging
import mmap
import os
import shutil
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from core.errors import ObjectStoreError, UsageError, WorkspaceError
from core.files import TEMPORARY, replace_file, replacing, sync_folder
from core.urls import without_secrets

if TYPE_CHECKING:
    import obstore.store

__all__ = [
    "OWN_FOLDER",
    "Entry",
    "FolderLocation",
    "Location",
    "ObjectStore",
    "in_parallel",
    "location_at",
    "log_large_transfer",
]

OWN_FOLDER = ".m5data"
"""Folder in a working copy with its record of the store; in the store, the folder of the lease."""

_AT_ONCE = 8
"""Transfers at a time."""
_LARGE = 200_000_000
_IN_MEMORY = 1 << 24
"""Bytes up to which a file is read before it is sent; a larger one is memory-mapped."""
_SECONDS, _BYTES_A_SECOND = 60, 500_000
"""Deadline of a request, and the rate at which the bytes that it sends extend it."""
_RETRIES = 5
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
_LOG = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield the results of ``work`` in the order of items, several at a time; the first error stops it."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        upcoming = iter(items)
        begun = deque(pool.submit(work, item) for item in islice(upcoming, 2 * _AT_ONCE))
        try:
            while begun:
                yield begun.popleft().result()
                begun.extend(pool.submit(work, item) for item in islice(upcoming, 1))
        finally:
            for future in begun:
                future.cancel()


@dataclass(frozen=True, slots=True)
class Entry:
    """One object as the store lists it."""

    size: int
    """Bytes."""
    etag: str
    """Tag that changes with the content."""
    modified: datetime


class Location(Protocol):
    """Interface of a place that tasks and spools need; names are relative to it, with slashes."""

    def read(self, name: str) -> bytes | None:
        """Return an object's bytes; None: no such object."""

    def read_range(self, name: str, offset: int, length: int) -> bytes | None:
        """Return ``length`` bytes of an object from ``offset``, fewer at its end; None: no such object."""

    def create(self, name: str, data: bytes | Path) -> str | None:
        """Create an object from bytes or a file, durable on return; None: the name exists already."""

    def write(self, name: str, data: bytes) -> None:
        """Write or overwrite an object, durable on return."""

    def has(self, name: str) -> bool:
        """Return whether there is such an object."""

    def list(self, folder: str) -> Iterable[str]:
        """Return the names of the objects in a folder and below, in order."""

    def clear(self, folder: str) -> None:
        """Remove every object in a folder."""


def location_at(location: str) -> Location:
    """Return the place at a URL or in a folder."""
    return ObjectStore(location) if "://" in location else FolderLocation(Path(location))


class FolderLocation:
    """A folder on this machine, or one that all machines share."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes; None: no such file."""
        try:
            return (self._root / name).read_bytes()
        except FileNotFoundError:
            return None

    def read_range(self, name: str, offset: int, length: int) -> bytes | None:
        """Return ``length`` bytes of a file from ``offset``, fewer at its end; None: no such file."""
        try:
            with (self._root / name).open("rb", buffering=0) as file:
                return os.pread(file.fileno(), length, offset)
        except FileNotFoundError:
            return None

    def create(self, name: str, data: bytes | Path) -> str | None:
        """Create a file from bytes or another file, synced on return; None: the name exists already."""
        if self.has(name):
            return None
        if isinstance(data, bytes):
            self.write(name, data)
        else:
            with data.open("rb") as source, replacing(self._root / name) as file:
                shutil.copyfileobj(source, file)
        return name

    def write(self, name: str, data: bytes) -> None:
        """Write or overwrite a file, synced on return."""
        path = self._root / name
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            for folder in path.parent.relative_to(self._root).parents:
                sync_folder(self._root / folder)
        replace_file(path, data)

    def has(self, name: str) -> bool:
        """Return whether there is such a file."""
        return (self._root / name).is_file()

    def list(self, folder: str) -> Iterable[str]:
        """Return the names of the files in a folder and below, in order."""
        found = (path for path in (self._root / folder).rglob("*") if path.suffix != TEMPORARY and path.is_file())
        return sorted(path.relative_to(self._root).as_posix() for path in found)

    def clear(self, folder: str) -> None:
        """Remove a folder with all files."""
        path = self._root / folder
        if path.is_dir():
            shutil.rmtree(path)


class ObjectStore:
    """The objects below a URL. Threads may share it.

    Access keys and the endpoint come from the environment, or from AWS's credentials file. Failed requests are
    retried within seconds.

    Raises:
        UsageError: No object store has such URLs.
        WorkspaceError: From any method: the store refuses the keys, or has no such bucket.
        ObjectStoreError: From any method: the store does not answer, or fails.
    """

    def __init__(self, url: str) -> None:
        self.url = without_secrets(url)
        """For messages."""
        self._address = url
        self._store = self._open(0)

    def list(self, folder: str = "") -> dict[str, Entry]:
        """Return name -> entry of every object in ``folder``, a path below the URL ("" for all), sorted by name."""
        with self._errors_explained():
            found = [facts for batch in self._store.list(folder or None) for facts in batch]
        return {one["path"]: _entry(one) for one in sorted(found, key=lambda one: one["path"])}

    def read(self, name: str) -> bytes | None:
        """Return an object's bytes; None: no such object."""
        return self._got(name, lambda got: bytes(got.bytes()))

    def read_range(self, name: str, offset: int, length: int) -> bytes | None:
        """Return ``length`` bytes of an object from ``offset``, fewer at its end; None: no such object."""
        return self._got(name, lambda got: bytes(got.bytes()), {"range": (offset, offset + length)} if length else {})

    def fetch(self, name: str, path: Path) -> Entry | None:
        """Write an object's bytes to a file, and return its entry; None: no such object."""

        def save(got: Any) -> Entry:  # noqa: ANN401 - obstore's type is not importable at run time
            with path.open("wb") as file:
                for chunk in got:
                    file.write(chunk)
            return _entry(got.meta)

        return self._got(name, save)

    def entry(self, name: str) -> Entry | None:
        """Return an object's entry; None: no such object."""
        return self._got(name, lambda got: _entry(got.meta), {"head": True})

    def has(self, name: str) -> bool:
        """Return whether there is such an object."""
        return self.entry(name) is not None

    def create(self, name: str, data: bytes | Path) -> str | None:
        """Create an object from bytes or a file, and return its tag; None: one with other content exists."""
        return self._put(name, data, "create")

    def replace(self, name: str, data: bytes | Path, tag: str) -> str | None:
        """Replace the object that has ``tag``, and return its new tag; None: it has another tag, or is missing."""
        return self._put(name, data, {"e_tag": tag})

    def write(self, name: str, data: bytes | Path) -> None:
        """Write or overwrite an object, in parts if it is large; only where nobody else writes."""
        with self._errors_explained():
            self._store.put(name, data, chunk_size=_IN_MEMORY, max_concurrency=_AT_ONCE // 2)

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; missing ones are ignored."""
        paths = [*names]
        if paths:
            with self._errors_explained():
                self._store.delete(paths)

    def clear(self, folder: str) -> None:
        """Remove every object in a folder."""
        self.remove(self.list(folder))

    def _open(self, size: int) -> "obstore.store.ObjectStore":
        """Return the client for requests of ``size`` bytes."""
        from obstore.exceptions import BaseError  # noqa: PLC0415 - a workspace that is a folder never needs it
        from obstore.store import from_url  # noqa: PLC0415 - as above

        seconds = _SECONDS + size / _BYTES_A_SECOND
        waits: Any = {
            "timeout": timedelta(seconds=seconds),
            "connect_timeout": timedelta(seconds=5),
            "allow_http": True,
        }
        if not size:  # a download may go on as long as data keeps coming
            waits |= {"timeout": timedelta(days=1), "read_timeout": timedelta(seconds=seconds)}
        retry: Any = {"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=seconds)}
        keys: Any = _shared_keys() if self._address.startswith("s3") else {}
        try:
            return from_url(self._address, client_options=waits, retry_config=retry, **keys)
        except (BaseError, ValueError) as error:
            raise UsageError(
                f"{self.url}: no object store has such URLs ({self._line(error)}). "
                "Give a folder, or a URL such as s3://bucket/prefix, gs://… or az://…."
            ) from None

    def _got(self, name: str, use: Callable[[Any], R], options: Any = None) -> R | None:  # noqa: ANN401 - a TypedDict
        """Return what ``use`` makes of an object; None: no such object."""
        with self._errors_explained():
            try:
                return use(self._store.get(name, options=options))
            except FileNotFoundError as error:
                self._refuse_missing_bucket(error)
                return None

    def _put(self, name: str, data: bytes | Path, mode: Any) -> str | None:  # noqa: ANN401 - a TypedDict
        from obstore.exceptions import AlreadyExistsError, PreconditionError  # noqa: PLC0415 - as above

        content = data if isinstance(data, bytes) else _content(data)
        store = self._store if len(content) <= _IN_MEMORY else self._open(len(content))
        with self._errors_explained():
            try:
                return store.put(name, content, mode=mode, use_multipart=False)["e_tag"]
            except (AlreadyExistsError, PreconditionError):
                return self._got(name, lambda got: _tag_if_same(got, content))  # an answer to a first try may be lost

    @contextmanager
    def _errors_explained(self) -> Iterator[None]:
        """Turn the client's errors into errors that say what to do."""
        from obstore.exceptions import (  # noqa: PLC0415 - as above
            BaseError,
            InvalidPathError,
            PermissionDeniedError,
            UnauthenticatedError,
        )

        try:
            yield
        except InvalidPathError as error:
            raise WorkspaceError(
                f"{self.url}: an object has a name that no file can have: {self._line(error)}. m5data made no such "
                "object: remove it with the store's own tools."
            ) from error
        except (BaseError, OSError) as error:
            self._refuse_missing_bucket(error)
            if isinstance(error, OSError) and (error.filename or error.errno in _OF_THE_DISK):
                raise  # about this machine's files, not the store
            if "169.254.169.254" in str(error):  # where Amazon's machines get their keys
                raise WorkspaceError(
                    f"{self.url}: no access keys were found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a "
                    "profile."
                ) from error
            if isinstance(error, (PermissionDeniedError, UnauthenticatedError)):
                raise WorkspaceError(
                    f"{self.url}: the store refuses: {self._line(error)}. Check the access keys."
                ) from error
            raise ObjectStoreError(
                f"{self.url}: the store does not answer as it should: {self._line(error)}. "
                "This machine keeps what was done: run the command again when the store can be reached."
            ) from error

    def _line(self, error: Exception) -> str:
        """Return the first line of an error, without the secrets of the URL."""
        return (str(error) or repr(error)).splitlines()[0].replace(self._address, self.url)

    def _refuse_missing_bucket(self, error: Exception) -> None:
        if "NoSuchBucket" in str(error):
            raise WorkspaceError(f"{self.url}: there is no such bucket. Create it, or correct the URL.") from error


def _entry(facts: Any) -> Entry:  # noqa: ANN401 - as in ``fetch``
    return Entry(facts["size"], facts["e_tag"] or "", facts["last_modified"])


def _tag_if_same(got: Any, content: bytes | mmap.mmap) -> str | None:  # noqa: ANN401 - as in ``fetch``
    """Return the tag of an object that has this content; None: its content differs."""
    position = 0
    for chunk in got:
        if content[position : position + len(chunk)] != bytes(chunk):
            return None
        position += len(chunk)
    return str(got.meta["e_tag"]) if position == len(content) else None


def _content(path: Path) -> bytes | mmap.mmap:
    """Return a file's bytes; a large file is memory-mapped."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size <= _IN_MEMORY:
            return file.read()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _shared_keys() -> dict[str, str]:
    """Return the keys of the profile in AWS's credentials file, if the environment has none."""
    if "AWS_ACCESS_KEY_ID" in os.environ:
        return {}
    path = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or Path.home() / ".aws" / "credentials")
    profiles = configparser.ConfigParser(interpolation=None)
    profiles.read(path, encoding="utf-8")
    name = os.environ.get("AWS_PROFILE", "default")
    wanted = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    return {key: profiles[name][key] for key in wanted if profiles.has_option(name, key)}


def log_large_transfer(url: str, verb: str, sizes: Collection[int]) -> None:
    """Log a line for a transfer of more than 200 MB, so that a waiting user knows why.

    Args:
        url: The store.
        verb: "fetching" or "storing".
        sizes: Bytes of each file.
    """
    if sum(sizes) > _LARGE:
        _LOG.warning("%s: %s %s files, %.1f GB", url, verb, f"{len(sizes):,}", sum(sizes) / 1e9)
