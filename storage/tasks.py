"""Tasks that need only a place: they read its objects, work in scratch, and create objects under new names.

A task never commits. The process that runs the stage gives it an order, takes its result, and commits.
"""

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa

from core.errors import CorruptObjectError, DataError, MissingSegmentError
from core.processes.children import die_with_parent
from core.processes.pool import processes_for
from core.stage import utc_now
from storage.location import Location, ObjectStore, location_at
from storage.objects.index import ObjectIndex, ObjectKind, ObjectRef
from storage.objects.writer import ObjectWriter
from storage.spool import Spool, decode_result
from storage.working_copy import store_url_of

__all__ = [
    "PartitionTask",
    "Runner",
    "TaskFunction",
    "finished",
    "in_process",
    "in_processes",
    "order",
    "running",
    "take_result",
]

TaskFunction: TypeAlias = Callable[[str, str], Any]
"""Function that executes an order, called with a workspace's location and the order's name; its result is small."""

Runner: TypeAlias = Callable[[TaskFunction, str, Iterable[str | None]], Iterator[tuple[str, Any]]]
"""Function that calls a ``TaskFunction`` for each order of a workspace's location, and yields its name and result.

It takes names as it has capacity for them, and yields results in order of completion. A None among the names means
that no other order can begin before another result is taken.
"""

_REFS, _SEGMENTS, _TARGET = "object_refs", "object_segments", "target"
_ORDER = "order:"
_WORTH_PROCESSES_S = 2.0
_MAX_PROCESSES = 32
_SEGMENT_BYTES = 256_000_000
"""Length from which a task's segment is full, and leaves its scratch."""


def order(spool: Spool, partition: str, fingerprint: str, inputs: pa.Table, refs: Iterable[ObjectRef | None]) -> str:
    """Store the order of a partition, and return the name with which to run its task.

    Args:
        spool: Spool for the result.
        partition: Name of the result.
        fingerprint: Its fingerprint.
        inputs: Inputs of the task.
        refs: Locations of the objects that it reads.
    """
    target = pa.table({"partition": [partition], "fingerprint": [fingerprint]})
    tables = {"inputs": inputs, _REFS: _table_of([ref for ref in refs if ref is not None]), _TARGET: target}
    spool.put(f"{_ORDER}{partition}", fingerprint, tables)
    return spool.name_of(f"{_ORDER}{partition}")


def finished(spool: Spool, fingerprint: str) -> list[str]:
    """Return the partitions that have a result."""
    stored = (name for name, known in spool.stored() if known == fingerprint)
    return [name for name in stored if not name.startswith(_ORDER)]


def take_result(
    spool: Spool, place: Location, index: ObjectIndex, partition: str, fingerprint: str
) -> dict[str, pa.Table] | None:
    """Add the objects of a partition's result to the index, and return its tables.

    None: there is no result, or its objects were removed before the stage committed.
    """
    tables = spool.get(partition, fingerprint)
    if tables is None or _REFS not in tables:
        return tables
    refs = [ObjectRef(**row) for row in tables.pop(_REFS).to_pylist()]
    for row in tables.pop(_SEGMENTS).to_pylist():
        if not index.knows_segment(row["name"]):
            if not place.has(f"objects/{row['name']}"):
                return None
            index.add([ref for ref in refs if ref.segment == row["name"]], row["name"], row["length"])
    return None if any(index.find(ref.sha256) is None for ref in refs) else tables


def in_process(function: TaskFunction, location: str, names: Iterable[str | None]) -> Iterator[tuple[str, Any]]:
    """Run tasks in this process, one after the other: the simplest ``Runner``."""
    for name in names:
        if name is not None:
            yield name, function(location, name)


def in_processes(function: TaskFunction, location: str, names: Iterable[str | None]) -> Iterator[tuple[str, Any]]:
    """Run tasks in this process until one takes long, and then in one process per core (``Runner``).

    Raises:
        DataError: A process ended before its task.
    """
    upcoming = iter(names)
    for name in upcoming:
        began = time.monotonic()
        yield from in_process(function, location, [name])
        if time.monotonic() - began > _WORTH_PROCESSES_S:
            break
    cores = processes_for(None, _MAX_PROCESSES)
    pool = ProcessPoolExecutor(cores, mp_context=get_context("spawn"), initializer=die_with_parent)
    try:
        running: dict[Future[Any], str] = {}
        while True:
            while len(running) < cores and (name := next(upcoming, None)) is not None:
                running[pool.submit(function, location, name)] = name
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    except BrokenProcessPool as error:
        raise DataError("a process that worked on a task ended; is memory short? Run the stage again.") from error
    finally:
        pool.shutdown(cancel_futures=True)


