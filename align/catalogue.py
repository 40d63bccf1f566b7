"""The categories of all products and their facts, read with DuckDB."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from align.category import Category, fault
from core.errors import SettingsError
from storage.tables import TABLES

__all__ = [
    "NO_FACTS",
    "Catalogue",
    "Facts",
    "encode_names",
    "read_catalogue",
    "read_facts",
    "read_specs",
    "read_titles",
]

_CATEGORIES = """
SELECT source, category, count(*) AS products
FROM products JOIN duplicates USING (product_id) WHERE kept
GROUP BY ALL ORDER BY ALL
"""
_LENGTHS = """
CREATE OR REPLACE TEMP TABLE lengths AS
    SELECT number, product_id, length(caption) + 1 AS characters
    FROM products JOIN duplicates USING (product_id) JOIN numbered USING (source, category)
    WHERE kept AND caption IS NOT NULL
"""
# The first titles of each category, by product id, until they reach the number of characters.
_TITLES = """
SELECT source, category, list(caption ORDER BY product_id) AS captions
FROM products JOIN (
    SELECT number, product_id FROM lengths QUALIFY sum(characters) OVER (
        PARTITION BY number ORDER BY product_id ROWS UNBOUNDED PRECEDING
    ) - characters < ?
) USING (product_id)
GROUP BY ALL
"""
_EACH = 200
"""Number of specification lines, of prices and of images that are read per category."""
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
_IMAGES = f"""
SELECT source, category, list(DISTINCT phash::VARCHAR) FROM (
    SELECT source, category, phash {_KEPT} JOIN images USING (product_id) WHERE kept AND phash IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY source, category ORDER BY product_id, position) <= {_EACH}
) GROUP BY source, category
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about the products directly in each category; unknown facts are absent."""

    specs: Mapping[Category, Mapping[tuple[str, str], int]] = field(default_factory=dict)
    """Category -> (property, value) as published -> number of products."""
    prices: Mapping[Category, Sequence[float]] = field(default_factory=dict)
    """Category -> prices of some of its products, in one currency."""
    images: Mapping[Category, frozenset[str]] = field(default_factory=dict)
    """Category -> perceptual hashes of its products' images."""
    meanings: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """Category name -> its vector from a network, of length 1."""


NO_FACTS = Facts()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The categories of all products that are not exact duplicates."""

    sizes: dict[Category, int]
    """Valid category -> number of products directly in it."""
    faults: dict[Category, tuple[str, str]]
    """Invalid category -> reason and detail."""


def read_catalogue(connection: duckdb.DuckDBPyConnection) -> Catalogue:
    """Read the categories.

    Args:
        connection: DuckDB with the tables ``products`` and ``duplicates``.
    """
    counted = dict(_rows(connection.sql(_CATEGORIES)))
    faults = {category: found for category in counted if (found := fault(category.path))}
    return Catalogue({category: products for category, products in counted.items() if category not in faults}, faults)


def read_titles(
    connection: duckdb.DuckDBPyConnection, characters: int, categories: Collection[Category]
) -> dict[Category, list[str]]:
    """Return the titles that represent each of the given categories: the first by product id.

    Memory grows with the number of categories, not of products.

    Args:
        connection: DuckDB with the tables ``products`` and ``duplicates``.
        characters: Characters of titles to read for each category.
        categories: The categories.
    """
    rows = [(number, one.source, list(one.path)) for number, one in enumerate(sorted(categories))]
    connection.register(
        "numbered", pa.Table.from_pylist([dict(zip(_NUMBERED.names, row, strict=True)) for row in rows], _NUMBERED)
    )
    connection.execute(_LENGTHS)
    return dict(_rows(connection.sql(_TITLES, params=[characters])))


_NUMBERED = pa.schema(
    [("number", pa.int32()), *(TABLES["products"].schema.field(name) for name in ("source", "category"))]
)


def _rows(relation: duckdb.DuckDBPyRelation) -> Iterator[tuple[Category, Any]]:
    """Yield rows of source, category path and one value."""
    for source, path, value in relation.fetchall():
        yield Category(source, tuple(path)), value


def read_facts(connection: duckdb.DuckDBPyConnection) -> Facts:
    """Read the facts of each category, bounded to the commonest specifications and the first prices and images.

    Args:
        connection: DuckDB with the tables ``products``, ``duplicates``, ``specs`` and ``images``.
    """
    images = {category: frozenset(found) for category, found in _rows(connection.sql(_IMAGES))}
    return Facts(read_specs(connection), dict(_rows(connection.sql(_PRICES))), images)


def read_specs(connection: duckdb.DuckDBPyConnection) -> dict[Category, dict[tuple[str, str], int]]:
    """Return category -> its commonest properties and values -> number of products.

    Args:
        connection: DuckDB with the tables ``products``, ``duplicates`` and ``specs``.
    """
    specs: dict[Category, dict[tuple[str, str], int]] = {}
    for source, path, name, value, products in connection.sql(_SPECS).fetchall():
        specs.setdefault(Category(source, tuple(path)), {})[name, value] = products
    return specs


def encode_names(network: str, categories: Iterable[Category]) -> dict[str, NDArray[np.float64]]:
    """Return a network's vectors of the category names.

    Raises:
        SettingsError: The network cannot be loaded, or the extra train is not installed.
    """
    names = sorted({name for category in categories for name in category.path})
    try:
        encode = import_module("scale.encoders.sentences").encode_texts
        return dict(zip(names, encode(network, names), strict=True)) if names else {}
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"align.embeddings needs the extra train ({error.name} is not installed). Run pip install 'm5data[train]'."
        ) from None
    except (OSError, ValueError) as error:
        reason = (str(error).splitlines() or [repr(error)])[0]
        raise SettingsError(
            f"align.embeddings: {network!r} cannot be loaded: {reason} Use a local folder, or a name on the hub."
        ) from None
