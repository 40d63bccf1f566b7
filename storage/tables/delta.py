"""The Delta Lake log of one table: the files of each version, and commits that change them.

delta-rs syncs nothing, so data files are synced before they are moved into place, and ``converge`` syncs the log
afterwards. Statistics in the log are only row counts, so that a take-down leaves no caption there.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Schema
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from core.errors import CorruptObjectError, DataError
from core.files import sync_file, sync_folder
from core.paths import is_plain
from core.table_spec import BUCKET, TableSpec
from storage.tables.data_files import DataFile

__all__ = ["DeltaLog"]

_ENTRY = re.compile(r"(\d{20})\.json")
_HALF_WRITTEN = re.compile(r"_commit_.*|.*\.tmp|.*#\d+")
"""Names under which delta-rs and its object store write before they rename."""
_SHORTEST = 20
"""Bytes: no entry is shorter."""
_ATTEMPTS = 5
_CHECKPOINT_EVERY = 50
_CONFIGURATION: dict[str, str | None] = {
    "delta.enableExpiredLogCleanup": "false",  # old dataset versions read old log entries
    "delta.dataSkippingNumIndexedCols": "0",  # other writers keep captions out of the log, too
}
_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
_COMMIT = CommitProperties(max_commit_retries=0)


class DeltaLog:
    """The log of the table in ``folder``, which need not exist yet."""

    def __init__(self, folder: Path, spec: TableSpec) -> None:
        self._folder = folder
        self._spec = spec
        self._log = folder / "_delta_log"

    def head(self) -> int | None:
        """Return the newest version; None: the table does not exist."""
        if not self._log.is_dir():
            return None
        numbers = [int(match[1]) for p in self._log.iterdir() if (match := _ENTRY.fullmatch(p.name))]
        return max(numbers, default=None)

    def files(self, version: int) -> tuple[DataFile, ...]:
        """Return the files of a version, ordered by partition and path.

        Raises:
            CorruptObjectError: The log is missing or damaged.
        """
        try:
            checkpoint = version - version % _CHECKPOINT_EVERY  # delta-rs reads it, and the entries after it
            entries = self._entries(checkpoint, version)
            found = _replay(entries) if len(entries) == version + 1 else None
            if found is None:
                return self._files(DeltaTable(self._folder, version=version))
            return self._sorted(self._file(added) for added in found.values())
        except (DeltaError, OSError, ValueError, KeyError, TypeError) as error:
            raise self._damaged(error) from error

    def _entries(self, first: int, last: int) -> list[bytes]:
        """Return the existing entries from ``first`` to ``last``, in order.

        Raises:
            ValueError: An entry is empty, which delta-rs takes for a commit without changes.
        """
        entries = []
        for path in sorted(self._log.iterdir()):
            if (match := _ENTRY.fullmatch(path.name)) and first <= int(match[1]) <= last:
                entries.append(path.read_bytes())
                if len(entries[-1]) < _SHORTEST:
                    raise ValueError(f"{path.name} is empty")
        return entries

    def converge(self, target: Iterable[DataFile], now: datetime) -> int:
        """Commit the changes that make the newest version hold exactly ``target``, and return its number.

        After another writer's commit it retries, a bounded number of times.

        Raises:
            DataError: Other writers kept committing.
        """
        wanted = {file.path: file for file in target}
        for _ in range(_ATTEMPTS):
            try:
                return self._commit(wanted, now)
            except CommitFailedError as error:
                conflict = str(error).splitlines()[0]
        raise DataError(
            f"{self._folder}: {_ATTEMPTS} commits in a row conflicted with another writer's ({conflict}). "
            "Stop the other program and run again."
        )

    def touch(self) -> int:
        """Commit a version with the same files, and return its number."""
        table = DeltaTable(self._folder)
        self._transact(table, [])
        return self._finish(table.version() + 1)

    def sweep(self) -> None:
        """Remove half-written log entries. Requires the workspace's lock."""
        for path in self._log.iterdir() if self._log.is_dir() else ():
            if _HALF_WRITTEN.fullmatch(path.name) and path.is_file():
                path.unlink()

    def _damaged(self, error: Exception) -> CorruptObjectError:
        what = " ".join(str(error).split())[:300]
        return CorruptObjectError(
            f"{self._log}: missing or damaged ({what}). Restore it from a backup, or run m5data repair, first with "
            "--dry-run."
        )

    def _commit(self, wanted: Mapping[str, DataFile], now: datetime) -> int:
        if self.head() is None:
            self._create(wanted, now)
            return self._finish(0)
        table = DeltaTable(self._folder)
        present = {file.path: file for file in self._files(table)}
        if present.keys() == wanted.keys():
            return table.version()
        moment = int(now.timestamp() * 1000)
        added = [self._add(file, moment) for path, file in wanted.items() if path not in present]
        removed = [self._remove(file, moment) for path, file in present.items() if path not in wanted]
        self._transact(table, [*added, *removed])
        return self._finish(table.version() + 1)

    def _transact(self, table: DeltaTable, actions: list[AddAction | RemoveAction]) -> None:
        table.create_write_transaction(
            actions,
            mode="append",
            schema=self._schema(),
            partition_by=self._partition_by(),
            commit_properties=_COMMIT,
            post_commithook_properties=_HOOKS,
        )

    def _create(self, wanted: Mapping[str, DataFile], now: datetime) -> None:
        moment = int(now.timestamp() * 1000)
        self._folder.mkdir(parents=True, exist_ok=True)
        create_table_with_add_actions(
            str(self._folder),
            self._schema(),
            [self._add(file, moment) for file in wanted.values()],
            mode="error",
            partition_by=self._partition_by(),
            name=self._spec.name,
            description=self._spec.meaning,
            configuration=_CONFIGURATION,
            commit_properties=_COMMIT,
            post_commithook_properties=_HOOKS,
        )

    def _finish(self, version: int) -> int:
        sync_file(self._log / f"{version:020}.json")
        if version and version % _CHECKPOINT_EVERY == 0:
            DeltaTable(self._folder).create_checkpoint()
            for path in self._log.glob(f"{version:020}.checkpoint*"):
                sync_file(path)
        for folder in (self._log, self._folder, self._folder.parent):
            sync_folder(folder)
        return version

    def _files(self, table: DeltaTable) -> tuple[DataFile, ...]:
        actions = table.get_add_actions(flatten=True)  # no pyarrow table: making one imports pandas
        lists = (actions.column(name).to_pylist() for name in actions.schema.names)
        rows = [dict(zip(actions.schema.names, values, strict=True)) for values in zip(*lists, strict=True)]
        column = self._spec.partition_column
        files = (
            DataFile(
                path=_plain(row["path"]),
                partition=row[f"partition.{column}"] if column else None,
                size=row["size_bytes"],
                rows=row["num_records"],
            )
            for row in rows
        )
        return self._sorted(files)

    def _file(self, added: Mapping[str, Any]) -> DataFile:
        """Return the file of an entry's action ``add``."""
        column = self._spec.partition_column
        value: Any = added["partitionValues"][column] if column else None
        return DataFile(
            path=_plain(added["path"]),
            partition=int(value) if column == BUCKET else value,
            size=added["size"],
            rows=json.loads(added["stats"])["numRecords"],
        )

    @staticmethod
    def _sorted(files: Iterable[DataFile]) -> tuple[DataFile, ...]:
        return tuple(sorted(files, key=lambda file: (file.partition, file.path)))

    def _schema(self) -> Schema:
        schema = self._spec.schema
        if self._spec.bucket_of:
            schema = schema.append(pa.field(BUCKET, pa.int32(), nullable=False))
        return Schema.from_arrow(schema)

    def _partition_by(self) -> list[str]:
        column = self._spec.partition_column
        return [column] if column else []

    def _values(self, file: DataFile) -> dict[str, str | None]:
        column = self._spec.partition_column
        return {column: str(file.partition)} if column else {}

    def _add(self, file: DataFile, moment: int) -> AddAction:
        stats = json.dumps({"numRecords": file.rows})
        return AddAction(file.path, file.size, self._values(file), moment, data_change=True, stats=stats)

    def _remove(self, file: DataFile, moment: int) -> RemoveAction:
        return RemoveAction(file.path, True, moment, file.size, self._values(file))  # noqa: FBT003


def _plain(path: str) -> str:
    """Return the path of a data file below the table's folder.

    Raises:
        ValueError: It leads out of the folder.
    """
    name = unquote(path)
    if not is_plain(name):
        raise ValueError(f"{path!r} is not a file of the table")
    return name


def _replay(entries: Iterable[bytes]) -> dict[str, Mapping[str, Any]] | None:
    """Return path -> action ``add`` of the files left after replaying the entries of a log, from its first.

    Opening a table with delta-rs takes four milliseconds, and a program opens many.

    Returns:
        None: Only delta-rs understands the log: another writer used a newer protocol, or files lack statistics.
    """
    present: dict[str, Mapping[str, Any]] = {}
    protocol = 0
    for line in chain.from_iterable(entry.splitlines() for entry in entries):
        action = json.loads(line)
        if "add" in action:
            present[action["add"]["path"]] = action["add"]
        elif "remove" in action:
            present.pop(action["remove"]["path"], None)
        elif "protocol" in action:
            protocol = max(protocol, action["protocol"]["minReaderVersion"])
    return present if protocol == 1 and all(added.get("stats") for added in present.values()) else None
