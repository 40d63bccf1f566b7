"""The object store of a workspace, as seen from its working copy on this machine."""

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
    files_of,
    is_segment,
    mark,
    read_record,
    store_url_of,
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
