"""One run of a stage: its reads and writes, its spool, and the commit that publishes everything at once."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from threading import get_ident

import duckdb
import pyarrow as pa

from core.errors import DataError
from core.files import replace_file, sync_folder
from core.records import Reject
from core.stage import Clock, StageReport
from core.table_spec import Partition
from core.version import __version__
from storage.changes import changed_sources, find_changed_products
from storage.files import Layout
from storage.location import location_at
from storage.objects.index import ObjectIndex
from storage.objects.writer import object_rows
from storage.spool import Spool, spool_folder, spool_of
from storage.tables import TABLES
from storage.tables.data_files import DataFile, rows_sql
from storage.tables.delta import DeltaLog
from storage.tables.partition_writer import Changes, PartitionWriter, Rows, merge
from storage.versions import ABSENT, Snapshot, StageRecord, VersionRecord, write_version
from storage.working_copy import store_url_of

__all__ = [
    "Stage",
    "StageInputs",
    "WorkWaitsError",
    "check_looking",
    "looking",
]


_REJECTS, _OBJECTS = 20_000, 50_000
"""Rejects and objects that are written at a time."""
_LOOKING: ContextVar[bool] = ContextVar("looking", default=False)


class WorkWaitsError(Exception):
    """A stage that was only inspected has work to do."""


@contextmanager
def looking() -> Iterator[None]:
    """Make a stage that has work to do raise ``WorkWaitsError`` before it begins, inside the block."""
    token = _LOOKING.set(True)
    try:
        yield
    finally:
        _LOOKING.reset(token)


def check_looking(stage: "Stage") -> None:
    """Raise if the stage has work to do inside ``looking``.

    Raises:
        WorkWaitsError: It has.
    """
    if _LOOKING.get() and not stage.unchanged:
        raise WorkWaitsError(stage.name)


@dataclass(frozen=True, slots=True)
class StageInputs:
    """Everything that a stage's result depends on."""

    settings: str
    """Digest of its settings."""
    extra: str
    """Anything else that the stage names; may be empty."""
    reads: tuple[str, ...]
    """Tables that it reads."""

    def match(self, record: StageRecord, tables: Mapping[str, int]) -> bool:
        """Return whether an earlier run had the same inputs, with the tables at the versions ``tables``."""
        before = {**dict.fromkeys(self.reads, ABSENT), **record.reads}
        return (self.settings, self.extra, self.pin(tables)) == (record.settings, record.extra, before)

    def pin(self, tables: Mapping[str, int]) -> dict[str, int]:
        """Return the versions of the tables that the stage reads."""
        return {name: tables.get(name, ABSENT) for name in self.reads}


