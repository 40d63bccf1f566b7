"""The object store of a workspace and its working copy on this machine."""

import fcntl
import hashlib
import logging
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from m5data.errors import ObjectStoreError, UsageError, WorkspaceError
from m5data.stage import Clock, utc_now
from storage.files import Layout
from storage.lock import holder_of
from storage.place import OWN_FOLDER, Entry, ObjectStore, address_of, log_large_transfer, mark, store_url_of
from storage.remote.lease import LEASE, Lease
from storage.remote.local_copy import (
    Known,
    Record,
    files_of,
    is_segment,
    read_record,
    write_record,
)
from storage.remote.pull import fetch, listed, pull
from storage.remote.push import push
from storage.versions import latest_number

__all__ = ["WORKING_COPIES", "Home", "is_store_url", "segment_file", "working_copy"]

WORKING_COPIES = "M5DATA_WORKING_COPIES"
"""Environment variable that names the folder of working copies."""

_SETTINGS = "m5data.toml"
_TRIES = 5
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LOG = logging.getLogger(__name__)


class _BothCommittedError(WorkspaceError):
    """This machine and another have both committed since they agreed."""


class Home:
    """Keeps a working copy and its store in step."""

    def __init__(self, root: Path, url: str, token: str, clock: Clock = utc_now) -> None:
        self.url = url
        self._root = root
        self._place = ObjectStore(url)
        self._lease = Lease(self._place, token, clock)

    @staticmethod
    def of(root: Path, clock: Clock = utc_now) -> "Home | None":
        """Return the home of a working copy; None: the folder is a workspace of its own."""
        named = address_of(root)
        return None if named is None else Home(root.absolute(), *named, clock)

    def refresh(self) -> None:
        """Bring the working copy up to the newest version in the store, unless a run of this machine is ahead of it.

        If this machine and another have both committed since they agreed, this one begins anew; what it alone has
        stays in a folder beside.

        Raises:
            WorkspaceError: There is no workspace.
            ObjectStoreError: The store does not answer.
        """
        if holder_of(self._root) is not None:
            return
        try:
            with self._alone():
                found = self._settle(own=self._lease.is_own())
        except _BothCommittedError as error:
            aside = self._set_aside()
            _LOG.warning("%s Its own work is in %s: remove it to give it up.", error, aside)
            self.refresh()
            return
        if not found:
            raise WorkspaceError(f"{self.url}: not a workspace. Create one with: m5data init {self.url}")

    def make_ready(self) -> None:
        """Empty the working copy, so that a workspace can be created in it.

        Raises:
            WorkspaceError: There is one already, or there are other files.
        """
        there = listed(self._place)
        if _has_versions(self.url, there) or read_record(self._root).files:
            self._settle(own=False)  # says so if the store was emptied
            raise WorkspaceError(
                f"{self.url}: already a workspace, at dataset version {latest_number(Layout(self._root))}. Use it, or "
                "name another place."
            )
        if there and self._place.tag(LEASE) is None:  # else a killed run left them, which was making a workspace
            raise WorkspaceError(f"{self.url}: holds other files, {min(there)} for example. Name an empty place.")
        for path in self._root.iterdir() if self._root.is_dir() else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        mark(self._root, self.url)
        write_record(self._root, Record({path: Known(entry.etag, None) for path, entry in there.items()}))

    def enter(self, before_pull: Callable[[], None]) -> None:
        """Take the lease and bring the working copy up to date. Only under this machine's lock.

        Args:
            before_pull: Called before files of the working copy are replaced, to close them.

        Raises:
            WorkspaceError: Another machine writes, or both machines have committed since they agreed.
            ObjectStoreError: The store does not answer.
        """
        own = self._lease.is_own()
        self._lease.take()
        try:
            with self._alone():
                before_pull()
                self._settle(own=own)
        except BaseException:
            self._lease.drop()
            raise

    def publish(self) -> None:
        """Store all changes.

        Raises:
            WorkspaceError: Another machine stored something meanwhile.
            ObjectStoreError: The store does not answer: the next run stores it.
        """
        push(self._place, self._root, self._lease.confirm)

    def leave(self) -> None:
        """Store all changes since the last commit, and release the lease.

        If that fails the lease stays: nobody is to build on half of the changes while this machine can end it.
        """
        try:
            self.publish()
        except ObjectStoreError:
            self._lease.abandon()
            raise
        except BaseException:
            self._lease.drop()
            raise
        self._lease.drop()

    def drop(self) -> None:
        """Release the lease without storing anything."""
        self._lease.drop()

    def describe(self) -> str:
        """Return a line on the last stored version and on how many segments are on this machine."""
        files = read_record(self._root).files
        if not files:
            return "nothing was fetched yet"
        segments = [path for path in files if is_segment(path)]
        here = sum((self._root / path).exists() for path in segments)
        newest = max(path for path in files if path.startswith("versions/"))
        return f"version {int(Path(newest).stem)}; {here:,} of {len(segments):,} segments are here"

    def fetch_segments(self) -> None:
        """Fetch every segment that is not on this machine yet."""
        for path in read_record(self._root).files:
            if is_segment(path):
                segment_file(self._root, path.removeprefix("objects/"))

    def _settle(self, *, own: bool) -> bool:
        """Bring the working copy up to the store, and return whether that has a workspace.

        Args:
            own: The lease was this copy's: what has changed there was stored by a run of it that did not end.
        """
        for _ in range(_TRIES):
            there, record = listed(self._place), read_record(self._root)
            if not _has_versions(self.url, there):
                if _has_versions(self.url, record.files):
                    raise WorkspaceError(
                        f"{self.url}: the workspace is gone from the store. Restore it, or move {self._own} away "
                        f"to make {self._root} a workspace of this machine."
                    )
                return False
            tags = {path: entry.etag for path, entry in there.items()}
            if not record.incomplete and (own or {p: known.tag for p, known in record.files.items()} == tags):
                self._adopt(record, tags)
                return True
            kept = () if record.incomplete else self._own_changes(record, there)
            if pull(self._place, self._root, record, there, kept):
                return True
        raise ObjectStoreError(f"{self.url}: changed {_TRIES} times while it was fetched. Run the command again.")

    def _adopt(self, record: Record, tags: Mapping[str, str]) -> None:
        """Take note of what a killed run of this copy has stored."""
        before = record.files
        same = {path: before[path] for path, tag in tags.items() if path in before and before[path].tag == tag}
        files = {path: same.get(path, Known(tag, None)) for path, tag in tags.items()}
        if files != before:
            write_record(self._root, replace(record, files=files, databases={}))

    def _own_changes(self, record: Record, there: Mapping[str, Entry]) -> tuple[str, ...]:
        """Return the paths that stay as they are here: the settings, if only this machine changed them.

        Raises:
            _BothCommittedError: Both machines have committed, or both have changed the settings.
        """
        here, known = files_of(self._root), record.files
        own = [path for path in here if path.startswith("versions/") and path not in known]
        changed = _SETTINGS in here and (_SETTINGS not in known or known[_SETTINGS].stat != here[_SETTINGS])
        if changed and self._place.read(_SETTINGS) != (self._root / _SETTINGS).read_bytes():
            own.append(_SETTINGS)
        only_settings = own == [_SETTINGS] and _SETTINGS in known and known[_SETTINGS].tag == there[_SETTINGS].etag
        if own and not only_settings:
            raise _BothCommittedError(
                f"{self.url}: another machine has stored something, and this one has files that were never stored "
                f"({', '.join(own)})."
            )
        return tuple(own)

    def _set_aside(self) -> Path:
        """Move the working copy to a folder beside, and leave an empty one."""
        number = 1
        while (aside := self._root.with_name(f"{self._root.name}.own-{number}")).exists():
            number += 1
        self._root.rename(aside)
        (aside / OWN_FOLDER).rename(aside / f"{OWN_FOLDER}.was")  # a workspace of this machine from now on
        mark(self._root, self.url)
        return aside

    @property
    def _own(self) -> Path:
        return self._root / OWN_FOLDER

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of this machine's processes that bring the working copy up to date."""
        with (self._own / "pulling.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _has_versions(url: str, paths: Collection[str]) -> bool:
    """Return whether files include dataset versions.

    Raises:
        WorkspaceError: They are those of a workspace that m5data 0.1.0 stored.
    """
    if any(path.startswith("versions/") for path in paths):
        return True
    if any(path.startswith("lists/") for path in paths):
        raise WorkspaceError(
            f"{url}: m5data 0.1.0 stored this workspace in another form. Copy it to a folder with that version "
            f"(m5data copy DIR -w {url}), and from there to another URL with this one."
        )
    return False


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
            known = read_record(root).files.get(f"objects/{name}")
            if known is not None and not path.exists():
                _fetch_segment(root, ObjectStore(url), f"objects/{name}", known.tag)
    return path


def _fetch_segment(root: Path, place: ObjectStore, path: str, tag: str) -> None:
    there = place.list(path.rpartition("/")[0])
    entry = there.get(path)
    log_large_transfer(place.url, "fetching", [entry.size] if entry else [])
    if entry is None or entry.etag != tag or not fetch(place, entry, root, path):
        raise WorkspaceError(
            f"{place.url}: another machine has changed {path} since this workspace was opened. Open it again."
        )
