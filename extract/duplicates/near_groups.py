"""Groups of near duplicates."""

from array import array
from collections.abc import Iterable, Iterator

import duckdb
import numpy as np
import pyarrow as pa

from core.components import Indices, components

__all__ = ["NEAR_RULES", "group_near", "link", "prepare_near"]


def link(
    count: int, pairs: Iterable[tuple[Indices, Indices]], weights: Indices, most: int, joined: Indices | None = None
) -> Indices:
    """Join pairs of items into groups with a weight of at most ``most``.

    Pairs are joined in the given order: the strongest should come first. A pair that would form a heavier
    group is skipped: a long chain of small differences ends in different products, and its strongest parts
    are kept. Memory is 16 bytes per item, however many pairs there are.

    Args:
        count: Number of items.
        pairs: Both ends of pairs, [pairs] each, 0 to ``count`` - 1; in any number of parts.
        weights: Weight of each item, [count].
        most: Largest weight of a group.
        joined: Smallest item of the group that each item is in from the start, of any weight, [count]; None: its own.

    Returns:
        Smallest item of each item's group, [count]; an item without a group is its own.
    """
    first = np.arange(count, dtype=np.int64) if joined is None else joined
    parent = array("q", first.tobytes())
    weight = array("q", np.bincount(first, weights, count).astype(np.int64).tobytes())
    for left, right in pairs:
        for one, other in zip(left.tolist(), right.tolist(), strict=True):
            small, large = sorted((_root(parent, one), _root(parent, other)))
            if small != large and weight[small] + weight[large] <= most:
                parent[large] = small
                weight[small] += weight[large]
    return np.array([_root(parent, item) for item in range(count)], dtype=np.int64)


def _root(parent: "array[int]", item: int) -> int:
    """Return the smallest item of a group, with path halving."""
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item


NEAR_RULES = ("same_gtin", "near_image", "near_text", "near_video")
"""Rules that join products that are all kept, strongest first. The first forms groups of any size."""

_PREPARE = """
CREATE OR REPLACE TEMP TABLE distinct_products AS
    SELECT product_id, anew, coalesce(size, 1) AS size, row_number() OVER (ORDER BY product_id) - 1 AS place
    FROM compared LEFT JOIN exact USING (product_id) WHERE coalesce(kept, TRUE);
CREATE OR REPLACE TEMP TABLE near_pairs (product_id VARCHAR, other_id VARCHAR, rule VARCHAR, distance DOUBLE)
"""

_RANKED = """
SELECT p.place AS one, q.place AS other
FROM near_pairs n JOIN distinct_products p ON p.product_id = n.product_id
    JOIN distinct_products q ON q.product_id = n.other_id
WHERE (rule = 'same_gtin') = ?
ORDER BY list_position(getvariable('near_rules'), rule), distance, one, other
"""

_GROUPS = """
CREATE TEMP TABLE near_groups AS
    SELECT s.product_id, g.product_id AS group_id
    FROM roots JOIN distinct_products s USING (place) JOIN distinct_products g ON g.place = roots.root
"""


def prepare_near(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that near pairs are searched in and written to.

    ``distinct_products``: product_id, anew, size (the product and its exact duplicates) and place (from 0,
    by product_id) of the products that are not exact duplicates of a kept product.
    ``near_pairs``: product_id, other_id (the larger one), rule, distance; empty. The variable
    ``near_rules`` holds ``NEAR_RULES``.

    Args:
        connection: DuckDB with ``exact`` (the result of ``group_exact``) and ``compared``: product_id, text_keys
            (``text_keys``) and anew, whether its pairs are searched.
    """
    connection.execute("SET VARIABLE near_rules = ?", [list(NEAR_RULES)])
    connection.execute(_PREPARE)


def group_near(connection: duckdb.DuckDBPyConnection, most: int) -> None:
    """Create the table ``near_groups``: product_id and group_id, the smallest product of its group.

    Products with the same GTIN are joined first, however many they are. The other pairs follow in order of rule
    (``NEAR_RULES``), then distance, then ids; one that would form a group of more than ``most`` products, exact
    duplicates included, is skipped (``link``).

    Args:
        connection: DuckDB with ``distinct_products`` and ``near_pairs``.
        most: Largest size of a group.
    """
    sizes = connection.sql("SELECT size FROM distinct_products ORDER BY place").to_arrow_table()["size"].to_numpy()
    keyed = [*_ranked(connection, same_gtin=True)]
    left, right = (np.concatenate([pair[end] for pair in keyed] or [_NONE]) for end in (0, 1))
    same = components(len(sizes), left, right)
    roots = link(len(sizes), _ranked(connection, same_gtin=False), sizes, most, same)
    connection.register("roots", pa.table({"place": np.arange(len(roots)), "root": roots}))
    connection.execute(_GROUPS)


_NONE: Indices = np.zeros(0, dtype=np.int64)


def _ranked(connection: duckdb.DuckDBPyConnection, *, same_gtin: bool) -> Iterator[tuple[Indices, Indices]]:
    """Yield the places of both products of the pairs of this rule, or of all others, strongest first."""
    for batch in connection.sql(_RANKED, params=[same_gtin]).to_arrow_reader():
        yield batch["one"].to_numpy(), batch["other"].to_numpy()