class PartitionTask:
    """A running task."""

    def __init__(
        self, location: str, inputs: pa.Table, refs: Mapping[str, ObjectRef], objects: ObjectWriter, scratch: Path
    ) -> None:
        self._place = location_at(location)
        url = store_url_of(Path(location))
        self._home = ObjectStore(url) if url else None
        """Store with the segments that a working copy lacks."""
        self._refs = refs
        self._runs = _runs(refs.values())
        self._last: tuple[_Run, bytes] | None = None
        self.inputs = inputs
        """Inputs of the order."""
        self.objects = objects
        """Writer of the task's objects."""
        self.scratch = scratch
        """Folder on this machine, which the end of the task removes."""
        self.result: dict[str, pa.Table] = {}
        """Tables of the result, to be filled."""

    @property
    def has_objects(self) -> bool:
        """Whether the order names objects to read."""
        return bool(self._refs)

    def read(self, sha256: str) -> bytes:
        """Return an object's bytes, checked against its hash.

        Objects that follow one another in the order and in their segment are read together.

        Raises:
            CorruptObjectError: It is damaged, or the order does not name it.
            MissingSegmentError: Its segment is missing.
        """
        ref = self._refs.get(sha256)
        if ref is None:
            raise CorruptObjectError(f"object {sha256}: not in the index. Run m5data verify --objects.")
        run = self._runs[sha256]
        start = ref.payload_offset - run.start
        data = self._bytes(run)[start : start + ref.payload_length]
        got = hashlib.sha256(data).hexdigest()
        if got != sha256:
            raise CorruptObjectError(f"objects/{ref.segment} at {ref.offset}: not the bytes of {sha256}, but of {got}.")
        return data

    def _bytes(self, run: "_Run") -> bytes:
        if self._last is not None and self._last[0] == run:
            return self._last[1]
        self._last = None
        path, part = f"objects/{run.segment}", (run.start, run.end - run.start)
        data = self._place.read_range(path, *part)
        if data is None and self._home is not None:
            data = self._home.read_range(path, *part)
        if data is None:
            raise MissingSegmentError(f"{path}: missing. Restore it from a backup, and run again.")
        if run.end - run.start <= _MAX_PER_RUN:
            self._last = run, data
        return data


class _Run(NamedTuple):
    """A byte range of a segment."""

    segment: str
    start: int
    end: int


_GAP = 1 << 16
"""Most unneeded bytes that are read to save another request."""
_MAX_PER_RUN = 1 << 23


def _runs(refs: Iterable[ObjectRef]) -> dict[str, _Run]:
    """Return the run that each object is read with; neighbours both here and in their segment share one."""
    runs: list[tuple[_Run, list[str]]] = []
    for ref in refs:
        own = _Run(ref.segment, ref.payload_offset, ref.payload_offset + ref.payload_length)
        last, names = runs[-1] if runs else (_Run("", 0, 0), [])
        near = own.segment == last.segment and 0 <= own.start - last.end <= _GAP
        if near and own.end - last.start <= _MAX_PER_RUN:
            names.append(ref.sha256)
            runs[-1] = last._replace(end=own.end), names
        else:
            runs.append((own, [ref.sha256]))
    return {name: run for run, names in runs for name in names}


@contextmanager
def running(location: str, name: str, kind: ObjectKind = "derived") -> Iterator[PartitionTask]:
    """Run a task; when the block ends, its objects and then its result are stored at the place.

    A failed run leaves no result. A second run has a result of equal rows, and leaves objects that nobody names.

    Args:
        location: Folder of the workspace, or its URL.
        name: As ``order`` returned it.
        kind: Kind of its objects.

    Raises:
        DataError: There is no such order.
    """
    place = location_at(location)
    data = place.read(name)
    if data is None:
        raise DataError(f"{name}: no such order at {location}. Run the stage again.")
    tables = decode_result(data)
    refs = {row["sha256"]: ObjectRef(**row) for row in tables[_REFS].to_pylist()}
    with tempfile.TemporaryDirectory(prefix="m5data-task-") as folder:
        scratch = Path(folder)
        written = _Written(place, scratch)
        with ObjectWriter(scratch, written, kind, utc_now, _SEGMENT_BYTES, own=True) as objects:
            task = PartitionTask(location, tables["inputs"], refs, objects, scratch)
            yield task
        written.store()
    segments = pa.table({"name": pa.array(written.lengths, pa.string()), "length": [*written.lengths.values()]})
    done = {**task.result, _REFS: _table_of([*written.refs.values()]), _SEGMENTS: segments}
    Spool(place, name.rpartition("/")[0]).put(**tables[_TARGET].to_pylist()[0], tables=done)


class _Written:
    """The index of one task's objects (``SegmentIndex``), which stores each segment as soon as it is full."""

    def __init__(self, place: Location, scratch: Path) -> None:
        self.refs: dict[str, ObjectRef] = {}
        self.lengths: dict[str, int] = {}
        self._place = place
        self._scratch = scratch

    def known(self, hashes: Sequence[str]) -> set[str]:
        return self.refs.keys() & hashes

    def segments(self) -> dict[str, int]:
        return dict(self.lengths)

    def add(self, refs: Sequence[ObjectRef], segment: str, length: int) -> None:
        if segment not in self.lengths:
            self.store()
        self.refs.update((ref.sha256, ref) for ref in refs)
        self.lengths[segment] = length

    def store(self) -> None:
        """Store the segments in scratch, which nobody writes to any more, and remove them from there."""
        for segment in self.lengths:
            if (self._scratch / segment).exists():
                self._place.create(f"objects/{segment}", self._scratch / segment)
                (self._scratch / segment).unlink()


_REF_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("sha256", "kind", "mime", "segment")]
    + [(name, pa.int64()) for name in ("offset", "length", "payload_offset", "payload_length")]
)


def _table_of(refs: Sequence[ObjectRef]) -> pa.Table:
    return pa.Table.from_pylist([asdict(ref) for ref in refs], schema=_REF_SCHEMA)
