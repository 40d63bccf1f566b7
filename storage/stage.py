"""One stage's run: what it reads, what it writes, and the commit that makes all of it seen at once."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from m5data.errors import DataError
from m5data.records import Reject
from m5data.stage import Clock, StageReport
from m5data.version import __version__
from storage.buckets import Partition
from storage.delta import DataFile, DeltaLog
from storage.durable import replace_file, sync_folder
from storage.engine import open_engine
from storage.layout import Layout
from storage.object_index import ObjectIndex
from storage.partition_writer import Changes, PartitionWriter, merge
from storage.published import new_objects
from storage.schemas import TABLES
from storage.snapshot import Snapshot
from storage.spool import Spool, spool_folder
from storage.versions import StageRecord, VersionRecord, write_version

__all__ = ["Stage", "StageInputs"]


@dataclass(frozen=True, slots=True)
class StageInputs:
    """What a stage's result depends on."""

    settings: str
    """Digest of its settings."""
    extra: str
    """Whatever else the stage names; may be empty."""
    reads: tuple[str, ...]
    """Tables that it reads."""

    def is_that_of(self, record: StageRecord, tables: Mapping[str, int]) -> bool:
        """Tell whether an earlier run had the same inputs, the tables being at the versions ``tables``."""
        now = self.settings, self.extra, self.pin(tables)
        return now == (record.settings, record.extra, dict(record.reads))

    def pin(self, tables: Mapping[str, int]) -> dict[str, int]:
        """Return the versions of the tables read; those never written are absent."""
        return {name: tables[name] for name in self.reads if name in tables}


