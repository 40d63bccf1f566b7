"""One partition as a unit of work for any process that reaches the workspace: in process, or on a cluster."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from extract.audio.sound import describe_feature
from extract.engine import Item, LocalEngine
from extract.partition import Partition
from extract.results import ClipResult, Frames
from extract.settings import ExtractSettings
from m5data.errors import DataError
from m5data.version import __version__
from storage import Spool, Store, waited_for

__all__ = ["PartitionRunner", "Ways", "extract_partition", "hand_out", "in_process"]

Ways: TypeAlias = Mapping[str, int]
"""The ``way`` of frames, with how often videos were decoded so."""

PartitionRunner: TypeAlias = Callable[[Callable[[str, str], Ways], str, Iterable[str]], Iterator[tuple[str, Ways]]]
"""Calls a function with a workspace's location and each of some partitions, and yields partition and answer.

It takes partitions as it has room for them, and yields them in the order in which they are finished.
"""


def in_process(function: Callable[[str, str], Ways], location: str, names: Iterable[str]) -> Iterator[tuple[str, Ways]]:
    """Run partitions here, one after the other: the simplest ``PartitionRunner``."""
    for name in names:
        yield name, function(location, name)


def hand_out(partition: Partition, settings: ExtractSettings, spool: Spool) -> str:
    """Write down what ``extract_partition`` needs, and return the partition's name."""
    items = [{"sha256": item.sha256, "kind": item.kind, "size": item.size} for item in partition.items]
    table = pa.Table.from_pylist(items).replace_schema_metadata({"settings": settings.model_dump_json()})
    spool.put(_order(partition.name), __version__, {"items": table})
    return partition.name


def extract_partition(location: str, name: str) -> Ways:
    """Extract one partition that was handed out: objects into the store, rows into the stage's spool.

    The decoder runs in a process of its own, on one core. Done again, it gives the same rows.

    Args:
        location: The workspace's folder.
        name: Of the partition.

    Returns:
        How its videos were decoded.

    Raises:
        DataError: It was not handed out, or its decoder does not start.
    """
    store = Store.open(Path(location))
    spool = store.spool("extract")
    partition, settings = _read_order(name, spool)
    ways: Counter[str] = Counter()
    with waited_for(store.root), store.objects.writer("derived") as objects:
        engine = LocalEngine(settings.model_copy(update={"workers": 1}), store.objects.read)
        for item, result in engine.run(partition.items, len(partition.items)):
            partition.add(item, result, objects)
            if isinstance(result, ClipResult) and isinstance(result.frames, Frames):
                ways[result.frames.way] += 1
        objects.flush()  # a row may only name objects that are on the disk
        spool.put(partition.name, partition.fingerprint, partition.tables())
    store.objects.close()
    return ways


def _read_order(name: str, spool: Spool) -> tuple[Partition, ExtractSettings]:
    tables = spool.get(_order(name), __version__)
    if tables is None:
        raise DataError(f"extract: wanted partition {name} to be handed out, found no order; run m5data extract")
    table = tables["items"]
    settings = ExtractSettings.model_validate_json((table.schema.metadata or {})[b"settings"])
    items = [Item(**row) for row in table.to_pylist()]
    return Partition(items, settings.digest(), describe_feature(settings.feature)), settings


def _order(name: str) -> str:
    return f"order:{name}"
