"""Parts of the catalogue's index under the same table names: a sample for counts, the first products for a page.

The cost of a search is proportional to the size of the part. Counts of a selection that matches many products are
estimates from the sample, and are shown as such.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

__all__ = ["ENOUGH", "SAMPLED", "among_first", "copy_sample", "in_sample", "sample_step"]

SAMPLED = 65_536
"""Maximum number of products in the sample; a smaller dataset has no sample."""
ENOUGH = 1000
"""Number of selected products in the sample that suffices for estimates."""
_PART = (
    "{create} TABLE {part}.catalogue AS SELECT * {rows}",
    "{create} TABLE {part}.own_text AS SELECT * FROM main.own_text SEMI JOIN {part}.catalogue USING (n) ORDER BY n",
    """{create} TABLE {part}.spec_postings AS
        SELECT * FROM main.spec_postings SEMI JOIN {part}.catalogue USING (n) ORDER BY line, n""",
)
_LINES = """CREATE TABLE sample.spec_lines AS
    SELECT * FROM main.spec_lines SEMI JOIN sample.spec_postings USING (line) ORDER BY line"""
_VALUES = """{create} VIEW {part}.spec_values AS SELECT n, property, value
    FROM {part}.spec_postings JOIN {lines} USING (line)"""


def sample_step(count: int) -> int:
    """Return k if every k-th of ``count`` products is in the sample; 1: all are, without a copy."""
    return -(-count // SAMPLED) or 1


def copy_sample(engine: duckdb.DuckDBPyConnection) -> None:
    """Copy every k-th product into the schema ``sample``; a small dataset is not copied."""
    step = sample_step(engine.execute("SELECT count(*) FROM catalogue").fetchall()[0][0])
    if step > 1:
        engine.execute("CREATE SCHEMA sample")
        _copy(engine, "sample", f"FROM catalogue WHERE n % {step} = 0 ORDER BY n")
        engine.execute(_LINES)
        engine.execute(_VALUES.format(create="CREATE", part="sample", lines="sample.spec_lines"))


@contextmanager
def in_sample(engine: duckdb.DuckDBPyConnection) -> Iterator[int]:
    """Resolve table names to those of the sample, and yield its step; tags and points stay complete.

    The step is 1 if there is no sample.
    """
    step = sample_step(engine.execute("SELECT count(*) FROM main.catalogue").fetchall()[0][0])
    if step > 1:
        engine.execute("SET search_path = 'sample,main'")
    try:
        yield step
    finally:
        engine.execute("SET search_path = 'main'")


@contextmanager
def among_first(engine: duckdb.DuckDBPyConnection, rows: str) -> Iterator[None]:
    """Resolve table names to those of some products, ``FROM catalogue …``; lines stay complete, which is faster."""
    try:
        _copy(engine, "temp", rows)
        engine.execute(_VALUES.format(create="CREATE TEMP", part="temp", lines="main.spec_lines"))
        yield
    finally:
        engine.execute("DROP VIEW IF EXISTS temp.spec_values")
        for table in ("spec_postings", "own_text", "catalogue"):
            engine.execute(f"DROP TABLE IF EXISTS temp.{table}")


def _copy(engine: duckdb.DuckDBPyConnection, part: str, rows: str) -> None:
    create = "CREATE TEMP" if part == "temp" else "CREATE"
    for statement in _PART:
        engine.execute(statement.format(create=create, part=part, rows=rows))
