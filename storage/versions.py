"""Dataset versions: the records that pin every table, and snapshots that read them."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from threading import Timer
from types import MappingProxyType
from typing import Any

import duckdb
import pyarrow as pa

from core.engine import Engines, open_engine, quote
from core.errors import CorruptObjectError, DataError, WorkspaceError
from core.files import replace_file
from core.small_files import check, check_numbers, read_json
from core.stage import StageReport
from core.table_spec import Partition, TableSpec
from storage.files import Layout
from storage.query import NORMS, Reads, names_of, plan_reads, query_errors, read, select_of
from storage.state import State
from storage.tables import TABLES
from storage.tables.data_files import DataFile, rows_sql
from storage.tables.delta import DeltaLog
from storage.tags import TAGS_COLUMNS, TAGS_MEANING, TAGS_SCHEMA, read_tags
from storage.views import VIEWS, aligned_specs_sql, comments_sql, needs_comments

__all__ = [
    "ABSENT",
    "Snapshot",
    "StageRecord",
    "VersionRecord",
    "committed_versions",
    "latest_number",
    "read_version",
    "version_numbers",
    "version_path",
    "write_version",
]

ABSENT = -1
"""Delta version of a table that no stage has written."""
_NAME = re.compile(r"(\d{8})\.json")
_MAX_BUCKETS = 4096
_REMEDY = "Restore it from a backup, or run m5data repair, first with --dry-run."


@dataclass(frozen=True, slots=True)
class StageRecord:
    """A stage's last committed run."""

    settings: str
    """Digest of its settings."""
    extra: str
    """Anything else that its result depends on; may be empty."""
    reads: Mapping[str, int]
    """Table -> Delta version that it read, or wrote if the table is its own; ``ABSENT`` if there was none yet."""
    report: StageReport
    version: int
    """Dataset version that it committed."""
    code: str
    """Version of this package that ran the stage."""


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One dataset version. Number 0 is the empty dataset that every workspace starts with."""

    number: int
    parent: int | None
    created: datetime | None
    buckets: int
    """Number of hash buckets of bucketed tables."""
    indexed: int = 0
    """Greatest sequence number of the object index's rows that the table ``objects`` holds."""
    tables: Mapping[str, int] = field(default_factory=dict)
    stages: Mapping[str, StageRecord] = field(default_factory=dict)

    @property
    def stage(self) -> str:
        """Stage that committed this version; empty for number 0."""
        return next((name for name, record in self.stages.items() if record.version == self.number), "")


def committed_versions(layout: Layout) -> list[VersionRecord]:
    """Return every version that a stage committed, newest first."""
    return [read_version(layout, number) for number in reversed(version_numbers(layout)) if number]


def version_numbers(layout: Layout) -> list[int]:
    """Return the numbers of all versions, ascending; damaged ones count."""
    return sorted(int(match[1]) for match in map(_NAME.fullmatch, _names(layout)) if match)


def latest_number(layout: Layout) -> int:
    """Return the number of the newest version.

    Raises:
        WorkspaceError: The folder has no version, so it is not a workspace.
    """
    numbers = version_numbers(layout)
    if not numbers:
        raise WorkspaceError(f"{layout.root}: not a workspace: it has no dataset version. Create one with m5data init.")
    return numbers[-1]


def read_version(layout: Layout, number: int) -> VersionRecord:
    """Read one version.

    Raises:
        WorkspaceError: No such version exists.
        CorruptObjectError: Its record is damaged.
    """
    try:
        return read_json(version_path(layout, number), lambda data: _record(data, number), _REMEDY)
    except FileNotFoundError:
        newest = latest_number(layout)
        raise WorkspaceError(
            f"{layout.root}: dataset version {number} does not exist; versions are 0 to {newest}. See m5data log."
        ) from None


