"""Frontiers: one SQLite file per crawled source, so that a crawl changes only the file of its own source."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from core.files import sync_folder
from storage.files import FRONTIERS
from storage.state import State
from storage.working_copy import local_paths

__all__ = ["Frontiers"]

_NAMED = "SELECT 1 FROM sqlite_schema WHERE name = 'frontiers'"
_DDL = ("CREATE TABLE frontiers (source TEXT PRIMARY KEY) WITHOUT ROWID",)


class Frontiers:
    """The frontiers of a workspace.

    The state lists them, which distinguishes a lost file from a source that was never crawled.

    Args:
        root: The workspace's folder.
        state: Its state.
    """

    def __init__(self, root: Path, state: State) -> None:
        self._root = root
        self._state = state

    def names(self) -> list[str]:
        """Return the sources that have a frontier, in alphabetical order."""
        with closing(self._state.connect_reading()) as connection:
            if connection.execute(_NAMED).fetchone() is None:
                return []
            return [source for (source,) in connection.execute("SELECT source FROM frontiers ORDER BY source")]

    def of(self, source: str) -> State:
        """Return the frontier of a source; a working copy fetches its file first.

        Raises:
            WorkspaceError, ObjectStoreError: As for ``storage.working_copy.local_paths``.
        """
        return State(local_paths(self._root, [f"{FRONTIERS}/{source}.sqlite"])[0])

    def add(self, source: str, room: str, ddl: Sequence[str]) -> None:
        """Create the frontier of a source that has none, with the tables of ``ddl`` (see ``State.migrate``)."""
        if source in self.names():
            return
        folder = self._root / FRONTIERS
        folder.mkdir(exist_ok=True)
        new = State(folder / f"{source}.sqlite")
        new.create()
        new.migrate(room, ddl)
        sync_folder(folder)
        sync_folder(self._root)
        self.name(source)

    def name(self, source: str) -> None:
        """List a source, whose file exists, in the state."""
        self._state.migrate("storage.frontiers", _DDL)
        with closing(self._state.connect()) as connection:
            connection.execute("INSERT OR IGNORE INTO frontiers VALUES (?)", (source,))

    def unname(self, source: str) -> None:
        """Take a source, whose file stays, off the list in the state."""
        self._state.migrate("storage.frontiers", _DDL)
        with closing(self._state.connect()) as connection:
            connection.execute("DELETE FROM frontiers WHERE source = ?", (source,))
