"""What the learned rule needs to know of the products beside their titles, asked of DuckDB."""

from collections.abc import Iterator
from typing import Any

import duckdb

from align.category import Category
from align.learned import Facts

__all__ = ["read_facts"]

_EACH = 200
"""Specification lines, prices and images of a category that are looked at."""

_KEPT = "FROM products JOIN duplicates USING (product_id)"

_SPECS = f"""
SELECT source, category, property, value, count(*) AS products
{_KEPT} JOIN specs USING (product_id) WHERE kept
GROUP BY source, category, property, value
QUALIFY row_number() OVER (PARTITION BY source, category ORDER BY count(*) DESC, property, value) <= {_EACH}
"""
_PRICES = f"""
SELECT source, category, list(price::DOUBLE ORDER BY product_id) FROM (
    SELECT source, category, price, product_id {_KEPT} WHERE kept AND price > 0
    QUALIFY row_number() OVER (PARTITION BY source, category ORDER BY product_id) <= {_EACH}
) GROUP BY source, category
"""  # noqa: S608 - constants
_PICTURES = f"""
SELECT source, category, list(DISTINCT phash::VARCHAR) FROM (
    SELECT source, category, phash {_KEPT} JOIN images USING (product_id) WHERE kept AND phash IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY source, category ORDER BY product_id, position) <= {_EACH}
) GROUP BY source, category
"""  # noqa: S608 - constants


def read_facts(connection: duckdb.DuckDBPyConnection) -> Facts:
    """Read what is known of each category; of each a bounded number of lines, the commonest or the first.

    Args:
        connection: DuckDB with the tables ``products``, ``duplicates``, ``specs`` and ``images``.
    """
    specs: dict[Category, dict[tuple[str, str], int]] = {}
    for source, path, name, value, products in connection.sql(_SPECS).fetchall():
        specs.setdefault(Category(source, tuple(path)), {})[name, value] = products
    pictures = {category: frozenset(found) for category, found in _lists(connection, _PICTURES)}
    return Facts(specs, dict(_lists(connection, _PRICES)), pictures)


def _lists(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[tuple[Category, Any]]:
    for source, path, found in connection.sql(query).fetchall():
        yield Category(source, tuple(path)), found
