"""Ways to damage a workspace: a file of each kind is missing, empty, truncated or overwritten."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from storage import Store
from storage.files import OF_A_RUN

__all__ = ["DAMAGES", "files_of", "settle"]


def _unlink(pattern: str) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        _pick(root, pattern).unlink()

    return damage


def _write(pattern: str, content: bytes) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        _pick(root, pattern).write_bytes(content)

    return damage


def _cut(pattern: str) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        path = _pick(root, pattern)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return damage


def _overwrite(pattern: str) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        path = _pick(root, pattern)
        whole = path.read_bytes()
        path.write_bytes(b"\xa5" * min(4096, len(whole)) + whole[4096:])

    return damage


def _pick(root: Path, pattern: str) -> Path:
    """Return the last matching file, which is the newest of versions and log entries."""
    for path in root.rglob("*.sqlite-*"):
        path.unlink()  # empty: the database was closed before
    if pattern.endswith(".parquet"):  # a file of the newest version
        table = pattern.split("/")[1]
        return root / "tables" / table / Store.open(root).snapshot().files(table)[-1].path
    return max(root.glob(pattern))


KINDS: Mapping[str, str] = {
    "key": "secret.key",
    "identity": "workspace.json",
    "version": "versions/*.json",
    "state": "state.sqlite",
    "frontier": "frontiers/*.sqlite",
    "index": "index.sqlite",
    "page segment": "objects/page-*.gz",
    "media segment": "objects/media-*.warc",
    "data file of products": "tables/products/*/*.parquet",
    "data file of labels": "tables/labels/*/*.parquet",
    "data file of objects": "tables/objects/*/*.parquet",
    "log of specs": "tables/specs/_delta_log/*.json",
    "log of objects": "tables/objects/_delta_log/*.json",
    "settings": "m5data.toml",
    "register": "takedown.register",
}

_NO_DAMAGE = frozenset({("version", "missing"), ("settings", "empty")})
"""Harmless: the dataset is at the previous version, as after a kill; without settings, the defaults apply."""

DAMAGES: Mapping[tuple[str, str], Callable[[Path], None]] = {
    (kind, how): make(pattern)
    for kind, pattern in KINDS.items()
    for how, make in (
        ("missing", _unlink),
        ("empty", lambda pattern: _write(pattern, b"")),
        ("cut", _cut),
        ("overwritten", _overwrite),
    )
    if (kind, how) not in _NO_DAMAGE
}
"""(kind of file, damage) -> function that causes it."""


def settle(root: Path) -> None:
    """Merge each SQLite database's log into its main file."""
    for path in root.rglob("*.sqlite"):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def files_of(root: Path) -> dict[str, bytes]:
    """Return path -> content of every file, except files of a run and SQLite's logs."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name not in OF_A_RUN and not path.name.endswith((".sqlite-wal", ".sqlite-shm"))
    }
