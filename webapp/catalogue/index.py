"""The catalogue of one dataset version, copied into a temporary DuckDB file so that facets and searches stay fast.

Tables refer to products by their position ``n`` in the order of ids. Each distinct specification line is stored once,
with the products that have it, so that a search for words reads few texts. Texts are not compressed, because decoding
them takes longer than searching them.
"""

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from storage import Snapshot
from storage.state import State
from storage.tags import read_tags, tags_digest
from storage.views import catalogue_sql, ledger_sql
from webapp.catalogue.product_map import place_products
from webapp.catalogue.sampling import copy_sample
from webapp.catalogue.signatures import LONG, SHORT, add_signatures

__all__ = ["CatalogueIndex", "CurrentIndex", "StillPreparingError"]

_MEMORY = "1GB"
_WAIT_S = 20.0
_READ = (
    "products",
    "media",
    "audio",
    "frames",
    "image_text",
    "labels",
    "duplicates",
    "splits",
    "usage_rights",
    "rejects",
)
_TABLES = (
    f"""CREATE TABLE catalogue AS
        SELECT (row_number() OVER (ORDER BY product_id) - 1)::INTEGER AS n, * FROM ({catalogue_sql()}) ORDER BY n""",  # noqa: S608
    f"""CREATE TABLE own_text (
        n INTEGER, text VARCHAR USING COMPRESSION uncompressed, {", ".join(f"{one} UBIGINT" for one in LONG)})""",
    """INSERT INTO own_text SELECT n, text, unnest(long_signature(text)) FROM (
        SELECT n, lower(concat_ws(chr(10), product_id, caption, brand,
            replace(category, ' > ', ' '), class_name, sub_class_name, subsub_class_name, lines)) AS text
        FROM catalogue LEFT JOIN (
            SELECT product_id, string_agg(text, chr(10) ORDER BY position, line) AS lines FROM image_text GROUP BY 1
        ) USING (product_id) ORDER BY n)""",
    f"""CREATE TABLE spec_lines (line INTEGER, property VARCHAR, value VARCHAR,
        text VARCHAR USING COMPRESSION uncompressed, {", ".join(f"{one} UBIGINT" for one in SHORT)})""",
    """INSERT INTO spec_lines SELECT line, property, value, text, unnest(short_signature(text)) FROM (
        SELECT row_number() OVER (ORDER BY property, value, text)::INTEGER AS line, property, value, text FROM (
            SELECT DISTINCT coalesce(property_norm, property) AS property,
                coalesce(value_norm || coalesce(' ' || unit, ''), value) AS value,
                lower(concat_ws(' ', property, value, property_norm, value_norm)) AS text FROM specs
        ) ORDER BY line)""",
    """CREATE TABLE spec_postings AS SELECT DISTINCT l.line, c.n FROM specs s
        JOIN spec_lines l ON l.property = coalesce(s.property_norm, s.property)
            AND l.value = coalesce(s.value_norm || coalesce(' ' || s.unit, ''), s.value)
            AND l.text = lower(concat_ws(' ', s.property, s.value, s.property_norm, s.value_norm))
        JOIN catalogue c USING (product_id) ORDER BY 1, 2""",
    "CREATE VIEW spec_values AS SELECT n, property, value FROM spec_postings JOIN spec_lines USING (line)",
    """CREATE TABLE properties AS SELECT property, count(DISTINCT n) AS products FROM spec_values
        GROUP BY 1 ORDER BY 2 DESC, 1""",
    "CREATE TABLE tags (n INTEGER, tag VARCHAR)",
)


class StillPreparingError(Exception):
    """The catalogue is still being copied; ask again in a moment."""


class CatalogueIndex:
    """The tables of one version, built in a separate thread; tags follow the state, and the map is built last.

    The file is in a private folder under the system's temporary folder and is removed when the index is closed.
    """

    def __init__(self, snapshot: Snapshot, state: State) -> None:
        self.number = snapshot.number
        self._state = state
        self._tags = ""
        self._tagging = threading.Lock()
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
        self._ready, self._mapped = threading.Event(), threading.Event()
        self._fault: duckdb.Error | None = None
        self._thread = threading.Thread(target=self._build, args=(snapshot,), name="catalogue", daemon=True)
        self._thread.start()

    @contextmanager
    def reading(self, *, mapped: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a separate connection; several threads may read at once.

        Args:
            mapped: Wait for the table ``points`` too.

        Raises:
            StillPreparingError: The tables are not ready after 20 seconds.
            duckdb.Error: The tables cannot be read.
        """
        if not (self._mapped if mapped else self._ready).wait(_WAIT_S):
            raise StillPreparingError
        if self._fault is not None:
            raise self._fault
        self._renew_tags()
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
            cursor.execute(f"CREATE VIEW ledger AS {ledger_sql()}")
            add_signatures(cursor)
            for statement in _TABLES:
                cursor.execute(statement)
            copy_sample(cursor)
            self._ready.set()
            place_products(cursor, snapshot)
        except duckdb.Error as error:
            self._fault = error
        finally:
            self._ready.set()
            self._mapped.set()

    def _renew_tags(self) -> None:
        """Copy the tags again if they changed."""
        with self._tagging:
            digest = tags_digest(self._state)
            if digest == self._tags:
                return
            with self._engine.cursor() as cursor:
                cursor.register("tags_now", read_tags(self._state))
                cursor.execute("BEGIN")
                cursor.execute("DELETE FROM tags")
                cursor.execute("INSERT INTO tags SELECT n, tag FROM tags_now JOIN catalogue USING (product_id)")
                cursor.execute("COMMIT")
            self._tags = digest


class CurrentIndex:
    """The index of the newest dataset version, created on first use; thread-safe."""

    def __init__(self, newest: Callable[[], Snapshot], state: State) -> None:
        self._newest, self._state = newest, state
        self._turn = threading.Lock()
        self._readers: dict[CatalogueIndex, int] = {}
        self._index: CatalogueIndex | None = None

    @contextmanager
    def reading(self, *, mapped: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection to the newest version's index; an older index is removed once nobody reads it.

        Args:
            mapped: Wait for the table ``points`` too.

        Raises:
            StillPreparingError: The tables are not ready after 20 seconds.
        """
        index = self._enter()
        try:
            with index.reading(mapped=mapped) as engine:
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
                old, self._index = self._index, CatalogueIndex(snapshot, self._state)
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
