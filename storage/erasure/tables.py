"""Views over the rows of all versions of a table, and the rewriting that removes or changes some of them."""

import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from core.engine import open_engine, quote, text
from core.files import replace_file, sync_file, sync_folder
from core.paths import files_below
from core.table_spec import TableSpec
from storage.files import Layout
from storage.tables import TABLES
from storage.tables.data_files import DataFile, stored_sql, view_sql
from storage.versions import Snapshot, StageRecord, committed_versions, write_version
from storage.working_copy import fetch_all

__all__ = [
    "Edit",
    "Replacements",
    "among",
    "correct_reports",
    "data_files",
    "history",
    "named_files",
    "replace_files",
    "rewrite_tables",
]

Replacements = Mapping[str, DataFile | None]
"""Path of a file below the table's folder -> its replacement; None: no row is left."""


def replace_files(folder: Path, replacements: Replacements) -> None:
    """Replace files in the log of the table in ``folder``; the files themselves are left alone."""
    log = folder / "_delta_log"
    for entry in sorted(log.glob("*.json"), reverse=True):
        before = entry.read_text(encoding="utf-8")
        lines = [
            json.dumps(action) for line in before.splitlines() for action in _entry(json.loads(line), replacements)
        ]
        if lines != [json.dumps(json.loads(line)) for line in before.splitlines()]:
            replace_file(entry, ("\n".join(lines) + "\n").encode())
    for checkpoint in sorted(log.glob("*.checkpoint*.parquet")):
        _checkpoint(checkpoint, replacements)
    for hint in (log / "_last_checkpoint", *log.glob("*.crc")):  # they hold counts of a checkpoint or version
        hint.unlink(missing_ok=True)


def named_files(folder: Path) -> set[str]:
    """Return the paths of all files that some entry or checkpoint of the log adds."""
    log = folder / "_delta_log"
    actions = [json.loads(line) for e in log.glob("*.json") for line in e.read_text(encoding="utf-8").splitlines()]
    actions += [row for path in log.glob("*.checkpoint*.parquet") for row in pq.read_table(path).to_pylist()]
    return {unquote(action["add"]["path"]) for action in actions if action.get("add")}


def _entry(action: dict[str, Any], replacements: Replacements) -> Iterator[dict[str, Any]]:
    if "add" in action:
        changed = _added(action["add"], replacements)
        if changed is not None:
            yield {"add": changed}
        return
    yield action
    new = replacements.get(unquote(action["remove"]["path"])) if "remove" in action else None
    if new is not None:
        yield {"remove": {**action["remove"], "path": _renamed(action["remove"]["path"], new), "size": new.size}}


def _added(add: dict[str, Any], replacements: Replacements) -> dict[str, Any] | None:
    """Return the action ``add`` with the replacement of its file, if there is one; None: no row is left."""
    path = unquote(add["path"])
    if path not in replacements:
        return add
    new = replacements[path]
    if new is None:
        return None
    stats = json.dumps({"numRecords": new.rows})
    return {**add, "path": _renamed(add["path"], new), "size": new.size, "stats": stats}


def _renamed(path: str, new: DataFile) -> str:
    """Return the new file's path, with its folder spelt as in the log."""
    return path.rpartition("/")[0] + path.rpartition("/")[1] + Path(new.path).name


def _checkpoint(path: Path, replacements: Replacements) -> None:
    table = pq.read_table(path)
    rows = table.to_pylist()
    changed = [row for row in (_checkpoint_row(row, replacements) for row in rows) if row is not None]
    if changed != rows:
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(changed, schema=table.schema), sink, compression="zstd")
        replace_file(path, sink.getvalue().to_pybytes())


def _checkpoint_row(row: dict[str, Any], replacements: Replacements) -> dict[str, Any] | None:
    if not row.get("add"):
        return row
    add = _added(row["add"], replacements)
    return None if add is None else {**row, "add": add}


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one table's files. Conditions and values are DuckDB SQL over its columns."""

    table: str
    gone: str = "false"
    """True for rows to remove; without a join (see ``among``)."""
    touched: str = "false"
    """True for rows to change; a file without rows of either kind is not rewritten."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Column -> its new value; never a key, so that rows keep their order."""
    buckets: Collection[int] | None = None
    """Buckets whose files are searched; None: all."""


def among(column: str, values: Collection[str]) -> str:
    """Return the SQL condition that ``column`` has one of ``values``; without a join, so that rows keep their order."""
    return f"{column} IN ({', '.join(text(value) for value in sorted(values))})" if values else "false"


def rewrite_tables(engine: duckdb.DuckDBPyConnection, root: Path, edits: Iterable[Edit]) -> dict[str, int]:
    """Apply edits to every version of tables, then delete the replaced files.

    The versions keep their numbers; a version whose rows an edit does not touch stays as it is. If the process is
    killed, each version of each table reads as before or as after; running it again completes the edits.

    Args:
        engine: Connection with everything that the edits' SQL refers to.
        root: The workspace's folder; its lock is held.
        edits: At most one per table.

    Returns:
        Table -> number of files rewritten or removed; tables without any are absent.
    """
    layout = Layout(root)
    counts = {edit.table: _rewrite(engine, layout, edit) for edit in edits if layout.table(edit.table).is_dir()}
    return {table: count for table, count in counts.items() if count}