def write_version(layout: Layout, record: VersionRecord) -> None:
    """Write one version as the last step of a commit: readers see nothing new before it and everything after."""
    data = asdict(replace(record, created=None))
    data["created"] = record.created and record.created.isoformat()
    encoded = json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True)
    replace_file(version_path(layout, record.number), encoded.encode())


def _record(data: dict[str, Any], number: int) -> VersionRecord:
    """Return the record in JSON; a value of another kind is a ``ValueError``."""
    if check(data["number"], int, "number") != number:
        raise ValueError(f"it is the record of version {data['number']}")
    if not 0 < check(data["buckets"], int, "buckets") <= _MAX_BUCKETS:
        raise ValueError(f"buckets is {data['buckets']}")
    check(data["parent"] or 0, int, "parent")
    check(data.get("indexed", 0), int, "indexed")
    check_numbers(data["tables"], "tables")
    created = data["created"]
    stages = {name: _stage_record(record) for name, record in data["stages"].items()}
    return VersionRecord(
        **{**data, "created": created and datetime.fromisoformat(created), "stages": stages},
    )


def _names(layout: Layout) -> list[str]:
    return [path.name for path in layout.versions.iterdir()] if layout.versions.is_dir() else []


def version_path(layout: Layout, number: int) -> Path:
    """Return the file of a version."""
    return layout.versions / f"{number:08}.json"


def _stage_record(data: dict[str, Any]) -> StageRecord:
    report = data["report"]
    dropped = check_numbers(report.get("dropped", {}), "dropped")
    if check(report["read"], int, "read") != check(report["kept"], int, "kept") + sum(dropped.values()):
        raise ValueError(f"the counts of stage {report.get('stage')!r} do not add up")
    check_numbers(data["reads"], "reads")
    check(data["version"], int, "version")
    check(data["settings"], str, "settings")
    check(data["extra"], str, "extra")
    return StageRecord(**{**data, "report": StageReport(**{**report, "notes": tuple(report.get("notes", ()))})})


