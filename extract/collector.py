"""Collector of results, which fills the result tables and checkpoints each finished partition."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

import duckdb
import pyarrow as pa

from core.errors import CorruptObjectError, DataError, MissingSegmentError
from core.records import MediaKind
from core.stage import Progress
from extract.engine import Item, Result
from extract.partitions import DecodePaths, Partition, hand_out
from extract.settings import ExtractSettings
from storage import ObjectWriter, Snapshot, Stage, Store
from storage.objects.index import ObjectIndex
from storage.place import place_at
from storage.tasks import Runner, TaskFunction, take_result

__all__ = ["Collector", "is_restored", "items_of_a_task", "partitions", "run_partitions", "run_pool"]

_LOG = logging.getLogger(__name__)

_TASKS, _MOST_OF_A_TASK = 64, 512
_PARTITION = "SELECT sha256, bytes FROM todo WHERE kind = $1 AND place >= $2 AND place < $3 ORDER BY place"


class Collector:
    """Assigns the items without a result and collects their results.

    Only partitions in progress are in memory.

    Args:
        connection: DuckDB with the stage's result tables, and ``todo``: kind, sha256, bytes, place of the items without
            a result.
        stage: The stage, whose spool holds finished partitions, including those of a killed run.
        index: Index of the workspace's objects.
        settings: The stage's settings.
        kind: Class of the stage's partitions.
        progress: Advanced by every item.
        elsewhere: Whether partitions are handed out to tasks, which may run on other machines.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        stage: Stage,
        index: ObjectIndex,
        settings: ExtractSettings,
        kind: type[Partition],
        progress: Progress,
        *,
        elsewhere: bool,
    ) -> None:
        self._kind = kind
        self._connection = connection
        self._spool = stage.shared_spool if elsewhere else stage.spool
        self._place = place_at(stage.location)
        self._index = index
        self._settings = settings
        self._progress = progress
        self._open: dict[Item, Partition] = {}
        self.decode_paths: Counter[str] = Counter()
        """``Frames.decode_path`` -> number of videos."""

    def items(self) -> Iterator[Item]:
        """Yield the items of each partition that is not in the spool; load the results of the others."""
        for partition in self._missing():
            self._open.update(dict.fromkeys(partition.items, partition))
            yield from sorted(partition.items, key=lambda item: -item.size)  # largest first

    def hand_out(self, running: dict[str, Partition]) -> Iterator[str]:
        """Hand out each partition that is not in the spool, add it to ``running``, and yield the order's name."""
        for partition in self._missing():
            name = hand_out(partition, self._settings, self._spool, self._index)
            running[name] = partition
            yield name

    def collect(self, partition: Partition, decode_paths: DecodePaths) -> None:
        """Load the results of a partition that was handed out.

        Raises:
            DataError: The results are not in the spool.
        """
        spooled = self._spooled(partition)
        if spooled is None:
            raise DataError(
                f"{partition.stage}: the results of partition {partition.name} are missing. Run the stage again."
            )
        self.decode_paths.update(decode_paths)
        _log(partition, spooled)
        self._load(spooled)
        self._progress.advance(len(partition.items))

    def _missing(self) -> Iterator[Partition]:
        """Yield the partitions that are not in the spool; load the results of the others."""
        for members in partitions(self._connection, self._settings.partition_items):
            partition = self._kind.of(members, self._settings)
            spooled = self._spooled(partition)
            if spooled is None:
                yield partition
            else:
                self._load(spooled)
                self._progress.advance(len(members))

    def add(self, item: Item, result: Result, objects: ObjectWriter) -> None:
        """Store the result of an item; checkpoint the partition after its last item."""
        partition = self._open.pop(item)
        partition.add(item, result, objects)
        self._progress.advance()
        if not partition.remaining:
            self.decode_paths.update(partition.decode_paths)
            objects.flush()  # rows may only name objects that are on disk
            tables = partition.tables()
            self._spool.put(partition.name, partition.fingerprint, tables)
            _log(partition, tables)
            self._load(tables)

    def _spooled(self, partition: Partition) -> dict[str, pa.Table] | None:
        return take_result(self._spool, self._place, self._index, partition.name, partition.fingerprint)

    def _load(self, tables: Mapping[str, pa.Table]) -> None:
        """Add a partition's rows to the result tables."""
        for name, rows in tables.items():
            if rows.num_rows:
                self._connection.from_arrow(rows).insert_into(name)


def _log(partition: Partition, tables: Mapping[str, pa.Table]) -> None:
    """Log each fault of a partition, and that it is done."""
    for fault in tables["fault_results"].to_pylist():
        where = {"partition": partition.name, "item": fault["item"]}
        _LOG.info("dropped %s: %s", fault["reason"], fault["detail"], extra=where)
    _LOG.info("%d objects done", len(partition.items), extra={"partition": partition.name})


def run_pool(store: Store, kind: type[Partition], settings: ExtractSettings, collector: Collector, total: int) -> None:
    """Fill the result tables from the spool of a killed run, and extract the rest on this machine."""
    with store.objects.writer("derived") as objects:
        for item, result in kind.engine(settings, store.objects.read).run(collector.items(), total):
            collector.add(item, result, objects)


def run_partitions(stage: Stage, function: TaskFunction, collector: Collector, runner: Runner) -> None:
    """Fill the result tables with the partitions that ``runner`` extracts."""
    running: dict[str, Partition] = {}
    for name, decode_paths in runner(function, stage.location, collector.hand_out(running)):
        collector.collect(running.pop(name), decode_paths)


def partitions(connection: duckdb.DuckDBPyConnection, size: int) -> Iterator[Sequence[Item]]:
    """Yield the listed objects, at most ``size`` of one kind at a time; videos first, since they take longest."""
    kinds: tuple[MediaKind, ...] = ("video", "image")
    for kind in kinds:
        for start in count(0, size):
            rows: list[tuple[str, int]] = connection.execute(_PARTITION, [kind, start, start + size]).fetchall()
            if not rows:
                break
            yield [Item(sha256, kind, length) for sha256, length in rows]


def items_of_a_task(total: int, least: int) -> int:
    """Return the number of objects per task on a cluster: up to 512, or fewer so that there are 64 tasks.

    It depends only on the listed objects, so that a run after a kill finds the results of the previous one.

    Args:
        total: Number of listed objects.
        least: Minimum number of objects per task.
    """
    return max(least, min(total // _TASKS, _MOST_OF_A_TASK))


def is_restored(store: Store, snapshot: Snapshot, stage: str) -> bool:
    """Return whether an object whose bytes were damaged in the stage's last run can be read now."""
    query = "SELECT DISTINCT item FROM rejects WHERE stage = ? AND reason = 'corrupt_object' ORDER BY 1"
    return any(_is_sound(store, sha256) for sha256 in snapshot.sql(query, [stage])["item"].to_pylist())


def _is_sound(store: Store, sha256: str) -> bool:
    try:
        store.objects.read(sha256)
    except (CorruptObjectError, MissingSegmentError):
        return False
    return True