class Stage:
    """A stage's run inside the lock, made by ``Store.stage``. Readers see nothing before ``commit``."""

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
        self.spool = spool_of(layout, name, before.record)
        """Finished partitions, which survive a crash until the commit."""
        self._shared: Spool | None = None
        self._layout = layout
        self._index = index
        self._clock = clock
        self._published = published
        self._inputs = inputs
        self._changes: dict[str, Changes] = {}
        self._touched: set[str] = set()
        self._forgotten: set[str] = set()
        self._engines: dict[int, duckdb.DuckDBPyConnection] = {}
        self._committed = False

    @property
    def unchanged(self) -> bool:
        """Whether the last run had the same settings and ``extra``, and read the same table versions."""
        last = self.before.stages.get(self.name)
        return last is not None and self._inputs.match(last, self.before.tables)

    @property
    def scratch(self) -> Path:
        """Folder for temporary files of this run; the caller creates it, and the end of the run removes it."""
        return self._layout.staging / "scratch"

    @property
    def location(self) -> str:
        """Location of the workspace for tasks on other machines: its URL in an object store, or its folder."""
        return store_url_of(self._layout.root) or str(self._layout.root)

    @property
    def shared_spool(self) -> Spool:
        """Finished partitions at ``location``, where tasks on other machines leave them."""
        if self._shared is None:
            self._shared = Spool(location_at(self.location), spool_folder(self.name, self.before.record))
        return self._shared

    def report_unchanged(self) -> StageReport:
        """Return the last run's report, marked unchanged.

        Raises:
            DataError: The stage never ran.
        """
        last = self.before.stages.get(self.name)
        if last is None:
            raise DataError(f"stage {self.name}: it never ran and has no last report. This is a defect of the stage.")
        return replace(last.report, unchanged=True)

    def write(
        self,
        table: str,
        data: Rows,
        *,
        only: str | Sequence[Partition] | None = None,
        within: Sequence[str] | None = None,
    ) -> None:
        """Replace the content of a table or of some partitions; partitions with equal rows stay as they are.

        Observed columns are not compared. A relation is streamed and need not fit in memory. Threads may write
        different partitions at the same time.

        Args:
            table: Name of the table.
            data: All its rows, in any order, with the columns of its schema; a reader yields those of one bucket,
                sorted by key.
            only: The value (``split_by``), the values or the buckets that ``data`` replaces; None: the whole table.
            within: Prefixes of the keys that ``data`` replaces, such as ``shop:`` of products; large files without
                such keys are not read. None: all keys; empty: ``data`` has additional rows, and all others stay.

        Raises:
            DataError: A row breaks the schema, repeats a key, or is outside ``only``.
        """
        scope: Sequence[Partition] | None = [only] if isinstance(only, str) else only
        writer = PartitionWriter(
            self._open_engine(),
            TABLES[table],
            self.before.record.buckets,
            self._layout.table(table),
            self._layout.staging / "tables" / table,
        )
        planned = self._changes.setdefault(table, {})
        pinned = self.before.by_partition(table)
        if within is not None:
            planned.update(writer.write(data, scope, {**pinned, **planned}, within)[0])
            return
        changes, same = writer.write(data, scope, pinned)
        for partition in same:
            planned.pop(partition, None)
        planned.update(changes)

    def written(self, table: str) -> tuple[Partition, ...]:
        """Return the partitions of a table whose rows this run has changed so far."""
        return tuple(self._changes.get(table, {}))

    def rewritten(self, table: str) -> set[Partition]:
        """Return the partitions of a table from which this run has removed files; to others it has only added."""
        before = self.before.by_partition(table)
        changes = self._changes.get(table, {}).items()
        return {partition for partition, new in changes if set(before.get(partition, ())) - set(new)}

    def changed_files(self, table: str, partition: Partition) -> tuple[str, str]:
        """Return queries of a partition's rows in the files that this run has removed, and in those it has added."""
        spec, layout = TABLES[table], self._layout
        old = self.before.by_partition(table).get(partition, ())
        new = self._changes.get(table, {}).get(partition, old)
        removed = [file for file in old if file not in new]
        added = [file for file in new if file not in old]
        return (
            rows_sql(spec, layout.table(table), removed),
            rows_sql(spec, layout.staging / "tables" / table, added),
        )

    def changed_sources(self, table: str | None = None) -> set[str] | None:
        """Return the sources whose rows have changed in the tables that the stage reads since its last run.

        Args:
            table: The only table to compare, for work that no setting changes; None: all, and the settings.

        Returns:
            The sources; None if the stage has not run with these settings, or the changes are unknown.
        """
        last, inputs = self.before.stages.get(self.name), self._inputs
        if last is None or last.code != __version__:
            return None
        if table is None and (last.settings, last.extra) != (inputs.settings, inputs.extra):
            return None
        reads = {name: version for name, version in last.reads.items() if table in {None, name}}
        with closing(self.before.engines.lend()) as engine:
            return changed_sources(self._layout, reads, self.before.tables, engine)

    def find_changed_products(self, columns: Mapping[str, str], engine: duckdb.DuckDBPyConnection) -> bool:
        """Create the table ``changed``: product_id of products added, removed or changed since the last run.

        Args:
            columns: Table -> its columns to compare, as SQL. If a row of another table that the stage reads has
                changed, the changes are unknown.
            engine: Connection on which the table is created.

        Returns:
            False if there is no such table: the stage has not run with these settings, or the changes are unknown.
        """
        last, inputs = self.before.stages.get(self.name), self._inputs
        if last is None or (last.settings, last.extra, last.code) != (inputs.settings, inputs.extra, __version__):
            return False
        before = {**dict.fromkeys(inputs.reads, ABSENT), **last.reads}
        return find_changed_products(self._layout, before, self.before.tables, columns, engine)

    def rows(self, table: str) -> str:
        """Return a query of a table's rows as this run leaves them so far."""
        spec, layout = TABLES[table], self._layout
        files = merge(self.before.files(table), self._changes.get(table, {}))
        old = {*self.before.files(table)}
        sides = {layout.table(table): old, layout.staging / "tables" / table: {*files} - old}
        return " UNION ALL ".join(
            rows_sql(spec, folder, [file for file in files if file in side]) for folder, side in sides.items()
        )

    def touch(self, table: str) -> None:
        """Give a table a new version with the same rows, so that stages that read it run again."""
        self._touched.add(table)

    def forget(self, stage: str) -> None:
        """Drop the record of another stage, so that it redoes all of its work; its tables stay until then."""
        self._forgotten.add(stage)

    def reject(self, rejects: Iterable[Reject]) -> None:
        """Replace the rejects of the stage's earlier runs with those of this one."""
        schema, rest = TABLES["rejects"].schema, iter(rejects)
        rows = ([self.name, r.item, r.reason, r.detail] for r in rest)
        tables = [schema.empty_table()]
        while some := list(islice(rows, _REJECTS)):
            tables.append(pa.table([*map(list, zip(*some, strict=True))], schema=schema))
        self.write("rejects", pa.concat_tables(tables), only=self.name)

    def commit(self, report: StageReport) -> StageReport:
        """Publish all writes and new objects as one dataset version, then clear the spools.

        Returns:
            ``report``.

        Raises:
            DataError: The stage was committed already.
            ObjectStoreError: The object store does not answer; the commit is complete on this machine, and the next
                run uploads it.
        """
        if self._committed:
            raise DataError(f"stage {self.name}: committed twice. Open the stage again for another run.")
        indexed = self._publish_objects()
        changes = {name: planned for name, planned in self._changes.items() if planned}
        self._plan(changes)
        versions = {name: self._commit_table(name, planned) for name, planned in changes.items()}
        for name in sorted(self._touched & self.before.tables.keys() - versions.keys()):
            versions[name] = DeltaLog(self._layout.table(name), TABLES[name]).touch()
        write_version(self._layout, self._next_version(versions, indexed, report))
        self._committed = True
        self.spool.clear()
        self._published()  # which clears results of tasks elsewhere, once the version is there
        return report

    def close(self) -> None:
        """Release the engines."""
        while self._engines:
            self._engines.popitem()[1].close()

    def _publish_objects(self) -> int:
        """Add new objects of the index to the table ``objects``, and return the last sequence number in it.

        A stage that has written the table itself leaves newer objects to the next commit.
        """
        record = self.before.record
        if "objects" in self._changes:
            return record.indexed
        upto = self._index.last()
        for after in range(record.indexed, upto, _OBJECTS):
            fresh = object_rows(self._index, after, min(after + _OBJECTS, upto))
            self.write("objects", fresh.read_all(), within=())
        return max(upto, record.indexed)

    def _plan(self, changes: Mapping[str, Changes]) -> None:
        """Record which files are about to be moved, for ``lock.recover``."""
        self._layout.staging.mkdir(exist_ok=True)
        plan = {name: [file.path for file in self._new(name, planned)] for name, planned in changes.items()}
        replace_file(self._layout.manifest, json.dumps(plan).encode())

    def _new(self, name: str, changes: Changes) -> list[DataFile]:
        """Return the files of a table that this run has written."""
        before = set(self.before.files(name))
        return [file for files in changes.values() for file in files if file not in before]

    def _commit_table(self, name: str, changes: Changes) -> int:
        for file in self._new(name, changes):
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
        """Return this thread's own engine."""
        thread = get_ident()
        if thread not in self._engines:
            self._engines[thread] = self._new_engine(str(thread))
        return self._engines[thread]

    def _new_engine(self, name: str) -> duckdb.DuckDBPyConnection:
        spill = self._layout.staging / "spill" / name
        spill.mkdir(parents=True, exist_ok=True)
        return self.before.engines.lend(spill)


def _make_folder(folder: Path, top: Path) -> None:
    """Create ``folder`` and its parents below ``top``, and sync every folder that gained an entry."""
    if not folder.is_dir():
        _make_folder(folder.parent, top)
        folder.mkdir()
        sync_folder(folder.parent)
