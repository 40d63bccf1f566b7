"""Replace data files in a Delta log, in every version that holds them.

The versions keep their numbers. Entries that remove a replaced file keep doing so, so that
each log entry is changed by itself, the newest first, and every version can be read between any two changes: with the
old file until the entry that added it changes, with the new one after.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from storage.files import replace_file
from storage.tables.delta import DataFile

__all__ = ["Replacements", "named_files", "replace_files"]

Replacements = Mapping[str, DataFile | None]
"""Path of a file below the table's folder -> the file instead of it; None: no row is left."""


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
    for hint in (log / "_last_checkpoint", *log.glob("*.crc")):  # they count what a checkpoint or version holds
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
    """Return the file that replaces another; None: nothing replaces it."""
    path = unquote(add["path"])
    if path not in replacements:
        return add
    new = replacements[path]
    if new is None:
        return None
    stats = json.dumps({"numRecords": new.rows})
    return {**add, "path": _renamed(add["path"], new), "size": new.size, "stats": stats}


def _renamed(path: str, new: DataFile) -> str:
    """Return the new file's path, its folder spelt as the log spells it."""
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
