"""Collection of results: partitions are cut, extracted here or elsewhere, and loaded into the result tables."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count

import duckdb
import pyarrow as pa

from core.errors import CorruptObjectError, MissingSegmentError
from core.records import MediaKind, Reject
from core.stage import Progress
from extract.engine import Item, Result
from extract.partitions import Partition, order_of, run_partition
from extract.settings import ExtractSettings
from storage import ObjectWriter, Snapshot, Stage, Store
from storage.partitions import Done, Results, Work, in_pool, in_tasks, run_partitions
from storage.tasks import Runner

__all__ = ["collect_results", "is_restored", "items_of_a_task", "partitions", "reject_faults"]

_LOG = logging.getLogger(__name__)

_TASKS, _MAX_PER_TASK = 64, 512
_PARTITION = "SELECT sha256, bytes FROM todo WHERE kind = $1 AND place >= $2 AND place < $3 ORDER BY place"


def collect_results(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    stage: Stage,
    settings: ExtractSettings,
    kind: type[Partition],
    progress: Progress,
    total: int,
    runner: Runner | None,
) -> Counter[str]:
    """Fill the result tables: from the spool of a killed run, and by extracting the objects that it left.

    Only partitions in progress are in memory.

    Args:
        connection: DuckDB with the stage's result tables, and ``todo``: kind, sha256, bytes, place of the objects
            without a result.
        store: The workspace's store.
        stage: The stage, whose spool holds finished partitions.
        settings: The stage's settings.
        kind: Class of the stage's partitions.
        progress: Advanced by every object.
        total: Number of the objects.
        runner: Runs whole partitions elsewhere; None to use a pool of processes on this machine.

    Returns:
        ``Frames.decode_path`` -> number of videos.
    """
    decode_paths = Counter[str]()

    def load(done: Done[Partition]) -> None:
        for name, rows in done.tables.items():
            if rows.num_rows:
                connection.from_arrow(rows).insert_into(name)
        if not done.resumed:
            decode_paths.update(done.returned or done.partition.decode_paths)
            _log(done)
        if done.resumed or runner is not None:  # the pool advances by every object
            progress.advance(len(done.partition.items))

    spool = stage.spool if runner is None else stage.shared_spool
    results = Results(stage.name, spool, stage.location, store.objects.index)
    found = (kind.of(members, settings) for members in partitions(connection, settings.partition_items))
    if runner is not None:
        handed_out = partial(order_of, settings, store.objects.index)
        run_partitions(results, found, in_tasks(results, partial(run_partition, kind), handed_out, runner), load)
        return decode_paths
    with store.objects.writer("derived") as objects:
        engine = kind.engine(settings, store.objects.read)
        work = _in_pool(results, lambda items: engine.run(items, total), objects, progress)
        run_partitions(results, found, work, load)
    return decode_paths


def _in_pool(
    results: Results,
    replies: Callable[[Iterator[Item]], Iterator[tuple[Item, Result]]],
    objects: ObjectWriter,
    progress: Progress,
) -> Work[Partition]:
    def add(partition: Partition, item: Item, result: Result) -> None:
        partition.add(item, result, objects)
        progress.advance()

    def finish(partition: Partition) -> dict[str, pa.Table]:
        objects.flush()  # rows may only name objects that are on disk
        return partition.tables()

    return in_pool(results, _largest_first, replies, add, finish)


def _largest_first(partition: Partition) -> list[Item]:
    return sorted(partition.items, key=lambda item: -item.size)


def _log(done: Done[Partition]) -> None:
    """Log each fault of a partition, and that it is done."""
    for fault in done.tables["fault_results"].to_pylist():
        where = {"partition": done.partition.name, "item": fault["item"]}
        _LOG.info("dropped %s: %s", fault["reason"], fault["detail"], extra=where)
    _LOG.info("%d objects done", len(done.partition.items), extra={"partition": done.partition.name})


def reject_faults(connection: duckdb.DuckDBPyConnection, stage: Stage) -> dict[str, int]:
    """Write the faults of objects as rejects; return reason -> number of faults."""
    faults: list[tuple[str, str, str]] = connection.table("fault_results").order("ALL").fetchall()
    stage.reject(Reject(item, reason, detail) for item, reason, detail in faults)
    return dict(sorted(Counter(reason for _, reason, _ in faults).items()))


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
    return max(least, min(total // _TASKS, _MAX_PER_TASK))


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
