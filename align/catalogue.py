"""What alignment needs to know of the products, asked of DuckDB."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from align.category import Category, fault

__all__ = ["Catalogue", "read_catalogue"]

_CATEGORIES = """
SELECT source, category, count(*) AS products
FROM products JOIN duplicates USING (product_id) WHERE kept
GROUP BY ALL ORDER BY ALL
"""

# So many titles of each category, by product id, that the wanted characters are reached.
_TITLES = """
SELECT source, category, list(caption ORDER BY product_id) AS captions
FROM (
    SELECT source, category, product_id, caption, sum(length(caption) + 1) OVER (
        PARTITION BY source, category ORDER BY product_id ROWS UNBOUNDED PRECEDING
    ) - length(caption) - 1 AS before
    FROM products JOIN duplicates USING (product_id)
    WHERE kept AND caption IS NOT NULL
)
WHERE before < ?
GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The categories of all products that are kept."""

    sizes: dict[Category, int]
    """Sound category -> products directly in it."""
    titles: dict[Category, list[str]]
    """Category -> titles by product id, as many as count."""
    faults: dict[Category, tuple[str, str]]
    """Unsound category -> reason and detail."""


def read_catalogue(connection: duckdb.DuckDBPyConnection, characters: int) -> Catalogue:
    """Read the categories, and of each category the titles that it is judged by.

    Memory grows with the number of categories, not of products.

    Args:
        connection: DuckDB with the tables ``products`` and ``duplicates``.
        characters: Characters of titles wanted of each category.
    """
    counted = dict(_rows(connection.sql(_CATEGORIES)))
    faults = {category: found for category in counted if (found := fault(category.path))}
    return Catalogue(
        sizes={category: products for category, products in counted.items() if category not in faults},
        titles=dict(_rows(connection.sql(_TITLES, params=[characters]))),
        faults=faults,
    )


def _rows(relation: duckdb.DuckDBPyRelation) -> Iterator[tuple[Category, Any]]:
    """Yield rows of source, category path and one value."""
    for source, path, value in relation.fetchall():
        yield Category(source, tuple(path)), value
