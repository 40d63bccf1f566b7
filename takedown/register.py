"""The register of what was taken down: keyed hashes, which do not reveal what it was.

A hash is SHA-256 over the workspace's key, the kind and the value, separated by line feeds, so that Python and
DuckDB compute the same one. Nobody sees the hash of a text of their choice, so a plain keyed prefix is enough.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from storage.engine import text
from storage.state import State, load_or_create_key
from storage.store import Store

__all__ = ["Mark", "MarkKind", "Register", "open_register"]

MarkKind = Literal["product", "url", "merchant"]
"""A product id; the URL of a page, image or video; a merchant, by the hash in the table ``products``."""

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


class Register:
    """Everything taken down, as of when this was opened."""

    def __init__(self, key: bytes, digests: Mapping[str, frozenset[str]]) -> None:
        self._prefix = key.hex()
        self._digests = digests

    @classmethod
    def open(cls, state: State, key: bytes) -> Self:
        """Read the register.

        Args:
            state: The workspace's state.
            key: The workspace's secret key; another key recognises nothing.
        """
        with closing(_connect(state)) as connection:
            found: dict[str, set[str]] = {}
            for kind, digest in connection.execute("SELECT kind, digest FROM tombstones"):
                found.setdefault(kind, set()).add(digest)
        return cls(key, {kind: frozenset(digests) for kind, digests in found.items()})

    def __len__(self) -> int:
        return sum(len(digests) for digests in self._digests.values())

    def has(self, kind: MarkKind) -> bool:
        """Return whether anything of a kind was taken down."""
        return bool(self._digests.get(kind))

    def holds(self, kind: MarkKind, value: str | None) -> bool:
        """Return whether a value was taken down; fast while nothing of its kind was."""
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
        """Register marks, in one synced transaction; this object does not see them."""
        rows = [(mark.kind, self.digest(mark), now.isoformat(timespec="seconds")) for mark in marks]
        with closing(_connect(state)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR IGNORE INTO tombstones VALUES (?, ?, ?)", rows)
            connection.execute("COMMIT")


def open_register(store: Store) -> Register:
    """Open the register of a workspace."""
    return Register.open(store.state, load_or_create_key(store.root))


def _connect(state: State) -> sqlite3.Connection:
    state.migrate("takedown", _DDL)
    return state.connect()