def correct_reports(root: Path, stages: Collection[str]) -> None:
    """Correct the drops that stages reported, in every version, to match the present table ``rejects``.

    Args:
        root: The workspace's folder; its lock is held.
        stages: Stages that lost rejects.
    """
    layout = Layout(root)
    for version in committed_versions(layout):
        snapshot = Snapshot(layout, version)
        counted = {name: _counted(snapshot, name) for name in stages if name in version.stages}
        if any(version.stages[name] != record for name, record in counted.items()):
            write_version(layout, replace(version, stages={**version.stages, **counted}))


@contextmanager
def history(root: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open DuckDB with a view of each table over all its files: rows repeat where several versions hold them."""
    layout = Layout(root)
    with open_engine() as engine:
        for spec in TABLES.values():
            engine.execute(view_sql(spec, layout.table(spec.name), _named(layout, spec)))
        yield engine


def _named(layout: Layout, spec: TableSpec) -> list[DataFile]:
    """Return the data files that some version holds; others may be half-written by a killed take-down."""
    named = named_files(layout.table(spec.name))
    return [file for file in data_files(layout, spec) if file.path in named]


def data_files(layout: Layout, spec: TableSpec) -> list[DataFile]:
    """Return every data file in a table's folder, whichever version holds it; ``rows`` is not known (-1).

    A working copy fetches all of them first. Requires the lock.
    """
    folder = layout.table(spec.name)
    fetch_all(layout.root, f"tables/{spec.name}/")
    paths = (path for path in files_below(folder) if path.suffix == ".parquet" and "_delta_log" not in path.parts)
    return [_file(path, folder, spec) for path in paths]


def _rewrite(engine: duckdb.DuckDBPyConnection, layout: Layout, edit: Edit) -> int:
    spec, folder = TABLES[edit.table], layout.table(edit.table)
    files = [f for f in _named(layout, spec) if edit.buckets is None or f.partition in edit.buckets]
    changed = [file for file in files if _is_concerned(engine, folder, spec, edit, file)]
    replacements = {file.path: _copy(engine, folder, spec, edit, file) for file in changed}
    if replacements:
        replace_files(folder, replacements)
    named = named_files(folder)
    for file in data_files(layout, spec):  # including the copies of a killed take-down
        if file.path not in named:
            (folder / file.path).unlink()
    return len(changed)


def _is_concerned(engine: duckdb.DuckDBPyConnection, folder: Path, spec: TableSpec, edit: Edit, file: DataFile) -> bool:
    query = f"SELECT 1 FROM {_all_columns(folder, spec, file)} WHERE ({edit.gone}) OR ({edit.touched}) LIMIT 1"  # noqa: S608
    return bool(engine.execute(query).fetchall())


def _copy(
    engine: duckdb.DuckDBPyConnection, folder: Path, spec: TableSpec, edit: Edit, file: DataFile
) -> DataFile | None:
    """Write and return the file that replaces ``file``; None if no row is left."""
    path = str(Path(file.path).with_name(f"{uuid.uuid4().hex}.parquet"))
    target = folder / path
    names = [c.name for c in spec.columns if c.name != spec.split_by]
    columns = ", ".join(f"{edit.values.get(name, quote(name))} AS {quote(name)}" for name in names)
    # a join may lose the order of rows; conditions without one keep it
    order = f" ORDER BY {', '.join(quote(key) for key in spec.key if key in names)}"
    order = order if edit.values and set(spec.key) & set(names) else ""
    rows = engine.execute(
        f"COPY (SELECT {columns} FROM {_all_columns(folder, spec, file)} WHERE NOT ({edit.gone}){order}) "  # noqa: S608
        f"TO {text(str(target))} (FORMAT parquet, COMPRESSION {spec.codec})"
    ).fetchall()[0][0]
    if not rows:
        target.unlink()
        return None
    sync_file(target)
    sync_folder(target.parent)
    return DataFile(path, file.partition, target.stat().st_size, rows)


def _all_columns(folder: Path, spec: TableSpec, file: DataFile) -> str:
    """Return SQL for the rows of a file, with the column whose value is its partition."""
    rows = stored_sql(spec, [folder / file.path])
    if spec.split_by is None:
        return rows
    return f"(SELECT *, {text(str(file.partition))} AS {quote(spec.split_by)} FROM {rows})"  # noqa: S608


def _file(path: Path, folder: Path, spec: TableSpec) -> DataFile:
    relative = path.relative_to(folder)
    value = unquote(relative.parts[0].partition("=")[2])
    partition = None if spec.partition_column is None else int(value) if spec.bucket_of else value
    return DataFile(str(relative), partition, path.stat().st_size, -1)


def _counted(snapshot: Snapshot, stage: str) -> StageRecord:
    query = "SELECT reason, count(*) AS items FROM rejects WHERE stage = ? GROUP BY reason ORDER BY reason"
    found = {row["reason"]: row["items"] for row in snapshot.sql(query, [stage]).to_pylist()}
    record = snapshot.stages[stage]
    kept, parts = record.report.kept, record.report.left_out
    dropped = {reason: count for reason, count in found.items() if reason not in parts}
    left_out = {reason: found[reason] for reason in parts if reason in found}
    read = kept + sum(dropped.values())
    return replace(record, report=replace(record.report, read=read, dropped=dropped, left_out=left_out))
