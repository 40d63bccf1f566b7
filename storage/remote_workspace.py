"""Synchronisation of a workspace's object store with the working copy on this machine.

The store holds the same files as a folder. Taking the writer's lock takes the lease of the store and updates the
copy; each commit, and the release of the lock, uploads the changes (``storage.publish``). The record of a dataset
version is created last: it commits the version there as it does in a folder.
"""

import logging
import re
import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

from core.errors import ObjectStoreError, WorkspaceError
from core.files import file_sha256
from core.paths import is_plain
from core.stage import Clock, utc_now
from core.urls import without_secrets
from storage.files import DATABASES, DOWNLOADS, FRONTIERS, INDEX, Layout, is_database, remove_database
from storage.lease import LEASE, Lease
from storage.location import OWN_FOLDER, Entry, ObjectStore, in_parallel, log_large_transfer
from storage.lock import holder_of
from storage.objects.index import mark_stale
from storage.publish import push
from storage.versions import latest_number
from storage.working_copy import (
    CopyRecord,
    KnownFile,
    Stat,
    address_of,
    fetch,
    files_of,
    held_alone,
    is_data,
    is_local,
    local_paths,
    mark,
    read_record,
    stat_of,
    write_record,
)

__all__ = ["RemoteWorkspace"]

_SETTINGS = "m5data.toml"
_TRIES = 5
_OWNED = ("tables/", "versions/", "objects/", f"{FRONTIERS}/")
"""Folders in which every file belongs to the store."""
_NOT_THE_WORKSPACE = (f"{OWN_FOLDER}/", "spool/", "versions/")
"""Path prefixes of the lease, of finished results of tasks, and of dataset versions, which are listed separately."""
_VERSION = re.compile(r"versions/(\d{8})\.json")
_LOG = logging.getLogger(__name__)


class _BothCommittedError(WorkspaceError):
    """This machine and another have both committed since their last common state."""


