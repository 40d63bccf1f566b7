"""The register of take-downs: keyed hashes, which do not reveal what was taken down.

A hash is SHA-256 over the workspace's key, the kind and the value, separated by line feeds, so that Python and
DuckDB compute the same one. Nobody sees the hash of a text of their choice, so a plain keyed prefix is enough.

The register is kept twice, in the state and in the file ``takedown.register``: a state that is lost, or replaced by
an older one, must not undo take-downs.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from core.engine import text
from core.errors import CorruptObjectError
from core.files import replace_file
from storage.identity import KEY_FILE, load_or_create_key
from storage.state import State, transaction
from storage.store import Store

__all__ = [
    "REGISTER",
    "Mark",
    "MarkKind",
    "Register",
    "copy_fault",
    "key_fault",
    "open_register",
    "read_copy",
    "restore_register",
    "write_copy",
]

REGISTER = "takedown.register"
"""Name of the register's second copy, with one line of JSON per entry."""
_ADD = "INSERT OR IGNORE INTO tombstones VALUES (?, ?, ?)"

MarkKind = Literal["product", "url", "merchant", "key"]
"""A product id; the URL of a page, image or video; a merchant, by its hash in ``products``; the key itself."""

_DDL = (
    """CREATE TABLE tombstones (
        kind TEXT NOT NULL,
        digest TEXT NOT NULL,
        since TEXT NOT NULL,
        PRIMARY KEY (kind, digest)
    ) WITHOUT ROWID, STRICT""",
)


@dataclass(frozen=True, slots=True)
class Mark:
    """One value that must not come back."""

    kind: MarkKind
    value: str


_OF_KEY = Mark("key", "")
"""Its hash shows whether a register was made with this key, even if ``workspace.json`` was lost."""


class Register:
    """All take-downs at the time of opening."""

    def __init__(self, key: bytes, digests: Mapping[str, frozenset[str]]) -> None:
        self._prefix = key.hex()
        self._digests = digests

    @classmethod
    def open(cls, state: State, key: bytes) -> Self:
        """Read the register.

        Args:
            state: The workspace's state.
            key: The workspace's secret key; another key recognises nothing.

        Raises:
            CorruptObjectError: The state has lost take-downs, or they were made with another key.
        """
        found: dict[str, set[str]] = {}
        with closing(_connect(state)) as connection:
            for kind, digest, _ in _rows(connection):
                found.setdefault(kind, set()).add(digest)
        lost = sum(digest not in found.get(kind, ()) for kind, digest, _ in read_copy(state.folder))
        if lost:
            raise CorruptObjectError(
                f"{state.folder / REGISTER}: {lost:,} take-downs in it are not in state.sqlite, which was lost or "
                "replaced by an older one. Run m5data repair, which adds them again."
            )
        if fault := key_fault(state.folder, key):
            raise CorruptObjectError(fault)
        return cls(key, {kind: frozenset(digests) for kind, digests in found.items()})

    def __len__(self) -> int:
        return sum(len(digests) for kind, digests in self._digests.items() if kind != _OF_KEY.kind)

    def has(self, kind: MarkKind) -> bool:
        """Return whether anything of a kind was taken down."""
        return bool(self._digests.get(kind))

    def holds(self, kind: MarkKind, value: str | None) -> bool:
        """Return whether a value was taken down; fast if nothing of its kind was."""
        known = self._digests.get(kind)
        return bool(known) and value is not None and self.digest(Mark(kind, value)) in (known or ())

    def digest(self, mark: Mark) -> str:
        """Return the keyed hash of a mark, 64 hex digits."""
        return hashlib.sha256(f"{self._prefix}\n{mark.kind}\n{mark.value}".encode()).hexdigest()

    def sql(self, kind: MarkKind, column: str) -> str:
        """Return an SQL condition for DuckDB, true for values of ``column`` that were taken down."""
        known = self._digests.get(kind)
        if not known:
            return "false"
        listed = ", ".join(text(digest) for digest in sorted(known))
        prefix = text(f"{self._prefix}\n{kind}\n")
        return f"coalesce(sha256({prefix} || {column}) IN ({listed}), false)"

    def missing(self, marks: Iterable[Mark]) -> list[Mark]:
        """Return the marks that are not registered."""
        return [mark for mark in marks if not self.holds(mark.kind, mark.value)]

    def add(self, state: State, marks: Iterable[Mark], now: datetime) -> None:
        """Register marks in one synced transaction; this object is not updated."""
        rows = [(one.kind, self.digest(one), now.isoformat(timespec="seconds")) for one in (_OF_KEY, *marks)]
        with closing(_connect(state)) as connection, transaction(connection):
            connection.executemany(_ADD, rows)
        write_copy(state)


def write_copy(state: State) -> None:
    """Write the file ``takedown.register`` from the state."""
    with closing(_connect(state)) as connection:
        lines = [json.dumps(row) + "\n" for row in _rows(connection)]
    if lines or (state.folder / REGISTER).exists():
        replace_file(state.folder / REGISTER, "".join(lines).encode())


def read_copy(root: Path) -> list[tuple[str, str, str]]:
    """Return kind, digest and time of the take-downs in the file ``takedown.register``.

    Raises:
        CorruptObjectError: The file is damaged.
    """
    path = root / REGISTER
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [(str(kind), str(digest), str(since)) for kind, digest, since in map(json.loads, lines)]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, RecursionError) as error:
        raise CorruptObjectError(
            f"{path}: damaged ({error}). Restore it from a backup, or run m5data repair, which rewrites it."
        ) from error


def key_fault(root: Path, key: bytes) -> str | None:
    """Return a message if a workspace's take-downs were made with another key, else None."""
    with suppress(CorruptObjectError):  # ``copy_fault`` reports it
        made_with = {digest for kind, digest, _ in read_copy(root) if kind == _OF_KEY.kind}
        if made_with and Register(key, {}).digest(_OF_KEY) not in made_with:
            return (
                f"{root / KEY_FILE}: not the key that the take-downs were made with, so they would be undone. "
                "Restore the file from a backup or from a copy of the workspace."
            )
    return None


def copy_fault(state: State) -> str | None:
    """Return how the file ``takedown.register`` differs from the state, in one line; None if it does not."""
    try:
        listed = set(read_copy(state.folder))
    except CorruptObjectError as error:
        return str(error)
    with closing(state.connect_reading()) as connection:
        known = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'tombstones'").fetchone()
        rows = set(_rows(connection) if known else ())
    path = state.folder / REGISTER
    if rows - listed:
        return f"{path}: it lacks {len(rows - listed):,} take-downs of state.sqlite. Run m5data repair."
    if listed - rows:
        return f"{path}: {len(listed - rows):,} take-downs in it are not in state.sqlite. Run m5data repair."
    return None


def restore_register(state: State) -> int:
    """Add take-downs that are only in the file ``takedown.register`` to the state, and return how many."""
    lost = read_copy(state.folder)
    with closing(_connect(state)) as connection, transaction(connection):
        return connection.executemany(_ADD, lost).rowcount


def open_register(store: Store) -> Register:
    """Open the register of a workspace."""
    return Register.open(store.state, load_or_create_key(store.root))


def _rows(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    return connection.execute("SELECT kind, digest, since FROM tombstones ORDER BY 1, 2").fetchall()


def _connect(state: State) -> sqlite3.Connection:
    state.migrate("takedown", _DDL)
    return state.connect()
