"""Rows and media of a feed that were taken down."""

import duckdb

from crawler.merchants import hash_merchant
from storage.erasure import among
from takedown.register import Register

__all__ = ["withheld_rows", "withhold_media"]

_BATCH = 20_000
_PRODUCT = "getvariable('source') || ':' || fold(id)"


def withheld_rows(connection: duckdb.DuckDBPyConnection, register: Register, key: bytes) -> str:
    """Return the SQL condition of rows of the relation ``feed`` that were taken down.

    Args:
        connection: With the relation ``feed``.
        register: What was taken down.
        key: The workspace's key, which merchants' names are hashed with.
    """
    merchants = among("fold(merchant)", _merchants(connection, register, key))
    product, url = register.sql("product", _PRODUCT), register.sql("url", "trim(url)")
    return f"{product} OR {url} OR coalesce({merchants}, false)"


def withhold_media(connection: duckdb.DuckDBPyConnection, register: Register) -> None:
    """Make the view ``linked``: the feed's media but those that were taken down."""
    taken_down = register.sql("url", "url")
    connection.execute(f"CREATE OR REPLACE TEMP VIEW linked AS SELECT * FROM named_media WHERE NOT {taken_down}")  # noqa: S608


def _merchants(connection: duckdb.DuckDBPyConnection, register: Register, key: bytes) -> list[str]:
    """Return the merchants' names in the feed that were taken down, as they are spelt there."""
    if not register.has("merchant"):
        return []
    found: list[str] = []
    names = connection.execute("SELECT DISTINCT fold(merchant) FROM feed WHERE fold(merchant) IS NOT NULL")
    while rows := names.fetchmany(_BATCH):
        found += [name for (name,) in rows if register.holds("merchant", hash_merchant(name, key))]
    return found