class Snapshot:
    """A dataset version, open for reading. Reading never waits for a writer and never sees half a commit."""

    def __init__(self, layout: Layout, record: VersionRecord, engines: Engines | None = None) -> None:
        self._layout = layout
        self.record = record
        self.engines = engines or Engines()
        """Engines that run its queries."""
        self._files: dict[str, tuple[DataFile, ...]] = {}

    @property
    def root(self) -> Path:
        """Folder of the workspace."""
        return self._layout.root

    @property
    def number(self) -> int:
        """Number of the version; 0: nothing is committed yet."""
        return self.record.number

    @property
    def created(self) -> datetime | None:
        """When it was committed; None for version 0."""
        return self.record.created

    @cached_property
    def tables(self) -> Mapping[str, int]:
        """Table -> pinned Delta version; tables never written are absent."""
        return MappingProxyType(dict(self.record.tables))

    @cached_property
    def stages(self) -> Mapping[str, StageRecord]:
        """Stage -> record of its last run."""
        return MappingProxyType(dict(self.record.stages))

    def files(self, name: str) -> tuple[DataFile, ...]:
        """Return the table's files in this version, ordered by partition and path."""
        if name not in self._files:
            self._files[name] = self._list_files(_spec(name))
        return self._files[name]

    def partitions(self, name: str) -> tuple[Partition, ...]:
        """Return the partitions of the table that hold rows: bucket numbers, values, or one None."""
        return tuple(self.by_partition(name))

    def by_partition(self, name: str) -> dict[Partition, tuple[DataFile, ...]]:
        """Return the files of each partition of the table that holds rows, in the order of ``files``."""
        found: dict[Partition, list[DataFile]] = {}
        for file in self.files(name):
            found.setdefault(file.partition, []).append(file)
        return {partition: tuple(files) for partition, files in found.items()}

    def table(
        self, name: str, columns: Sequence[str] | None = None, *, only: Sequence[Partition] | None = None
    ) -> pa.Table:
        """Return a table's rows, sorted by its key, with the types of its schema.

        Args:
            name: Table.
            columns: Columns to return, in this order; None: all.
            only: Partitions to read (see ``partitions``); None: all. Buckets of all tables with the same
                ``bucket_of`` hold the same products.

        Raises:
            DataError: No such table or column exists.
        """
        spec = _spec(name)
        schema = _select(spec, columns)
        selected = ", ".join(quote(field.name) for field in schema)
        order = ", ".join(quote(key) for key in spec.key)
        with closing(self.engines.lend()) as engine:
            aligned = name == "specs" and {*NORMS} & {*schema.names}
            rows = self._aligned_specs(only) if aligned else self._rows(name, only)
            query = f"SELECT {selected} FROM ({rows}) ORDER BY {order}"  # noqa: S608
            return engine.sql(query).to_arrow_table().cast(schema)

    def connection(self, only: Collection[str] | None = None) -> duckdb.DuckDBPyConnection:
        """Open DuckDB with a view for each table, those in ``VIEWS``, and ``tags``; the caller closes it.

        The connection is the caller's own: temporary tables, registered Arrow tables and COPY work.

        Args:
            only: The only tables that get a view; None: all tables, and the other views.
        """
        engine = open_engine()
        self._show(engine, only, Reads(norms=False))
        return engine

    def view(self, name: str, table: str, *, only: Sequence[Partition] | None = None) -> str:
        """Return the statement that creates a view of a table of this version on any connection.

        Args:
            name: Name of the view.
            table: Table.
            only: Partitions to show; None: all.
        """
        return f"CREATE VIEW {quote(name)} AS {self._rows(table, only)}"

    def sql(self, query: str, params: Sequence[object] | None = None) -> pa.Table:
        """Return the result of one SELECT over the tables and views; nothing else can be read.

        Raises:
            QueryError: The query is wrong or not a SELECT.
        """
        return self.batches(query, params).read_all()

    def batches(
        self,
        query: str,
        params: Sequence[object] | None = None,
        *,
        seconds: float | None = None,
        given: Mapping[str, pa.Table] = MappingProxyType({}),
        buckets: Sequence[int] | None = None,
    ) -> pa.RecordBatchReader:
        """Return a reader of the result of one SELECT, so that it need not fit in memory.

        Args:
            query: SQL.
            params: Values of its parameters.
            seconds: How long it may take, reading included; None: no limit.
            given: Further tables that it reads, by name.
            buckets: Buckets to read of tables bucketed by product; None: all.

        Raises:
            QueryError: The query is wrong, not a SELECT, or takes too long; also raised while reading.
        """
        engine = self.engines.lend(inside=self._layout.tables)
        timer = Timer(seconds or 0, engine.interrupt)
        timer.daemon = True
        if seconds is not None:
            timer.start()
        try:
            select = select_of(engine, query)
            with query_errors():
                for name, table in given.items():
                    engine.register(name, table)
                names = names_of(engine, query, given, {name: view.sql for name, view in VIEWS.items()})
                self._show(engine, names, self._reads(query, params, names, given), buckets)
                if names is None and needs_comments(query):
                    self._comment(engine)
            reader = read(engine, select, params)
        except BaseException:
            timer.cancel()
            engine.close()
            raise
        return pa.RecordBatchReader.from_batches(reader.schema, _drain(engine, reader, timer))

    def _reads(
        self,
        query: str,
        params: Sequence[object] | None,
        names: Collection[str] | None,
        given: Mapping[str, pa.Table],
    ) -> Reads:
        """Return which rows and columns of the tables a query needs."""
        with closing(self.engines.lend(inside=self._layout.tables, plans=True)) as probe:
            for name, table in {**given, "tags": TAGS_SCHEMA.empty_table()}.items():
                probe.register(name, table.schema.empty_table())
            views = {name: view.sql() for name, view in VIEWS.items()}
            return plan_reads(probe, query, params, self.record.buckets, views, names)

    def _show(
        self,
        engine: duckdb.DuckDBPyConnection,
        names: Collection[str] | None,
        reads: Reads,
        buckets: Sequence[int] | None = None,
    ) -> None:
        """Create views of tables, over the buckets that are read, and the views over them.

        Args:
            engine: Connection that gets the views.
            names: Names of the views; None: all.
            reads: What is needed of the tables.
            buckets: Buckets to show of tables bucketed by product; None: all.
        """
        for name in TABLES:
            if names is None or name in names:
                only = _only(name, reads, buckets)
                shown = self.aligned_specs_view if name == "specs" and reads.norms else partial(self.view, table=name)
                engine.execute(shown(name, only=only))
        for name, view in VIEWS.items():
            if names is None or name in names:
                engine.execute(f"CREATE VIEW {name} AS {view.sql()}")
        if names is None:
            engine.register("tags", self._tags())

    def _comment(self, engine: duckdb.DuckDBPyConnection) -> None:
        """Comment all views and their columns with their meanings."""
        of_tables = ((spec.name, spec.meaning, spec.columns) for spec in TABLES.values())
        of_views = ((name, view.meaning(), view.columns()) for name, view in VIEWS.items())
        for each in (*of_tables, *of_views, ("tags", TAGS_MEANING, TAGS_COLUMNS)):
            engine.execute(comments_sql(*each))

    def _tags(self) -> pa.Table:
        """Return the present tags; none if the state is missing or damaged, so that tables can still be read."""
        try:
            return read_tags(State(self._layout.state))
        except CorruptObjectError:
            return TAGS_SCHEMA.empty_table()

    def aligned_specs_view(self, name: str, *, only: Sequence[Partition] | None = None) -> str:
        """Return the statement that creates a view of the specifications with their normalised values.

        Args:
            name: Name of the view.
            only: Partitions to show; None: all.
        """
        return f"CREATE OR REPLACE VIEW {quote(name)} AS {self._aligned_specs(only)}"

    def _aligned_specs(self, only: Sequence[Partition] | None) -> str:
        return aligned_specs_sql(self._rows("specs", only), self._rows("spec_norms", only), self._rows("properties"))

    def _rows(self, name: str, only: Sequence[Partition] | None = None) -> str:
        """Return a query of the rows of a table, or of some of its partitions."""
        files = [file for file in self.files(name) if only is None or file.partition in only]
        return rows_sql(_spec(name), self._layout.table(name), files)

    def _list_files(self, spec: TableSpec) -> tuple[DataFile, ...]:
        version = self.tables.get(spec.name)
        return () if version is None else DeltaLog(self._layout.table(spec.name), spec).files(version)


def _drain(engine: duckdb.DuckDBPyConnection, reader: pa.RecordBatchReader, timer: Timer) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a reader, and close its engine."""
    try:
        with query_errors():
            yield from reader
    finally:
        timer.cancel()
        engine.close()


def _only(table: str, reads: Reads, buckets: Sequence[int] | None) -> Sequence[Partition] | None:
    """Return the buckets of a table that are shown; None: all."""
    needed, shown = reads.buckets.get(table), buckets if TABLES[table].bucket_of == "product_id" else None
    if needed is None:
        return shown
    return sorted(needed if shown is None else needed.intersection(shown))


def _spec(name: str) -> TableSpec:
    if name not in TABLES:
        raise DataError(f"there is no table {name!r}. The tables are {', '.join(TABLES)}.")
    return TABLES[name]


def _select(spec: TableSpec, columns: Sequence[str] | None) -> pa.Schema:
    schema = spec.schema
    if columns is None:
        return schema
    unknown = [name for name in columns if name not in schema.names]
    if unknown:
        raise DataError(f"table {spec.name} has no column {', '.join(unknown)}; it has {', '.join(schema.names)}.")
    return pa.schema([schema.field(name) for name in columns])