class Stage:
    """A stage's run inside the lock; made by ``Store.stage``. Nothing is seen before ``commit``."""

    def __init__(
        self,
        name: str,
        inputs: StageInputs,
        before: Snapshot,
        layout: Layout,
        index: ObjectIndex,
        clock: Clock,
        published: Callable[[], None],
    ) -> None:
        self.name = name
        self.before = before
        """The dataset version that the stage reads."""
        self.spool = Spool(spool_folder(layout, name, before.record))
        """Finished partitions, kept over a crash until the commit."""
        self._layout = layout
        self._index = index
        self._clock = clock
        self._published = published
        self._inputs = inputs
        self._changes: dict[str, Changes] = {}
        self._touched: set[str] = set()
        self._forgotten: set[str] = set()
        self._engine: duckdb.DuckDBPyConnection | None = None
        self._committed = False

    @property
    def unchanged(self) -> bool:
        """Whether the last run had the same settings, the same ``extra`` and read the same table versions."""
        last = self.before.stages.get(self.name)
        return last is not None and self._inputs.is_that_of(last, self.before.tables)

    @property
    def scratch(self) -> Path:
        """Folder for files of this run alone, made by whoever uses it; gone when the run ends, however it ends."""
        return self._layout.staging / "scratch"

    def report_unchanged(self) -> StageReport:
        """Return the last run's report, marked unchanged.

        Raises:
            DataError: The stage never ran.
        """
        last = self.before.stages.get(self.name)
        if last is None:
            raise DataError(f"stage {self.name}: wanted its last report, it never ran; this is a defect of the stage")
        return replace(last.report, unchanged=True)

    def write(
        self,
        table: str,
        data: pa.Table | duckdb.DuckDBPyRelation,
        *,
        only: str | Sequence[int] | None = None,
    ) -> None:
        """Give a table, or some partitions of it, new content; partitions whose rows are equal stay as they are.

        Equal means equal but for observed columns. A relation is streamed, and need not fit in memory.

        Args:
            table: Name of the table.
            data: All its rows, in any order, with the columns of its schema.
            only: The one value (``split_by``) or the buckets that ``data`` is the whole content of; None: the table.

        Raises:
            DataError: A row breaks the schema, repeats a key, or lies outside ``only``.
        """
        scope: Sequence[Partition] | None = [only] if isinstance(only, str) else only
        pinned = {file.partition: file for file in self.before.files(table)}
        writer = PartitionWriter(
            self._open_engine(),
            TABLES[table],
            self.before.record.buckets,
            self._layout.table(table),
            self._layout.staging / "tables" / table,
        )
        changes, same = writer.write(data, scope, pinned)
        planned = self._changes.setdefault(table, {})
        for partition in same:
            planned.pop(partition, None)
        planned.update(changes)

    def touch(self, table: str) -> None:
        """Give a table a new version with the rows that it has, so that stages that read it run again."""
        self._touched.add(table)

    def forget(self, stage: str) -> None:
        """Forget that another stage ever ran, so that it does all of its work again; its tables stay until then."""
        self._forgotten.add(stage)

    def reject(self, rejects: Iterable[Reject]) -> None:
        """Give the stage's complete rejects, which replace those of its earlier runs."""
        rows = [{"stage": self.name, "item": r.item, "reason": r.reason, "detail": r.detail} for r in rejects]
        self.write("rejects", pa.Table.from_pylist(rows, schema=TABLES["rejects"].schema), only=self.name)

    def commit(self, report: StageReport) -> StageReport:
        """Publish what was written, and new objects, as one dataset version; then forget the spool.

        Returns:
            ``report``.

        Raises:
            DataError: The stage was committed already.
            ObjectStoreError: It is committed on this machine, but the object store does not answer: the next run
                stores it.
        """
        if self._committed:
            raise DataError(f"stage {self.name}: committed twice; open the stage again for another run")
        indexed = self._publish_objects()
        changes = {name: planned for name, planned in self._changes.items() if planned}
        self._plan(changes)
        versions = {name: self._commit_table(name, planned) for name, planned in changes.items()}
        for name in sorted(self._touched & self.before.tables.keys() - versions.keys()):
            versions[name] = DeltaLog(self._layout.table(name), TABLES[name]).touch()
        write_version(self._layout, self._next_version(versions, indexed, report))
        self._committed = True
        self.spool.clear()
        self._published()
        return report

    def close(self) -> None:
        """Release the engine."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _publish_objects(self) -> int:
        """Bring the table ``objects`` up to the index, and return the sequence number that it then holds."""
        record = self.before.record
        upto = self._index.last()
        if upto > record.indexed:
            with self.before.connection() as engine:
                self.write("objects", new_objects(engine, self._index, record.indexed, upto))
        return upto

    def _plan(self, changes: Mapping[str, Changes]) -> None:
        """Write down which files are about to be moved, for ``recovery``."""
        self._layout.staging.mkdir(exist_ok=True)
        plan = {name: [f.path for f in planned.values() if f is not None] for name, planned in changes.items()}
        replace_file(self._layout.manifest, json.dumps(plan).encode())

    def _commit_table(self, name: str, changes: Changes) -> int:
        for file in changes.values():
            if file is not None:
                self._move(name, file)
        target = merge(self.before.files(name), changes)
        return DeltaLog(self._layout.table(name), TABLES[name]).converge(target, self._clock())

    def _move(self, name: str, file: DataFile) -> None:
        target = self._layout.table(name) / file.path
        _make_folder(target.parent, self._layout.tables)
        (self._layout.staging / "tables" / name / file.path).rename(target)
        sync_folder(target.parent)

    def _next_version(self, versions: Mapping[str, int], indexed: int, report: StageReport) -> VersionRecord:
        before = self.before.record
        tables = {**before.tables, **versions}
        counted = replace(report, dropped=dict(sorted(report.dropped.items())), unchanged=False)
        inputs = self._inputs
        record = StageRecord(inputs.settings, inputs.extra, inputs.pin(tables), counted, before.number + 1, __version__)
        return replace(
            before,
            number=before.number + 1,
            parent=before.number,
            created=self._clock(),
            indexed=indexed,
            tables=tables,
            stages={**{k: v for k, v in before.stages.items() if k not in self._forgotten}, self.name: record},
        )

    def _open_engine(self) -> duckdb.DuckDBPyConnection:
        if self._engine is None:
            spill = self._layout.staging / "spill"
            spill.mkdir(parents=True, exist_ok=True)
            self._engine = open_engine(spill)
        return self._engine


def _make_folder(folder: Path, top: Path) -> None:
    """Create ``folder`` and its parents below ``top``, and sync every parent that gained a name."""
    if not folder.is_dir():
        _make_folder(folder.parent, top)
        folder.mkdir()
        sync_folder(folder.parent)