class RemoteWorkspace:
    """A working copy and its store, kept in step."""

    def __init__(self, root: Path, url: str, token: str, clock: Clock = utc_now) -> None:
        self.url = without_secrets(url)
        """For messages."""
        self._address = url
        self._root = root
        self._place = ObjectStore(url)
        self._lease = Lease(self._place, token, clock)

    @staticmethod
    def of(root: Path, clock: Clock = utc_now) -> "RemoteWorkspace | None":
        """Return the home of a working copy; None: the folder is itself the workspace."""
        named = address_of(root)
        return None if named is None else RemoteWorkspace(root.absolute(), *named, clock)

    def refresh(self) -> None:
        """Update the working copy to the newest version in the store, unless a run on this machine is writing to it.

        If this machine and another have both committed since their last common state, this one starts afresh; its
        own work is kept in a neighbouring folder.

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
            WorkspaceError: The store holds a workspace already, or other files.
        """
        there = _listed(self._place)
        if _has_versions(self.url, there) or read_record(self._root).files:
            self._settle(own=False)  # raises if the store was emptied
            raise WorkspaceError(
                f"{self.url}: already a workspace, at dataset version {latest_number(Layout(self._root))}. Use it, or "
                "name another place."
            )
        if there and not self._place.has(LEASE):  # otherwise a killed run left them while creating a workspace
            raise WorkspaceError(f"{self.url}: holds other files, {min(there)} for example. Name an empty place.")
        for path in self._root.iterdir() if self._root.is_dir() else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        mark(self._root, self._address)
        write_record(self._root, CopyRecord({path: KnownFile(entry.etag, None) for path, entry in there.items()}))

    def enter(self, before_pull: Callable[[], None], after_pull: Callable[[], None]) -> None:
        """Take the lease and update the working copy. Requires this machine's lock.

        Args:
            before_pull: Called before files of the working copy are replaced, to close them.
            after_pull: Called once it is up to date; if it fails, the lease is released.

        Raises:
            WorkspaceError: Another machine is writing, or both have committed since their last common state.
            ObjectStoreError: The store does not answer.
        """
        own = self._lease.is_own()
        self._lease.take()
        try:
            with self._alone():
                before_pull()
                self._settle(own=own)
            after_pull()
        except BaseException:
            self._lease.drop()
            raise

    def publish(self) -> None:
        """Upload all changes.

        Raises:
            WorkspaceError: Another machine stored something meanwhile.
            ObjectStoreError: The store does not answer: the next run uploads them.
        """
        push(self._place, self._root, self._lease.confirm)

    def leave(self) -> None:
        """Upload all changes since the last commit, and release the lease.

        If the store does not answer, the lease stays, so that nobody builds on half of the changes while this machine
        can still finish.
        """
        try:
            self.publish()
        except ObjectStoreError:
            self._lease.abandon()
            raise
        finally:
            self._lease.drop()

    def describe(self) -> str:
        """Return a line on the last stored version, and on how many segments and data files are on this machine."""
        files = read_record(self._root).files
        if not files:
            return "nothing was fetched yet"
        data = [path for path in files if is_data(path)]
        here = sum((self._root / path).exists() for path in data)
        newest = max((int(match[1]) for match in map(_VERSION.fullmatch, files) if match), default=0)
        return f"version {newest}; {here:,} of {len(data):,} segments and data files are here"

    def _settle(self, *, own: bool) -> bool:
        """Update the working copy from the store, and return whether that has a workspace.

        Args:
            own: Whether the lease was this copy's: then its own unfinished run stored the changes in the store.
        """
        for _ in range(_TRIES):
            there, record = _listed(self._place), read_record(self._root)
            if not _has_versions(self.url, there):
                if _has_versions(self.url, record.files):
                    raise WorkspaceError(
                        f"{self.url}: the workspace is gone from the store. Restore it, or move "
                        f"{self._root / OWN_FOLDER} away to make what was fetched to {self._root} a workspace."
                    )
                return False
            tags = {path: entry.etag for path, entry in there.items()}
            if not record.incomplete and (own or {p: known.tag for p, known in record.files.items()} == tags):
                settled = self._adopt(record, there)
            else:
                kept = () if record.incomplete else self._own_changes(record, there)
                settled = _pull(self._place, self._root, record, there, kept)
            if settled:
                return True
        raise ObjectStoreError(f"{self.url}: changed {_TRIES} times while it was fetched. Run the command again.")

    def _adopt(self, record: CopyRecord, there: Mapping[str, Entry]) -> bool:
        """Record what a killed run of this copy has uploaded, and fetch or remove the shards that its tasks changed.

        Returns:
            Whether all files were as listed.
        """
        before, here = record.files, files_of(self._root)
        same = {path for path, one in there.items() if path in before and before[path].tag == one.etag}
        changed = (before.keys() | there.keys()) - same
        of_tasks = {path for path in changed if _is_of_tasks(path, here.get(path), before.get(path))}
        taken = sorted(of_tasks & there.keys())
        log_large_transfer(self.url, "fetching", [there[path].size for path in taken])
        if not all(in_parallel(lambda path: fetch(self._place, self._root, path, there[path].etag), taken)):
            return False
        for path in of_tasks - there.keys():
            (self._root / path).unlink(missing_ok=True)
        files = {path: before[path] if path in same else KnownFile(one.etag, None) for path, one in there.items()}
        files |= {path: KnownFile(there[path].etag, stat_of(self._root / path)) for path in taken}
        if files != before:
            write_record(self._root, replace(record, files=files, databases={}))
        return True

    def _own_changes(self, record: CopyRecord, there: Mapping[str, Entry]) -> tuple[str, ...]:
        """Return the paths to keep as they are here: the settings, if only this machine changed them.

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
        """Move the working copy to a neighbouring folder, with all available tables, and leave an empty one."""
        for path, known in read_record(self._root).files.items():
            if known.is_lazy and path.startswith("tables/"):
                with suppress(WorkspaceError):  # the other machine has removed it
                    local_paths(self._root, [path])
        number = 1
        while (aside := self._root.with_name(f"{self._root.name}.own-{number}")).exists():
            number += 1
        self._root.rename(aside)
        (aside / OWN_FOLDER).rename(aside / f"{OWN_FOLDER}.was")  # from now on itself a workspace
        mark(self._root, self._address)
        return aside

    def _alone(self) -> AbstractContextManager[None]:
        """Hold the lock under which this machine's processes update the working copy."""
        return held_alone(self._root, "pulling.lock")


def _is_of_tasks(path: str, stat: Stat | None, known: KnownFile | None) -> bool:
    """Return whether a file that has changed in the store is a shard that this copy has not changed itself."""
    is_shard = not path.startswith(_OWNED) and path not in DATABASES
    return is_shard and (known is None if stat is None else known is not None and known.is_at(stat))


