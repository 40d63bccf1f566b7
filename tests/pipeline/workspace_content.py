"""The content of a workspace, in a form in which two runs can be compared."""

import json
from pathlib import Path
from urllib.parse import unquote

import pyarrow.parquet as pq

import m5data
from storage.tables import TABLES

__all__ = ["check_equal", "leftovers", "shard_bytes", "table_rows"]


def table_rows(folder: Path) -> dict[str, list[dict[str, object]]]:
    """Return every table's rows in order, without observed columns; for objects, only their hashes.

    The position of an object in its segment depends on when a run was interrupted.
    """
    workspace = m5data.open(folder)
    rows = {}
    for name, spec in TABLES.items():
        columns = ["sha256"] if name == "objects" else [c.name for c in spec.columns if not c.observed]
        rows[name] = workspace.table(name).select(columns).to_pylist()
    return rows


def shard_bytes(folder: Path) -> dict[str, bytes]:
    """Return the content of every shard, without the manifest and card: their table versions may differ."""
    shards = folder / "shards"
    files = (path for path in shards.rglob("*") if path.suffix in {".tar", ".parquet"})
    return {str(path.relative_to(shards)): path.read_bytes() for path in files}


def leftovers(folder: Path) -> list[str]:
    """Return files that no finished run leaves behind: drafts, spools, data files that no table refers to."""
    named = {
        unquote(action["add"]["path"])
        for log in folder.glob("tables/*/_delta_log/*.json")
        for action in map(json.loads, log.read_text(encoding="utf-8").splitlines())
        if "add" in action
    }
    for checkpoint in folder.glob("tables/*/_delta_log/*.checkpoint.parquet"):
        added = pq.read_table(checkpoint, columns=["add"])["add"].to_pylist()
        named |= {unquote(one["path"]) for one in added if one}
    found = [path for path in folder.rglob("*") if path.is_file() and "shops" not in path.parts]
    drafts = [path for path in found if path.suffix in {".part", ".tmp", ".building"} or path.name.startswith(".")]
    working = [path for path in found if path.relative_to(folder).parts[0] in {"staging", "spool"}]
    data = [
        path for path in found if path.suffix == ".parquet" and {"tables", "_delta_log"} & {*path.parts} == {"tables"}
    ]
    orphans = [path for path in data if "/".join(path.relative_to(folder).parts[2:]) not in named]
    return sorted(str(path) for path in (*drafts, *working, *orphans))


def check_equal(reference: Path, folder: Path) -> None:
    expected, got = table_rows(reference), table_rows(folder)
    for name, rows in expected.items():
        assert got[name] == rows, name
    assert shard_bytes(folder) == shard_bytes(reference)
    assert leftovers(folder) == []
