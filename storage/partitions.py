"""The partitions of a stage: finished ones are taken over, the others are worked on here or by tasks elsewhere.

    results = Results(stage.name, stage.shared_spool, stage.location, store.objects.index)
    run_partitions(results, partitions, in_tasks(results, function, order_of, runner), sink)

A result lies in the stage's spool until the stage commits, so that a run after a kill finds it there.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import pyarrow as pa

from core.errors import DataError
from storage.location import location_at
from storage.objects.index import ObjectIndex, ObjectRef
from storage.spool import Spool
from storage.tasks import Runner, TaskFunction, order, take_result

__all__ = ["Done", "Order", "Partition", "Results", "Work", "in_pool", "in_tasks", "run_partitions"]


class Partition(Protocol):
    """Items whose result is stored, and taken over, as a whole."""

    @property
    def name(self) -> str:
        """Name of its result, unique in the stage."""

    @property
    def fingerprint(self) -> str:
        """Digest of everything that the result depends on."""


P = TypeVar("P", bound=Partition)
Item = TypeVar("Item", bound=Hashable)
Reply = TypeVar("Reply")
Tables: TypeAlias = Mapping[str, pa.Table]


@dataclass(frozen=True, slots=True)
class Done(Generic[P]):
    """A partition with its result."""

    partition: P
    tables: Tables
    returned: Any = None
    """What the task function returned; None without a task."""
    resumed: bool = False
    """Whether an earlier run of the stage, which was killed, has left the result."""


Work: TypeAlias = Callable[[Iterator[P]], Iterator[Done[P]]]
"""Function that takes partitions as it has capacity for them, and yields those that are done, their results stored."""
Order: TypeAlias = tuple[pa.Table, Iterable[ObjectRef | None]]
"""Inputs of a task, and the objects that it reads."""


@dataclass(frozen=True, slots=True)
class Results:
    """The results of a stage's partitions."""

    stage: str
    spool: Spool
    location: str
    """Location of the workspace, at which tasks leave their objects."""
    index: ObjectIndex

    def take(self, partition: Partition) -> dict[str, pa.Table] | None:
        """Return the tables of a partition, and add its objects to the index; None: it has no whole result."""
        return take_result(self.spool, location_at(self.location), self.index, partition.name, partition.fingerprint)


def run_partitions(
    results: Results,
    partitions: Iterable[P],
    work: Work[P],
    sink: Callable[[Done[P]], None],
    is_whole: Callable[[P, Tables], bool] = lambda *_: True,
) -> None:
    """Pass every partition to ``sink`` with its result: from a killed run if that ``is_whole``, else from ``work``.

    Partitions are consumed as ``work`` has capacity for them; ``sink`` gets each once, in order of completion.
    """

    def missing() -> Iterator[P]:
        for partition in partitions:
            tables = results.take(partition)
            if tables is None or not is_whole(partition, tables):
                yield partition
            else:
                sink(Done(partition, tables, resumed=True))

    for done in work(missing()):
        sink(done)


def in_tasks(
    results: Results, function: TaskFunction, order_of: Callable[[P], Order], runner: Runner
) -> Callable[[Iterator[P | None]], Iterator[Done[P]]]:
    """Return the work of tasks, one per partition.

    None among the partitions means that the next one cannot begin before another has ended (``Runner``).

    Returns:
        The ``Work``. It raises ``DataError`` if a task has left no result.
    """

    def work(missing: Iterator[P | None]) -> Iterator[Done[P]]:
        running: dict[str, P] = {}

        def orders() -> Iterator[str | None]:
            for partition in missing:
                if partition is None:
                    yield None
                    continue
                inputs, refs = order_of(partition)
                name = order(results.spool, partition.name, partition.fingerprint, inputs, refs)
                running[name] = partition
                yield name

        for name, returned in runner(function, results.location, orders()):
            partition = running.pop(name)
            tables = results.take(partition)
            if tables is None:
                raise DataError(
                    f"{results.stage}: the result of partition {partition.name} is missing. Run the stage again."
                )
            yield Done(partition, tables, returned)

    return work


def in_pool(
    results: Results,
    items_of: Callable[[P], Sequence[Item]],
    replies: Callable[[Iterator[Item]], Iterator[tuple[Item, Reply]]],
    add: Callable[[P, Item, Reply], None],
    tables_of: Callable[[P], Tables],
) -> Work[P]:
    """Return the work of a pool of processes on this machine that takes the items of several partitions at a time.

    Args:
        results: Where the results are stored.
        items_of: Returns the items of a partition; no other partition has them.
        replies: Takes items, and yields each with its reply, in order of completion.
        add: Adds the reply of an item to its partition.
        tables_of: Returns the result of a partition that has all its replies.
    """

    def work(missing: Iterator[P]) -> Iterator[Done[P]]:
        owners: dict[Item, P] = {}
        left: dict[str, int] = {}

        def items() -> Iterator[Item]:
            for partition in missing:
                members = items_of(partition)
                left[partition.name] = len(members)
                owners.update(dict.fromkeys(members, partition))
                yield from members

        for item, reply in replies(items()):
            partition = owners.pop(item)
            add(partition, item, reply)
            left[partition.name] -= 1
            if not left[partition.name]:
                tables = tables_of(partition)
                results.spool.put(partition.name, partition.fingerprint, tables)
                yield Done(partition, tables)

    return work
