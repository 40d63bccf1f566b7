"""The catalogue of one dataset version, copied into a temporary DuckDB file so that facets and searches stay fast."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from storage import Snapshot
from storage.catalogue_view import SPEC_VALUES_SQL, catalogue_sql, product_text_sql
from storage.views import ledger_sql

__all__ = ["CatalogueIndex", "CurrentIndex", "StillPreparingError"]

_MEMORY = "1GB"
_WAIT_S = 20.0
_READ = ("products", "media", "audio", "frames", "labels", "duplicates", "splits", "usage_rights", "rejects")


class StillPreparingError(Exception):
    """The catalogue is still being copied; ask again in a moment."""


class CatalogueIndex:
    """Tables ``catalogue``, ``product_text`` and ``spec_values``, sorted by product id; built in a thread of its own.

    The file lies in a private folder of the system's temporary folder and goes when the index is closed.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.number = snapshot.number
        self._folder = tempfile.TemporaryDirectory(prefix="m5data-catalogue-", ignore_cleanup_errors=True)
        self._engine = duckdb.connect(
            str(Path(self._folder.name) / "catalogue.duckdb"),
            config={
                "memory_limit": _MEMORY,
                "temp_directory": f"{self._folder.name}/spill",
                "python_enable_replacements": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        self._builder = self._engine.cursor()
        self._ready = threading.Event()
        self._fault: duckdb.Error | None = None
        self._thread = threading.Thread(target=self._build, args=(snapshot,), name="catalogue", daemon=True)
        self._thread.start()

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a connection of its own; several threads may read at once.

        Raises:
            StillPreparingError: The copy took longer than a visitor waits.
            duckdb.Error: The tables cannot be read.
        """
        if not self._ready.wait(_WAIT_S):
            raise StillPreparingError
        if self._fault is not None:
            raise self._fault
        with self._engine.cursor() as cursor:
            yield cursor

    def close(self) -> None:
        """Stop building, close the file and remove it."""
        self._builder.interrupt()
        self._thread.join()
        self._builder.close()
        self._engine.close()
        self._folder.cleanup()

    def _build(self, snapshot: Snapshot) -> None:
        try:
            cursor = self._builder
            cursor.execute("SET TimeZone = 'UTC'")
            for name in _READ:
                cursor.execute(snapshot.view(name, name))
            cursor.execute(snapshot.aligned_specs_view("specs"))
            cursor.execute(ledger_sql())
            for name, query in (
                ("catalogue", f"{catalogue_sql()} ORDER BY p.product_id"),
                ("product_text", f"{product_text_sql()} ORDER BY p.product_id"),
                ("spec_values", f"{SPEC_VALUES_SQL} ORDER BY 2, 3, 1"),
            ):
                cursor.execute(f"CREATE TABLE {name} AS {query}")
            cursor.execute(
                "CREATE TABLE properties AS SELECT property, count(DISTINCT product_id) AS products "
                "FROM spec_values GROUP BY 1 ORDER BY 2 DESC, 1"
            )
        except duckdb.Error as error:
            self._fault = error
        finally:
            self._ready.set()


class CurrentIndex:
    """The index of the newest dataset version, made when it is first asked for; safe for threads."""

    def __init__(self, newest: Callable[[], Snapshot]) -> None:
        self._newest = newest
        self._turn = threading.Lock()
        self._readers: dict[CatalogueIndex, int] = {}
        self._index: CatalogueIndex | None = None

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a connection to the newest version's index; an older index goes once nobody reads it.

        Raises:
            StillPreparingError: The copy took longer than a visitor waits.
        """
        index = self._enter()
        try:
            with index.reading() as engine:
                yield engine
        finally:
            self._leave(index)

    def close(self) -> None:
        """Remove the index; nobody may be reading."""
        with self._turn:
            for index in {*self._readers, *([self._index] if self._index else [])}:
                index.close()
            self._readers.clear()
            self._index = None

    def _enter(self) -> CatalogueIndex:
        snapshot = self._newest()
        with self._turn:
            if self._index is None or self._index.number < snapshot.number:
                old, self._index = self._index, CatalogueIndex(snapshot)
                if old is not None and not self._readers.get(old):
                    old.close()
            self._readers[self._index] = self._readers.get(self._index, 0) + 1
            return self._index

    def _leave(self, index: CatalogueIndex) -> None:
        with self._turn:
            self._readers[index] -= 1
            if self._readers[index] == 0:
                del self._readers[index]
                if index is not self._index:
                    index.close()
