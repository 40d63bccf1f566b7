"""Partitions: items that are checkpointed together, in this process or on a cluster."""

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import ClassVar, TypeAlias

import pyarrow as pa

from core.processes.message import Fault
from core.version import __version__
from extract.audio.track import describe_feature
from extract.engine import Item, LocalEngine, Result
from extract.images import ImageMeasures
from extract.results import Audio, ClipResult, Frames
from extract.settings import ExtractSettings
from storage import ObjectWriter
from storage.objects.index import ObjectIndex
from storage.partitions import Order
from storage.tables import TABLES
from storage.tasks import running

__all__ = [
    "FAULTS",
    "DecodePaths",
    "MediaPartition",
    "Partition",
    "order_of",
    "result_schema",
    "run_partition",
]


def result_schema(table: str, *without: str) -> pa.Schema:
    """Return the columns of a table that belong to an object: all but ``without``, which belong to a product."""
    return pa.schema([column for column in TABLES[table].schema if column.name not in without])


FAULTS = pa.schema([TABLES["rejects"].schema.field(name) for name in ("item", "reason", "detail")])
"""Schema of the temporary table ``fault_results``."""


class Partition(ABC):
    """Items that are checkpointed together, and their result rows so far.

    Args:
        items: The items.
        digest: Digest of the settings.
    """

    schemas: ClassVar[Mapping[str, pa.Schema]]
    """Temporary result tables, which are keyed by object; ``fault_results`` is one of them."""

    def __init__(self, items: Sequence[Item], digest: str) -> None:
        self.items, self.digest = items, digest
        self.rows: dict[str, list[dict[str, object]]] = {name: [] for name in self.schemas}
        self.decode_paths: Counter[str] = Counter()
        """``Frames.decode_path`` -> number of videos."""

    @property
    def name(self) -> str:
        """Name in the spool."""
        return f"{self.items[0].kind}:{self.items[0].sha256}"

    @property
    def fingerprint(self) -> str:
        """Hash of everything that the rows depend on."""
        inputs = "\n".join(
            [__version__, *self.schemas, self.digest, *(f"{item.kind}:{item.sha256}" for item in self.items)]
        )
        return hashlib.sha256(inputs.encode()).hexdigest()

    def tables(self) -> dict[str, pa.Table]:
        """Return the result rows by table."""
        return {name: pa.Table.from_pylist(rows, schema=self.schemas[name]) for name, rows in self.rows.items()}

    @classmethod
    @abstractmethod
    def of(cls, items: Sequence[Item], settings: ExtractSettings) -> "Partition":
        """Return a partition with these settings."""

    @classmethod
    @abstractmethod
    def engine(cls, settings: ExtractSettings, read: Callable[[str], bytes]) -> LocalEngine:
        """Return the engine that extracts its items."""

    @abstractmethod
    def add(self, item: Item, result: Result, objects: ObjectWriter) -> None:
        """Store an item's objects, and add its rows."""

    def _add_fault(self, sha256: str, what: str, fault: Fault) -> None:
        detail = f"{what}: {fault.detail}" if fault.detail else what
        self.rows["fault_results"].append({"item": sha256, "reason": fault.reason, "detail": detail})


class MediaPartition(Partition):
    """Videos or images of the stage ``extract``.

    Args:
        items: The items.
        digest: Digest of the settings.
        feature: Description of the stored feature arrays.
    """

    schemas = {  # noqa: RUF012 - ClassVar in the base
        "frame_results": result_schema("frames", "product_id"),
        "audio_results": result_schema("audio", "product_id"),
        "image_results": result_schema("images", "product_id", "position"),
        "fault_results": FAULTS,
    }

    def __init__(self, items: Sequence[Item], digest: str, feature: str) -> None:
        super().__init__(items, digest)
        self.feature = feature

    @classmethod
    def of(cls, items: Sequence[Item], settings: ExtractSettings) -> "MediaPartition":
        """Return a partition with these settings."""
        return cls(items, settings.digest(), describe_feature(settings.feature))

    @classmethod
    def engine(cls, settings: ExtractSettings, read: Callable[[str], bytes]) -> LocalEngine:
        """Return the engine that decodes videos and images."""
        return LocalEngine(settings, read)

    def add(self, item: Item, result: Result, objects: ObjectWriter) -> None:
        """Store an item's objects, and add its rows."""
        if isinstance(result, ClipResult):
            self._add_frames(item.sha256, result.frames, objects)
            self._add_audio(item.sha256, result.audio, objects)
        elif isinstance(result, ImageMeasures):
            self.rows["image_results"].append({"sha256": item.sha256, **asdict(result)})
        elif isinstance(result, Fault):
            self._add_fault(item.sha256, "image", result)

    def _add_frames(self, sha256: str, frames: Frames | Fault, objects: ObjectWriter) -> None:
        if isinstance(frames, Fault):
            self._add_fault(sha256, "frames", frames)
            return
        self.decode_paths[frames.decode_path] += 1
        stored = objects.put(frames.jpegs, mime="video/x-motion-jpeg", refers_to=sha256)
        common = {"video_sha256": sha256, "object": stored}
        self.rows["frame_results"] += [{**common, **asdict(frame)} for frame in frames.kept]

    def _add_audio(self, sha256: str, audio: Audio | Fault, objects: ObjectWriter) -> None:
        if isinstance(audio, Fault):
            self._add_fault(sha256, "sound", audio)
            return
        self.rows["audio_results"].append(
            {
                "video_sha256": sha256,
                "mp3": objects.put(audio.mp3, mime="audio/mpeg", refers_to=sha256),
                "sample_rate": audio.sample_rate,
                "duration_s": audio.duration_s,
                "start_s": audio.start_s,
                "gap_starts_s": audio.gap_starts_s,
                "gap_lengths_s": audio.gap_lengths_s,
                "mfcc": objects.put(audio.feature, mime="application/octet-stream", refers_to=sha256),
                "n_mfcc": audio.rows,
                "mfcc_frames": audio.columns,
                "mfcc_settings": self.feature,
            }
        )


DecodePaths: TypeAlias = Mapping[str, int]
"""``Frames.decode_path`` -> number of videos."""


def order_of(settings: ExtractSettings, index: ObjectIndex, partition: Partition) -> Order:
    """Return the order to extract a partition, for ``run_partition``."""
    inputs = pa.Table.from_pylist([asdict(item) for item in partition.items])
    inputs = inputs.replace_schema_metadata({"settings": settings.model_dump_json()})
    return inputs, (index.find(item.sha256) for item in partition.items)


def run_partition(kind: type[Partition], location: str, name: str) -> DecodePaths:
    """Extract one partition that was ordered, and write its objects and result to the workspace's location.

    The decoder runs in a separate process, on one core. A second run produces the same rows.

    Args:
        kind: Class of the partition.
        location: The workspace's folder, or its URL in an object store.
        name: Name of the order.

    Returns:
        Decode paths of its videos.

    Raises:
        DataError: There is no such order, or its decoder does not start.
    """
    with running(location, name) as task:
        items = [Item(**row) for row in task.inputs.to_pylist()]
        settings = ExtractSettings.model_validate_json((task.inputs.schema.metadata or {})[b"settings"])
        partition = kind.of(items, settings)
        engine = kind.engine(settings.model_copy(update={"workers": 1}), task.read)
        for item, result in engine.run(items, len(items)):
            partition.add(item, result, task.objects)
        task.result = partition.tables()
    return partition.decode_paths
