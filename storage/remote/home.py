"""The object store that a workspace lies in, as its working copy on this machine deals with it."""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from m5data.errors import CorruptObjectError, ObjectStoreError, WorkspaceError
from m5data.stage import Clock, utc_now
from storage.files import Layout, file_sha256
from storage.lock import holder_of
from storage.remote.lease import Lease
from storage.remote.local_copy import (
    OWN_FOLDER,
    Record,
    address_of,
    files_of,
    is_segment,
    mark,
    read_record,
    write_record,
)
from storage.remote.manifest import FILES, Manifest, forget_numbers, newest
from storage.remote.object_store import ObjectStore
from storage.remote.pull import pull
from storage.remote.push import push, store_list
from storage.remote.transfer import segment_file
from storage.versions import latest_number

__all__ = ["Home"]

_SETTINGS = "m5data.toml"
_TRIES = 5


class Home:
    """What keeps a working copy and its store in step."""

    def __init__(self, root: Path, address: str, clock: Clock = utc_now) -> None:
        self.address = address
        self._root = root
        self._store = ObjectStore(address)
        self._lease = Lease(self._store, clock)

    @staticmethod
    def of(root: Path, clock: Clock = utc_now) -> "Home | None":
        """Return the home of a working copy; None: the folder is a workspace of its own."""
        address = address_of(root)
        return None if address is None else Home(root.absolute(), address, clock)

    def refresh(self) -> None:
        """Bring the working copy up to what the store holds, unless a run of this machine is ahead of it.

        Raises:
            WorkspaceError: There is no workspace, or this machine and another have both committed since they agreed.
            ObjectStoreError: The store does not answer.
        """
        with self._alone():
            if holder_of(self._root) is None and self._settle() is None:
                raise WorkspaceError(
                    f"{self.address}: wanted a workspace, found none; make one with: m5data init {self.address}"
                )

    def make_ready(self) -> None:
        """Make the working copy empty for a workspace that is to be made.

        Raises:
            WorkspaceError: There is one already.
        """
        found = self._settle() if read_record(self._root).manifest else newest(self._store)
        if found is not None:
            raise WorkspaceError(
                f"{self.address}: wanted a place without a workspace, found one of dataset version {found.version}; "
                "use it, or name another place"
            )
        for path in self._root.iterdir() if self._root.is_dir() else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        mark(self._root, self.address)

    def enter(self, before_pull: Callable[[], None]) -> None:
        """Take the lease, and bring the working copy up to the store; the writer's lock of this machine is held.

        Args:
            before_pull: Closes what is open of the working copy.

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
        """Store the dataset versions that a killed run committed here, and did not get to store."""
        record = read_record(self._root)
        if record.manifest is not None and latest_number(Layout(self._root)) > record.manifest.version:
            self.publish()

    def publish(self) -> None:
        """Store what has changed.

        Raises:
            WorkspaceError: Another machine stored something meanwhile.
            ObjectStoreError: The store does not answer: the next run stores it.
        """
        push(self._store, self._root, read_record(self._root))

    def leave(self) -> None:
        """Store what has changed since the last commit, and give the lease back."""
        try:
            self.publish()
        finally:
            self._lease.drop()

    def drop(self) -> None:
        """Give the lease back, and store nothing."""
        self._lease.drop()

    def standing(self) -> str:
        """Say what was stored last, and how many segments are on this machine."""
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
        """Bring the working copy up to the newest manifest and return that; None: the store has none."""
        for _ in range(_TRIES):
            found = newest(self._store)
            record = self._known(found)
            if found is None:
                if record.manifest is not None:
                    raise WorkspaceError(
                        f"{self.address}: the workspace is gone from the store; restore it, or move {self._own} away "
                        f"to make {self._root} a workspace of this machine"
                    )
                return None
            if record.manifest is not None and record.manifest.token == found.token and record.pulling is None:
                return found
            kept = () if record.pulling else self._own_changes(record, found)
            if pull(self._store, self._root, record, found, kept) is not None:
                return found
        raise ObjectStoreError(f"{self.address}: changed {_TRIES} times while it was fetched; run it again")

    def _known(self, found: Manifest | None) -> Record:
        """Return the record; a manifest that a killed run of this copy stored is that copy's own."""
        record = read_record(self._root)
        if record.pushing is not None and found is not None and record.pushing.token == found.token:
            record = replace(record, manifest=record.pushing, pushing=None)
            write_record(self._root, record)
        return record

    def _own_changes(self, record: Record, found: Manifest) -> tuple[str, ...]:
        """Return what stays as it is here: settings that were changed here alone.

        Raises:
            WorkspaceError: This machine has committed, too, or the settings were changed on both.
        """
        base = record.manifest.files if record.manifest else {}
        here = [path for path in files_of(self._root) if path.startswith("versions/") or path == _SETTINGS]
        own = [p for p in here if p not in base or base[p].sha256 != file_sha256(self._root / p)]
        only_settings = own == [_SETTINGS] and base.get(_SETTINGS) == found.files.get(_SETTINGS)
        if own and not only_settings:
            raise WorkspaceError(
                f"{self.address}: {found.host} stored dataset version {found.version} at {found.written}, and this "
                f"machine has what was never stored ({', '.join(own)}): remove {self._root} to give this up, or "
                f"{self._own} to keep it as a workspace of this machine"
            )
        return tuple(own)

    def _sweep(self, found: Manifest, *, fence: bool) -> None:
        """Check that the store has what its list names, and remove the rest, which a push that was killed left.

        First a new list is stored: a writer that lost its lease, and still lives, can store none any more.
        """
        named = {entry.key: entry.size for entry in found.files.values()}
        there = self._store.names(FILES)
        if lost := [key for key, size in named.items() if there.get(key) != size]:
            raise CorruptObjectError(
                f"{self.address}: wanted every file of its list, {len(lost)} are not there whole, {lost[0]} for one; "
                "restore them from a backup"
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
        """Wait for other processes of this machine that bring the working copy up to date."""
        with (self._own / "pulling.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
