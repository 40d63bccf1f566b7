"""One immutable dataset version, open for reading."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import duckdb
import pyarrow as pa

from m5data.errors import DataError
from storage.buckets import Partition
from storage.delta import DataFile, DeltaLog
from storage.engine import open_engine, quote
from storage.layout import Layout
from storage.ledger import LEDGER_COLUMNS, LEDGER_MEANING, LEDGER_SQL
from storage.pruning import Scope, scope_of
from storage.query import confine, query_errors, read
from storage.schemas import TABLES, TableSpec
from storage.spec_numbers import SPEC_NUMBERS_COLUMNS, SPEC_NUMBERS_MEANING, SPEC_NUMBERS_SQL
from storage.versions import StageRecord, VersionRecord
from storage.views import aligned_specs_sql, comments_sql, needs_norms, rows_sql

__all__ = ["Snapshot"]

_DERIVED = {
    "ledger": (LEDGER_SQL, LEDGER_MEANING, LEDGER_COLUMNS),
    "spec_numbers": (SPEC_NUMBERS_SQL, SPEC_NUMBERS_MEANING, SPEC_NUMBERS_COLUMNS),
}
"""Views that are no tables: their SQL, meaning and columns."""
_NORMS = {"property_norm", "value_norm", "unit"}
"""Columns of ``specs`` that are kept in ``spec_norms``: the stage that reads lines writes them there."""


class Snapshot:
    """A dataset version. Reading it never blocks on writing, and never sees half of a commit."""

    def __init__(self, layout: Layout, record: VersionRecord) -> None:
        self._layout = layout
        self.record = record
        self._files: dict[str, tuple[DataFile, ...]] = {}

    @property
    def root(self) -> Path:
        """Folder of the workspace."""
        return self._layout.root

    @property
    def number(self) -> int:
        """Number of the version; 0: nothing committed yet."""
        return self.record.number

    @property
    def created(self) -> datetime | None:
        """When it was committed; None for version 0."""
        return self.record.created

    @cached_property
    def tables(self) -> Mapping[str, int]:
        """Table -> Delta version that is pinned; tables never written are absent."""
        return MappingProxyType(dict(self.record.tables))

    @cached_property
    def stages(self) -> Mapping[str, StageRecord]:
        """Stage -> what its last run was."""
        return MappingProxyType(dict(self.record.stages))

    def files(self, name: str) -> tuple[DataFile, ...]:
        """Return the table's files in this version, ordered by partition."""
        if name not in self._files:
            self._files[name] = self._list_files(_spec(name))
        return self._files[name]

    def partitions(self, name: str) -> tuple[Partition, ...]:
        """Return the partitions of the table that hold rows: bucket numbers, values, or one None."""
        return tuple(file.partition for file in self.files(name))

    def table(
        self, name: str, columns: Sequence[str] | None = None, *, only: Sequence[Partition] | None = None
    ) -> pa.Table:
        """Return a table's rows, sorted by its key, typed as its schema says.

        Args:
            name: Table.
            columns: Those wanted, in the order wanted; None: all.
            only: Partitions wanted (see ``partitions``); None: all. Buckets of all tables with the same
                ``bucket_of`` hold the same products.

        Raises:
            DataError: There is no such table or column.
        """
        spec = _spec(name)
        schema = _select(spec, columns)
        files = [file for file in self.files(name) if only is None or file.partition in only]
        selected = ", ".join(quote(field.name) for field in schema)
        order = ", ".join(quote(key) for key in spec.key)
        with closing(open_engine()) as engine:
            rows = rows_sql(spec, self._layout.table(name), files)
            if name == "specs" and _NORMS & {*schema.names}:
                rows = aligned_specs_sql(rows, self._norms(only))
            query = f"SELECT {selected} FROM ({rows}) ORDER BY {order}"  # noqa: S608
            return engine.sql(query).to_arrow_table().cast(schema)

    def connection(self, only: Collection[str] | None = None) -> duckdb.DuckDBPyConnection:
        """Open DuckDB with one view a table, ``ledger`` and ``spec_numbers``; the caller closes it.

        The connection is the caller's own: temporary tables, registered Arrow tables and COPY work.

        Args:
            only: Tables that get a view, and nothing else does; None: all.
        """
        engine = open_engine()
        self._show(engine, None if only is None else dict.fromkeys(only))
        return engine

    def view(self, name: str, table: str, *, only: Sequence[Partition] | None = None) -> str:
        """Return the statement that creates a view of a table of this version on any connection.

        Args:
            name: Name of the view.
            table: Table.
            only: Partitions wanted; None: all.
        """
        files = [file for file in self.files(table) if only is None or file.partition in only]
        return f"CREATE VIEW {quote(name)} AS {rows_sql(_spec(table), self._layout.table(table), files)}"

    def sql(self, query: str, params: Sequence[object] | None = None) -> pa.Table:
        """Return the result of one SELECT over the tables and views; it can read nothing else.

        Raises:
            QueryError: The query is wrong, or is no SELECT.
        """
        return self.batches(query, params).read_all()

    def batches(self, query: str, params: Sequence[object] | None = None) -> pa.RecordBatchReader:
        """Return the result of one SELECT bit by bit, so that it need not fit in memory.

        Raises:
            QueryError: The query is wrong, or is no SELECT; while reading, too.
        """
        engine = open_engine()
        try:
            with query_errors():
                scope = scope_of(engine, query, self.record.buckets)
                self._show(engine, scope)
                if needs_norms(query) and (scope is None or "specs" in scope):
                    self._show_norms(engine, scope["specs"] if scope else None)
            confine(engine, self._layout.tables)
            reader = read(engine, query, params)
        except BaseException:
            engine.close()
            raise
        return pa.RecordBatchReader.from_batches(reader.schema, _drain(engine, reader))

    def _show(self, engine: duckdb.DuckDBPyConnection, scope: Scope | None) -> None:
        """Make the views of the tables in ``scope``, of its buckets alone; None: of everything there is."""
        for name in TABLES if scope is None else scope:
            spec, only = TABLES[name], scope[name] if scope else None
            engine.execute(self.view(name, name, only=only))
            engine.execute(comments_sql(name, spec.meaning, spec.columns))
        if scope is None:
            for name, (sql, meaning, columns) in _DERIVED.items():
                engine.execute(sql)
                engine.execute(comments_sql(name, meaning, columns))

    def _show_norms(self, engine: duckdb.DuckDBPyConnection, only: Sequence[Partition] | None) -> None:
        """Make the view ``specs`` one that has the shared words of ``spec_norms``."""
        spec = _spec("specs")
        files = [file for file in self.files("specs") if only is None or file.partition in only]
        lines = rows_sql(spec, self._layout.table("specs"), files)
        engine.execute(f"CREATE OR REPLACE VIEW specs AS {aligned_specs_sql(lines, self._norms(only))}")
        engine.execute(comments_sql("specs", spec.meaning, spec.columns))

    def _norms(self, only: Sequence[Partition] | None = None) -> str:
        """Return a query of what specification lines say in shared words."""
        files = [file for file in self.files("spec_norms") if only is None or file.partition in only]
        return rows_sql(_spec("spec_norms"), self._layout.table("spec_norms"), files)

    def _list_files(self, spec: TableSpec) -> tuple[DataFile, ...]:
        version = self.tables.get(spec.name)
        return () if version is None else DeltaLog(self._layout.table(spec.name), spec).files(version)


def _drain(engine: duckdb.DuckDBPyConnection, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    with closing(engine), query_errors():
        yield from reader


def _spec(name: str) -> TableSpec:
    if name not in TABLES:
        raise DataError(f"wanted a table, got {name!r}; there are {', '.join(TABLES)}")
    return TABLES[name]


def _select(spec: TableSpec, columns: Sequence[str] | None) -> pa.Schema:
    schema = spec.schema
    if columns is None:
        return schema
    unknown = [name for name in columns if name not in schema.names]
    if unknown:
        raise DataError(f"table {spec.name} has no column {', '.join(unknown)}; it has {', '.join(schema.names)}")
    return pa.schema([schema.field(name) for name in columns])
