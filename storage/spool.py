"""Finished partitions of a stage that has not committed yet, so that a killed run need not redo them.

A file a partition: one line of JSON (partition, fingerprint, tables and their lengths), then Arrow streams.
"""

import hashlib
import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from storage.durable import TEMPORARY, replace_file, sync_folder
from storage.layout import Layout
from storage.versions import VersionRecord

__all__ = ["Spool", "clear_spools", "spool_folder", "sweep_spool"]


class Spool:
    """The spool of one stage. Processes may put and get at the same time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, partition: str, fingerprint: str, tables: Mapping[str, pa.Table]) -> None:
        """Keep what a partition gave; it is on the disk when this returns.

        Args:
            partition: Any name; what was kept under it before is replaced.
            fingerprint: Names everything the result depends on: inputs, settings, code.
            tables: Any Arrow tables, under names of the stage's choice.
        """
        bodies = {name: _encode(table) for name, table in tables.items()}
        header = {
            "partition": partition,
            "fingerprint": fingerprint,
            "tables": {name: len(body) for name, body in bodies.items()},
        }
        if not self._folder.is_dir():
            self._folder.mkdir(parents=True, exist_ok=True)
            for folder in list(self._folder.parents)[:3]:
                sync_folder(folder)
        line = json.dumps(header).encode() + b"\n"
        replace_file(self._path(partition), line + b"".join(bodies.values()))

    def get(self, partition: str, fingerprint: str) -> dict[str, pa.Table] | None:
        """Return what was kept, None where nothing was, or something under another fingerprint."""
        try:
            line, _, rest = self._path(partition).read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        header = json.loads(line)
        if header["fingerprint"] != fingerprint:
            return None
        tables: dict[str, pa.Table] = {}
        for name, length in header["tables"].items():
            tables[name] = pa.ipc.open_stream(rest[:length]).read_all()
            rest = rest[length:]
        return tables

    def has(self, partition: str, fingerprint: str) -> bool:
        """Return whether ``get`` would return something; the tables are not read."""
        try:
            with self._path(partition).open("rb") as file:
                return bool(json.loads(file.readline())["fingerprint"] == fingerprint)
        except FileNotFoundError:
            return False

    def clear(self) -> None:
        """Forget everything."""
        if self._folder.is_dir():
            shutil.rmtree(self._folder)

    def _path(self, partition: str) -> Path:
        return self._folder / f"{hashlib.sha256(partition.encode()).hexdigest()[:32]}.arrow"


def spool_folder(layout: Layout, stage: str, version: VersionRecord) -> Path:
    """Return where a stage spools; each of its commits moves on to another folder, so that none outlives one."""
    last = version.stages.get(stage)
    return layout.spool / stage / str(last.version if last else 0)


def sweep_spool(layout: Layout, version: VersionRecord) -> None:
    """Remove spools of runs that ``version`` holds, and half-written files. Only under the lock."""
    for stage in layout.spool.iterdir() if layout.spool.is_dir() else ():
        current = spool_folder(layout, stage.name, version)
        for folder in stage.iterdir():
            if folder != current:
                shutil.rmtree(folder)
    for path in layout.spool.rglob(f".*{TEMPORARY}"):
        path.unlink()


def clear_spools(layout: Layout) -> None:
    """Forget the unfinished work of every stage. Only under the lock."""
    if layout.spool.is_dir():
        shutil.rmtree(layout.spool)


def _encode(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
