"""Finished partitions of stages that have not committed yet."""

import hashlib
import io
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from storage.files import Layout
from storage.location import FolderLocation, Location
from storage.versions import VersionRecord

__all__ = ["Spool", "decode_result", "spool_folder", "spool_of", "spools_at"]


_HEAD = 1 << 12
"""Bytes that hold the first line of any result."""


class Spool:
    """Finished partitions of a stage that has not committed yet, so that a killed run need not redo them.

    One object per partition: a line of JSON (partition, fingerprint, tables and their lengths), then Arrow streams.
    Processes may put and get at the same time.
    """

    def __init__(self, place: Location, folder: str) -> None:
        self._place = place
        self._folder = folder

    def put(self, partition: str, fingerprint: str, tables: Mapping[str, pa.Table]) -> None:
        """Store the result of a partition, durable on return.

        Args:
            partition: Any name; an earlier result under it is replaced.
            fingerprint: Digest of everything the result depends on: inputs, settings, code.
            tables: Any Arrow tables, under names of the stage's choice.
        """
        bodies = {name: _encode(table) for name, table in tables.items()}
        header = {
            "partition": partition,
            "fingerprint": fingerprint,
            "tables": {name: len(body) for name, body in bodies.items()},
        }
        self._place.write(self.name_of(partition), json.dumps(header).encode() + b"\n" + b"".join(bodies.values()))

    def get(self, partition: str, fingerprint: str) -> dict[str, pa.Table] | None:
        """Return the stored result; None: nothing is stored, or it has another fingerprint."""
        data = self._place.read(self.name_of(partition))
        return None if data is None or _header(data)["fingerprint"] != fingerprint else decode_result(data)

    def has(self, partition: str, fingerprint: str) -> bool:
        """Return whether ``get`` would return a result, without reading the tables."""
        data = self._place.read_range(self.name_of(partition), 0, _HEAD)
        return data is not None and bool(_header(data)["fingerprint"] == fingerprint)

    def stored(self) -> list[tuple[str, str]]:
        """Return partition and fingerprint of every result."""
        headers = (self._place.read_range(name, 0, _HEAD) for name in self._place.list(self._folder))
        known = [_header(data) for data in headers if data is not None]
        return [(header["partition"], header["fingerprint"]) for header in known]

    def clear(self) -> None:
        """Remove all results, and those of earlier commits that a killed run left."""
        self._place.clear(self._folder.rpartition("/")[0])

    def name_of(self, partition: str) -> str:
        """Return the name of a result's object in the place."""
        return f"{self._folder}/{hashlib.sha256(partition.encode()).hexdigest()[:32]}.arrow"


def decode_result(data: bytes) -> dict[str, pa.Table]:
    """Return the tables of a stored result."""
    _, _, rest = data.partition(b"\n")
    tables: dict[str, pa.Table] = {}
    for name, length in _header(data)["tables"].items():
        tables[name] = pa.ipc.open_stream(rest[:length]).read_all()
        rest = rest[length:]
    return tables


def _header(data: bytes) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(data.partition(b"\n")[0])
    return header


def spool_of(layout: Layout, stage: str, version: VersionRecord) -> Spool:
    """Return the spool of a stage's next commit on this machine."""
    return Spool(FolderLocation(layout.root), spool_folder(stage, version))


def spool_folder(stage: str, version: VersionRecord) -> str:
    """Return the folder of a stage's next commit; each commit has its own, so that no spool outlives it."""
    last = version.stages.get(stage)
    return f"spool/{stage}/{last.version if last else 0}"


def spools_at(place: Location, version: VersionRecord) -> tuple[set[str], set[str]]:
    """Return the folders of spools at a place: of runs that have not committed, and of runs that have."""
    folders = {name.rpartition("/")[0] for name in place.list("spool")}
    unfinished = {folder for folder in folders if folder == spool_folder(folder.split("/")[1], version)}
    return unfinished, folders - unfinished


def _encode(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
