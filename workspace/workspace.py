"""A workspace: a folder with ``m5data.toml`` and everything made from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

import pyarrow as pa

from core.errors import WorkspaceError
from core.files import replace_file
from core.stage_settings import read_settings
from core.usage import Purpose
from export import Sample, Use, read_samples
from storage import Snapshot, Store
from storage.remote_workspace import RemoteWorkspace
from workspace.notebook import snapshot_html
from workspace.rows import Rows
from workspace.settings import Settings

__all__ = ["SETTINGS_FILE", "Workspace"]

SETTINGS_FILE = "m5data.toml"


@dataclass(frozen=True)
class Workspace:
    """One workspace, read at one dataset version; stages work through ``store``."""

    root: Path
    settings: Settings
    store: Store
    version: int | None = None
    """Dataset version that is read; None is the newest at the first read."""

    @classmethod
    def create(cls, root: Path, settings_text: str | None = None) -> "Workspace":
        """Make a workspace with a commented settings file (or the one given) and open it.

        In the working copy of an object store, the workspace is also stored there. A workspace that a killed
        ``create`` left is completed with its existing settings file.

        Raises:
            WorkspaceError: ``root``, or the object store, is a workspace already.
            SettingsError: ``settings_text`` is wrong; nothing was created.
        """
        home = RemoteWorkspace.of(root)
        if home is not None:
            home.make_ready()
        path = root / SETTINGS_FILE
        unfinished = path.exists()
        if unfinished and any((root / "versions").glob("*.json")):
            raise WorkspaceError(f"{root}: already a workspace (it has {path.name}); use it or name another folder")
        try:
            root.mkdir(parents=True, exist_ok=True)
            if not unfinished:
                replace_file(path, (settings_text or default_settings()).encode())
        except OSError as error:
            raise WorkspaceError(f"{root}: this folder cannot be written ({error.strerror}); name another") from None
        try:
            settings = read_settings(path, Settings)
            made = cls(root, settings, Store.create(root, buckets=settings.store.buckets))
            with made.store.persist_state():
                return made
        except BaseException:
            if not unfinished:
                path.unlink()
            raise

    @classmethod
    def open(cls, root: Path, version: int | None = None) -> "Workspace":
        """Open an existing workspace; the working copy of an object store is first brought up to date.

        Raises:
            WorkspaceError: ``root`` is not a workspace, or has no such version.
            ObjectStoreError: The object store does not answer.
            SettingsError: The settings file is wrong.
        """
        home = RemoteWorkspace.of(root)
        if home is not None:
            home.refresh()
        path = root / SETTINGS_FILE
        if not path.is_file():
            raise WorkspaceError(
                f"{root}: not a workspace (it has no {SETTINGS_FILE}); make one with: m5data init {root}"
            )
        workspace = cls(root, read_settings(path, Settings), Store.open(root), version)
        if version is not None:
            workspace.store.snapshot(version)
        return workspace

    @cached_property
    def snapshot(self) -> Snapshot:
        """The dataset version that this workspace is read at."""
        return self.store.snapshot(self.version)

    def _repr_html_(self) -> str:
        return snapshot_html(str(self.root), self.snapshot)

    def table(self, name: str) -> pa.Table:
        """Return a whole table, sorted by its key (see docs/tables.md)."""
        return self.snapshot.table(name)

    def sql(self, query: str) -> Rows:
        """Return the result of a DuckDB query over every table and view; it prints as a box and has Arrow's methods.

        Raises:
            QueryError: DuckDB refuses the query.
        """
        return Rows(self.snapshot.sql(query))

    def samples(
        self, split: str, recipe: str | None = None, where: str | None = None, purpose: Purpose = "train"
    ) -> Iterator[Sample]:
        """Yield the samples of a split, with all modalities (None if absent) and their licence.

        Args:
            split: Name of the split.
            recipe: Recipe of the split; None: that of the settings.
            where: SQL condition over the view ``catalogue`` that the products meet; None: all of them.
            purpose: Purpose of use: train, evaluate, search or display. Products whose shop refuses it are left out.
        """
        forbidden = [name for name, shop in self.settings.crawl.sources.items() if not shop.crawl_authorised]
        licences = {name: shop.licence or "" for name, shop in self.settings.crawl.sources.items()}
        chosen = recipe or self.settings.splits.recipe_name
        return read_samples(self.store.objects, self.snapshot, split, chosen, licences, where, Use(purpose, forbidden))


def default_settings() -> str:
    """Return the commented settings file of a new workspace."""
    return (resources.files("workspace") / "templates" / SETTINGS_FILE).read_text(encoding="utf-8")
