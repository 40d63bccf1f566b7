"""The object store of a workspace and its working copy on this machine."""

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from m5data.errors import CorruptObjectError, ObjectStoreError, UsageError, WorkspaceError
from m5data.stage import Clock, utc_now
from storage.files import Layout, file_sha256, replace_file
from storage.lock import holder_of
from storage.remote.lease import Lease
from storage.remote.local_copy import (
    OWN_FOLDER,
    Record,
    files_of,
    is_segment,
    read_record,
    write_record,
)
from storage.remote.manifest import FILES, Manifest, forget_numbers, newest
from storage.remote.object_store import ObjectStore, log_large_transfer
from storage.remote.pull import fetch, pull
from storage.remote.push import push, store_list
from storage.versions import latest_number

__all__ = ["WORKING_COPIES", "Home", "is_store_url", "mark", "segment_file", "store_url_of", "working_copy"]

WORKING_COPIES = "M5DATA_WORKING_COPIES"
"""Environment variable that names the folder of working copies."""

_SETTINGS = "m5data.toml"
_TRIES = 5
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class Home:
    """Keeps a working copy and its store in step."""

    def __init__(self, root: Path, url: str, clock: Clock = utc_now) -> None:
        self.url = url
        self._root = root
        self._store = ObjectStore(url)
        self._lease = Lease(self._store, clock)

    @staticmethod
    def of(root: Path, clock: Clock = utc_now) -> "Home | None":
        """Return the home of a working copy; None: the folder is a workspace of its own."""
        url = store_url_of(root)
        return None if url is None else Home(root.absolute(), url, clock)

    def refresh(self) -> None:
        """Bring the working copy up to the newest version in the store, unless a run of this machine is ahead of it.

        Raises:
            WorkspaceError: There is no workspace, or this machine and another have both committed since they agreed.
            ObjectStoreError: The store does not answer.
        """
        with self._alone():
            if holder_of(self._root) is None and self._settle() is None:
                raise WorkspaceError(f"{self.url}: not a workspace. Create one with: m5data init {self.url}")

    def make_ready(self) -> None:
        """Empty the working copy, so that a workspace can be created in it.

        Raises:
            WorkspaceError: There is one already.
        """
        found = self._settle() if read_record(self._root).manifest else newest(self._store)
        if found is not None:
            raise WorkspaceError(
                f"{self.url}: already a workspace, at dataset version {found.version}. Use it, or name another place."
            )
        for path in self._root.iterdir() if self._root.is_dir() else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        mark(self._root, self.url)

    def enter(self, before_pull: Callable[[], None]) -> None:
        """Take the lease and bring the working copy up to date. Only under this machine's lock.

        Args:
            before_pull: Called before files of the working copy are replaced, to close them.

        Raises:
            WorkspaceError: Another machine writes, or both machines have committed since they agreed.
            ObjectStoreError: The store does not answer.
        """
        taken_over = self._lease.take()
        try:
            with self._alone():
                before_pull()
                newest_one = self._settle()
                if newest_one is not None:
                    self._sweep(newest_one, fence=taken_over)
        except BaseException:
            self._lease.drop()
            raise

    def catch_up(self) -> None:
        """Store the dataset versions that a killed run committed here but did not store."""
        record = read_record(self._root)
        if record.manifest is not None and latest_number(Layout(self._root)) > record.manifest.version:
            self.publish()

    def publish(self) -> None:
        """Store all changes.

        Raises:
            WorkspaceError: Another machine stored something meanwhile.
            ObjectStoreError: The store does not answer: the next run stores it.
        """
        push(self._store, self._root, read_record(self._root))

    def leave(self) -> None:
        """Store all changes since the last commit, and release the lease."""
        try:
            self.publish()
        finally:
            self._lease.drop()

    def drop(self) -> None:
        """Release the lease without storing anything."""
        self._lease.drop()

    def describe(self) -> str:
        """Return a line on the last stored version and on how many segments are on this machine."""
        manifest = read_record(self._root).manifest
        if manifest is None:
            return "nothing was fetched yet"
        segments = [path for path in manifest.files if is_segment(path)]
        here = sum((self._root / path).exists() for path in segments)
        return (
            f"version {manifest.version}, stored by {manifest.host} at {manifest.written}; "
            f"{here:,} of {len(segments):,} segments are here"
        )

    def fetch_segments(self) -> None:
        """Fetch every segment that is not on this machine yet."""
        manifest = read_record(self._root).manifest
        for path in manifest.files if manifest else ():
            if is_segment(path):
                segment_file(self._root, path.removeprefix("objects/"))

    def _settle(self) -> Manifest | None:
        """Bring the working copy up to the newest manifest and return it; None: the store has none."""
        for _ in range(_TRIES):
            found = newest(self._store)
            record = self._known(found)
            if found is None:
                if record.manifest is not None:
                    raise WorkspaceError(
                        f"{self.url}: the workspace is gone from the store. Restore it, or move {self._own} away "
                        f"to make {self._root} a workspace of this machine."
                    )
                return None
            if record.manifest is not None and record.manifest.token == found.token and record.pulling is None:
                return found
            kept = () if record.pulling else self._own_changes(record, found)
            if pull(self._store, self._root, record, found, kept) is not None:
                return found
        raise ObjectStoreError(f"{self.url}: changed {_TRIES} times while it was fetched. Run the command again.")

    def _known(self, found: Manifest | None) -> Record:
        """Return the record; a manifest that a killed run of this copy stored is that copy's own."""
        record = read_record(self._root)
        if record.pushing is not None and found is not None and record.pushing.token == found.token:
            record = replace(record, manifest=record.pushing, pushing=None)
            write_record(self._root, record)
        return record

    def _own_changes(self, record: Record, found: Manifest) -> tuple[str, ...]:
        """Return the paths that stay as they are here: the settings, if only this machine changed them.

        Raises:
            WorkspaceError: Both machines have committed, or both have changed the settings.
        """
        base = record.manifest.files if record.manifest else {}
        here = [path for path in files_of(self._root) if path.startswith("versions/") or path == _SETTINGS]
        own = [p for p in here if p not in base or base[p].sha256 != file_sha256(self._root / p)]
        only_settings = own == [_SETTINGS] and base.get(_SETTINGS) == found.files.get(_SETTINGS)
        if own and not only_settings:
            raise WorkspaceError(
                f"{self.url}: {found.host} stored dataset version {found.version} at {found.written}, and this "
                f"machine has files that were never stored ({', '.join(own)}). Remove {self._root} to give them up, or "
                f"{self._own} to keep the folder as a workspace of this machine."
            )
        return tuple(own)

    def _sweep(self, found: Manifest, *, fence: bool) -> None:
        """Check that the store has every file of its list, and remove the rest, which a killed push left.

        With ``fence`` a new list is stored first, so that a live writer that lost its lease can store none.
        """
        named = {entry.key: entry.size for entry in found.files.values()}
        there = self._store.names(FILES)
        if lost := [key for key, size in named.items() if there.get(key) != size]:
            raise CorruptObjectError(
                f"{self.url}: {len(lost)} files of its list are missing or incomplete, {lost[0]} for example. "
                "Restore them from a backup."
            )
        left = [name for name in there if name not in named]
        if left or fence:
            record = read_record(self._root)
            store_list(self._store, self._root, record, found.after(found.version, found.files))
        self._store.remove(left)
        forget_numbers(self._store, found)

    @property
    def _own(self) -> Path:
        return self._root / OWN_FOLDER

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of this machine's processes that bring the working copy up to date."""
        with (self._own / "pulling.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def is_store_url(place: str | Path) -> bool:
    """Return whether a place is the URL of an object store, such as ``s3://bucket/prefix``, and not a folder."""
    return "://" in str(place) and urlsplit(str(place)).scheme != "file"


def working_copy(place: str | Path) -> Path:
    """Return the folder to work on: the one given by path or ``file:`` URL, or the working copy of a store.

    Working copies lie in the folder that ``M5DATA_WORKING_COPIES`` names, else in the user's cache (``m5data`` in
    ``XDG_CACHE_HOME`` or ``~/.cache``). A missing one is created; nothing is fetched yet.

    Raises:
        UsageError: The URL names no bucket.
    """
    text = str(place)
    if not is_store_url(text):
        parts = urlsplit(text)
        return Path(unquote(parts.path)) if parts.scheme == "file" and "://" in text else Path(text)
    url = text.rstrip("/")
    parts = urlsplit(url)
    if not parts.netloc and not parts.path:
        raise UsageError(f"{text}: the URL names no bucket. Write it as s3://bucket/prefix.")
    digest = hashlib.sha256(url.encode()).hexdigest()[:12]
    name = _UNSAFE.sub("-", url.rpartition("/")[2]) or "workspace"
    folder = _parent().absolute() / f"{name}-{digest}"
    mark(folder, url)
    return folder


def mark(folder: Path, url: str) -> None:
    """Make a folder the working copy of a store."""
    if store_url_of(folder) is None:
        (folder / OWN_FOLDER).mkdir(parents=True, exist_ok=True)
        replace_file(_path(folder), url.encode())


def store_url_of(folder: Path) -> str | None:
    """Return the URL of the store that a folder is the working copy of; None: it is a workspace of its own."""
    try:
        return _path(folder).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None


def _path(folder: Path) -> Path:
    return folder / OWN_FOLDER / "address"


def _parent() -> Path:
    named = os.environ.get(WORKING_COPIES)
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "m5data"


def segment_file(root: Path, name: str) -> Path:
    """Return where a segment lies on this machine, fetched first if a working copy lacks it.

    Processes that need the same segment wait for the first of them. The path leads nowhere where the store does not
    know the segment either.

    Raises:
        WorkspaceError: The store has removed it since this copy was fetched.
        ObjectStoreError: The store does not answer.
    """
    path = Layout(root).objects / name
    url = None if path.exists() else store_url_of(root)
    if url is not None:
        with (root / OWN_FOLDER / "fetching.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not path.exists():
                _fetch_segment(root, ObjectStore(url), f"objects/{name}")
    return path


def _fetch_segment(root: Path, store: ObjectStore, path: str) -> None:
    record = read_record(root)
    entry = record.manifest.files.get(path) if record.manifest else None
    log_large_transfer(store.url, "fetching", [entry.size] if entry else [])
    if entry is not None and not fetch(store, entry, root, path):
        raise WorkspaceError(
            f"{store.url}: another machine has changed {path} since this workspace was opened. Open it again."
        )
