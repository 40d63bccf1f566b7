"""Registry of the exports made and their folders; take-down reads it."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from export.folders import recipe_of
from export.manifest import MANIFEST, UNFINISHED
from storage import Store

__all__ = ["Export", "exported_versions", "exports_of", "remember_export"]

_DDL = (
    """CREATE TABLE exports (
        folder TEXT NOT NULL, recipe TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (folder, version)
    ) WITHOUT ROWID, STRICT""",
)


@dataclass(frozen=True, slots=True)
class Export:
    """One export of a recipe's splits, in one format."""

    folder: Path
    recipe: str
    place: str
    """The folder as shown to users: relative to the workspace, absolute, or a URL in an object store."""

    @property
    def is_there(self) -> bool:
        """Whether the export is still where it was written."""
        return (self.folder / MANIFEST).is_file() or self.is_unfinished

    @property
    def is_unfinished(self) -> bool:
        """Whether its last run did not finish."""
        return (self.folder / UNFINISHED).is_file()


def remember_export(store: Store, folder: str | Path, recipe: str, version: int) -> None:
    """Record that the splits of a dataset version are exported to ``folder``, a path or a URL.

    Paths inside the workspace are stored relative to it, so that it can be moved.
    """
    noted: str | Path = folder
    if "://" not in str(folder):
        whole = Path(folder).absolute()
        noted = whole.relative_to(store.root) if whole.is_relative_to(store.root) else whole
    store.state.migrate("export", _DDL)
    with closing(store.state.connect()) as connection:
        row = (str(noted), recipe, version)
        connection.execute("INSERT OR REPLACE INTO exports VALUES (?, ?, ?)", row)


def exports_of(store: Store) -> list[Export]:
    """Return every export, recorded or found in the workspace's folder ``shards``, sorted by folder."""
    with closing(store.state.connect_reading()) as connection:
        is_noted = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'exports'").fetchone()
        rows = connection.execute("SELECT folder, recipe FROM exports").fetchall() if is_noted else []
    noted = dict(rows)
    paths = (path.parent for name in (MANIFEST, UNFINISHED) for path in (store.root / "shards").glob(f"*/*/{name}"))
    found = {str(path.relative_to(store.root)): recipe_of(path.parent.name) for path in paths}
    known = {place: recipe for place, recipe in {**found, **noted}.items() if "\0" not in place}
    return [Export(store.root / place, recipe, place) for place, recipe in sorted(known.items())]


def exported_versions(store: Store) -> frozenset[int]:
    """Return the dataset version of the last export to each folder; an earlier one there was overwritten."""
    store.state.migrate("export", _DDL)
    with closing(store.state.connect()) as connection:
        rows = connection.execute("SELECT max(version) FROM exports GROUP BY folder").fetchall()
    return frozenset(version for (version,) in rows)