def _has_versions(url: str, paths: Collection[str]) -> bool:
    """Return whether files include dataset versions.

    Raises:
        WorkspaceError: m5data 0.1.0 stored the workspace, in another form.
    """
    if any(path.startswith("versions/") for path in paths):
        return True
    if any(path.startswith("lists/") for path in paths):
        raise WorkspaceError(
            f"{url}: m5data 0.1.0 stored this workspace in another form. Copy it to a folder with that version "
            f"(m5data copy DIR -w {url}), and from there to another URL with this one."
        )
    return False


def _listed(place: ObjectStore) -> dict[str, Entry]:
    """Return path -> entry of every file of a workspace.

    Dataset versions are listed first, because everything that a version needs was stored before it.
    """
    versions = place.list("versions")
    there = place.list()
    found = {**{path: one for path, one in there.items() if not path.startswith(_NOT_THE_WORKSPACE)}, **versions}
    odd = [
        path
        for path in found
        if not is_plain(path) or is_local(path) or any(str(one) in found for one in PurePosixPath(path).parents)
    ]
    if odd:
        more = f" and {len(odd) - 1:,} more" if len(odd) > 1 else ""
        _LOG.warning("%s: %r%s cannot be a file of a workspace; left alone", place.url, odd[0], more)
    return {path: one for path, one in found.items() if path not in odd}


def _pull(
    place: ObjectStore, root: Path, record: CopyRecord, there: Mapping[str, Entry], kept: Collection[str]
) -> bool:
    """Make the working copy's files those of its store, but do not fetch those fetched on first use (``is_data``).

    After a kill, the next pull continues and does not fetch a file again.

    Args:
        place: Source of the files.
        root: The working copy; nobody else writes to it, and its own unpublished work is dropped.
        record: Its record.
        there: Files of the store, as listed.
        kept: Paths that stay as they are here.

    Returns:
        Whether all files were as listed; if not, another machine is writing.

    Raises:
        ObjectStoreError: The store does not answer.
    """
    write_record(root, replace(record, incomplete=True))
    _forget_unfinished(Layout(root))
    here = files_of(root)
    missing = {
        path
        for path, entry in there.items()
        if path not in kept and not _is_same(path, here.get(path), record.files.get(path), entry)
    }
    later = {path for path in missing if is_data(path)}
    now = sorted(missing - later, key=lambda path: (path.startswith("versions/"), path))  # versions last
    log_large_transfer(place.url, "fetching", [there[path].size for path in now])
    if not all(in_parallel(lambda path: fetch(place, root, path, there[path].etag), now)):
        return False
    gone = {path for path in here if path not in there and (path in record.files or path.startswith(_OWNED))}
    for path in sorted(gone | (later & here.keys())):
        if is_database(path):
            remove_database(root / path)
        else:
            (root / path).unlink(missing_ok=True)
    if INDEX not in there:
        newest = max(entry.modified for path, entry in there.items() if path.startswith("versions/"))
        segments = {path: entry for path, entry in there.items() if path.startswith("objects/")}
        sizes = {path.removeprefix("objects/"): one.size for path, one in segments.items() if one.modified <= newest}
        mark_stale(Layout(root), sizes)
    if DOWNLOADS not in there:
        remove_database(root / DOWNLOADS)
    stats = {path: None if path in kept else stat_of(root / path) for path in there.keys() - later}
    files = {
        path: KnownFile.of(one) if path in later else KnownFile(one.etag, stats[path]) for path, one in there.items()
    }
    write_record(root, CopyRecord(files, {name: file_sha256(root / name) for name in DATABASES if name in there}))
    return True


def _is_same(path: str, stat: Stat | None, known: KnownFile | None, entry: Entry) -> bool:
    """Return whether a file here has the content of an object: as recorded, or fetched by a pull that was killed."""
    if stat is None or path in DATABASES:
        return False
    if known is not None and known.tag == entry.etag and known.is_at(stat):
        return True
    return path.startswith("tables/") and KnownFile.of(entry).is_at(stat)


def _forget_unfinished(layout: Layout) -> None:
    """Remove the work of an unfinished stage, which depends on the files that this copy had."""
    for folder in (layout.staging, layout.spool):
        if folder.is_dir():
            shutil.rmtree(folder)
    for folder in (layout.tables, layout.objects, layout.versions):
        folder.mkdir(exist_ok=True)
