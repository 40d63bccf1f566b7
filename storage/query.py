"""Run a stranger's SQL: one SELECT, over the workspace's tables, touching nothing else."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from m5data.errors import QueryError
from storage.engine import text

__all__ = ["confine", "query_errors", "read"]


def confine(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Let ``connection`` read files below ``folder`` alone, for good.

    DuckDB would still write there, and ``EXPLAIN ANALYZE`` would run what it explains:
    ``read`` therefore takes nothing but a SELECT.
    """
    connection.execute(f"SET allowed_directories = [{text(f'{folder}/')}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def read(connection: duckdb.DuckDBPyConnection, query: str, params: Sequence[object] | None) -> pa.RecordBatchReader:
    """Start one SELECT (also WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE) and return its result to be read.

    Raises:
        QueryError: The SQL is wrong, more or less than one statement, or no SELECT.
    """
    with query_errors():
        statements = connection.extract_statements(query)
        if len(statements) != 1:
            raise QueryError(f"sql: wanted one statement, got {len(statements)}")
        if statements[0].type != duckdb.StatementType.SELECT:
            kind = statements[0].type.name
            raise QueryError(f"sql: wanted a SELECT, got {kind}; this connection only reads")
        return connection.sql(statements[0], params=params).to_arrow_reader()


@contextmanager
def query_errors() -> Iterator[None]:
    """Turn DuckDB's errors inside the block into QueryError."""
    try:
        yield
    except duckdb.Error as error:
        raise QueryError(f"sql: {_one_line(str(error))}") from error


def _one_line(message: str) -> str:
    """Fold DuckDB's message, without its drawing of the place in the query."""
    return " ".join(message.partition("\n\nLINE ")[0].split())
