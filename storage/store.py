"""The store of a workspace: tables, objects, state and versions behind one class."""

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from core.engine import Engines
from core.errors import UsageError, WorkspaceError
from core.stage import Clock, utc_now
from storage.files import Layout
from storage.frontiers import Frontiers
from storage.identity import FORMAT, Identity, check_format, identity_path, write_identity
from storage.inside import check_links
from storage.location import FolderLocation, ObjectStore
from storage.lock import WriterLock, clear_staging, recover, wait_for_children
from storage.objects.index import make_index
from storage.objects.reader import SEGMENT_BYTES, ObjectProblem, Objects, verify_objects
from storage.remote_workspace import RemoteWorkspace
from storage.spool import Spool, spool_of
from storage.stage import Stage, StageInputs, check_looking
from storage.state import State
from storage.versions import Snapshot, VersionRecord, committed_versions, latest_number, read_version, write_version

__all__ = ["BUCKETS", "Store"]

BUCKETS = 16
"""Hash buckets of a new workspace: files of a few hundred MB at M5Product's 6.3 M products."""


_PATTERN = re.compile(r"[*?\[\]]")


class Store:
    """Tables, objects, state and versions of one workspace folder on this machine."""

    def __init__(self, root: Path, *, clock: Clock = utc_now, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.root = Path(root).absolute()
        self._layout = Layout(self.root)
        self._clock = clock
        self.objects = Objects(self.root, clock=clock, segment_bytes=segment_bytes)
        """Bytes: pages, media, and objects derived from them."""
        self.state = State(self._layout.state)
        """SQLite for data that changes row by row."""
        self.frontiers = Frontiers(self.root, self.state)
        """SQLite for the crawl's frontiers, one file per source."""
        self.downloads = State(self._layout.downloads)
        """SQLite for the queue of downloads; the crawler creates it if it is missing."""
        self._home = RemoteWorkspace.of(self.root)
        self._lock = WriterLock(self._layout, self._recover, self._leave)
        self._running: str | None = None
        self._engines = Engines()

    @classmethod
    def create(cls, root: Path, *, buckets: int = BUCKETS, clock: Clock = utc_now) -> "Store":
        """Create an empty store in the folder ``root``, which may exist.

        Raises:
            WorkspaceError: The folder holds a store already, or DuckDB cannot read a path of that name.
        """
        layout = _layout(root)
        if any(layout.versions.glob("*.json")):
            raise WorkspaceError(f"{layout.root}: already a workspace. Choose another folder.")
        for folder in (layout.tables, layout.objects):
            folder.mkdir(parents=True, exist_ok=True)
        State(layout.state).create()
        if not layout.index.exists():
            make_index(layout)
        if not identity_path(layout.root).exists():  # a copy has that of its original
            write_identity(layout.root, Identity(FORMAT, None))
        layout.versions.mkdir(exist_ok=True)
        write_version(layout, VersionRecord(number=0, parent=None, created=None, buckets=buckets))
        return cls(root, clock=clock)

    @classmethod
    def open(cls, root: Path, *, clock: Clock = utc_now) -> "Store":
        """Open the store in ``root``.

        Raises:
            WorkspaceError: The folder holds none, one of another format, or a link in place of its files.
        """
        layout = _layout(root)
        check_links(layout.root)
        latest_number(layout)
        check_format(layout.root)
        return cls(root, clock=clock)

    def lock(self) -> AbstractContextManager[None]:
        """Hold the workspace for writing; this Store may take the lock again inside.

        The outermost block first waits for children of a killed writer and undoes its unfinished work. In an object
        store the lock holds for all machines, and its release uploads every change.

        Raises:
            WorkspaceError: Another process holds it, here or on another machine, or such children do not end.
            ObjectStoreError: The object store does not answer.
        """
        return self._lock.hold()

    def persist_state(self) -> AbstractContextManager[None]:
        """Write to the state: without a lock in a folder; in an object store, under the lock, uploaded at the end.

        Raises:
            WorkspaceError, ObjectStoreError: As for ``lock``, if the workspace is in an object store.
        """
        return nullcontext() if self._home is None else self.lock()

    def require_local(self, what: str) -> None:
        """Refuse a program that keeps writing to the state, if the workspace is a working copy.

        Raises:
            UsageError: The workspace is in an object store.
        """
        if self._home is not None:
            raise UsageError(
                f"{what}: {self._home.url}: answers are written one by one to the machine that serves, not to an "
                f"object store. Serve a copy (m5data copy DIR -w {self._home.url}), and take its judgements back "
                "with m5data annotate export and import."
            )

    def snapshot(self, version: int | None = None) -> Snapshot:
        """Open a dataset version for reading.

        Args:
            version: Its number; None: the newest.

        Raises:
            WorkspaceError: No such version exists.
        """
        number = latest_number(self._layout) if version is None else version
        return Snapshot(self._layout, read_version(self._layout, number), self._engines)

    def versions(self) -> list[VersionRecord]:
        """Return every dataset version that a stage committed, newest first."""
        return committed_versions(self._layout)

    @contextmanager
    def stage(self, name: str, *, settings: str, reads: Sequence[str] = (), extra: str = "") -> Iterator[Stage]:
        """Run a stage inside the lock; without ``commit`` the tables stay as they were.

        Args:
            name: Name of the stage.
            settings: Digest of its settings.
            reads: Tables it reads.
            extra: Anything else that its result depends on, such as a digest of a state table.

        Raises:
            WorkspaceError: Another live process is writing, or another stage of this Store has not ended.
        """
        with self.lock(), self._alone(name):
            inputs = StageInputs(settings, extra, tuple(reads))
            stage = Stage(name, inputs, self.snapshot(), self._layout, self.objects.index, self._clock, self._publish)
            try:
                check_looking(stage)
                yield stage
            finally:
                stage.close()
                clear_staging(self._layout, self.snapshot().record, self._clock())

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        if self._running is not None:
            raise WorkspaceError(
                f"stage {name}: stage {self._running} of this process has not ended. Run one after the other."
            )
        self._running = name
        try:
            yield
        finally:
            self._running = None

    def spool(self, stage: str) -> Spool:
        """Return the spool of a running stage, for its worker processes."""
        return spool_of(self._layout, stage, self.snapshot().record)

    def clear_spools(self) -> None:
        """Remove the unfinished work of every stage, here and where tasks on other machines leave it."""
        FolderLocation(self.root).clear("spool")
        if self._home is not None:
            ObjectStore(self._home.url).clear("spool")

    def verify_objects(self) -> Iterator[ObjectProblem]:
        """Read every object, and yield those that are missing or do not match their hash."""
        return verify_objects(self.objects)

    def _recover(self) -> None:
        wait_for_children(self._layout)
        if self._home is None:
            self._undo()
        else:
            self._home.enter(self.objects.close, self._undo)

    def _undo(self) -> None:
        recover(self._layout, self.snapshot().record, self.objects.index, self._clock())

    def _publish(self) -> None:
        if self._home is not None:
            self._home.publish()

    def _leave(self) -> None:
        if self._home is not None:
            self._home.leave()


def _layout(root: Path) -> Layout:
    """Return the layout of ``root``, after checking that DuckDB does not read its name as a pattern."""
    layout = Layout(Path(root).absolute())
    if _PATTERN.search(str(layout.root)):
        raise WorkspaceError(
            f"{layout.root}: the path must not contain * ? [ or ], which DuckDB reads as a pattern. Rename it."
        )
    return layout
