"""Groups of near duplicates."""

from array import array
from collections.abc import Iterable, Iterator

import duckdb
import numpy as np
import pyarrow as pa

from m5data.components import Indices

__all__ = ["NEAR_RULES", "group_near", "link", "prepare_near"]


def link(count: int, pairs: Iterable[tuple[Indices, Indices]], weights: Indices, most: int) -> Indices:
    """Join pairs of items into groups that weigh at most ``most``.

    Pairs are taken as they come: give the strongest first. One that would make a heavier group is
    left out: a long chain of small differences ends in other products, and its strongest parts
    are kept. Memory is 16 bytes an item, however many pairs there are.

    Args:
        count: Number of items.
        pairs: Both ends of pairs, [pairs] each, 0 to ``count`` - 1; in as many parts as is convenient.
        weights: Weight of each item, [count].
        most: Heaviest group that a pair may make.

    Returns:
        Smallest item of each item's group, [count]; an item that is joined with none is its own.
    """
    parent = array("q", range(count))
    weight = array("q", weights.astype(np.int64).tobytes())
    for left, right in pairs:
        for one, other in zip(left.tolist(), right.tolist(), strict=True):
            small, large = sorted((_root(parent, one), _root(parent, other)))
            if small != large and weight[small] + weight[large] <= most:
                parent[large] = small
                weight[small] += weight[large]
    return np.array([_root(parent, item) for item in range(count)], dtype=np.int64)


def _root(parent: "array[int]", item: int) -> int:
    """Return the smallest item of a group, and halve the way to it."""
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item


NEAR_RULES = ("near_image", "near_text", "near_video")
"""Rules for near duplicates, strongest first."""

_PREPARE = """
CREATE TEMP TABLE standing AS
    SELECT product_id, words, coalesce(size, 1) AS size, row_number() OVER (ORDER BY product_id) - 1 AS place
    FROM words LEFT JOIN exact USING (product_id) WHERE coalesce(kept, TRUE);
CREATE TEMP TABLE near_pairs (product_id VARCHAR, other_id VARCHAR, rule VARCHAR, distance DOUBLE)
"""

_RANKED = """
SELECT p.place AS one, q.place AS other
FROM near_pairs n JOIN standing p ON p.product_id = n.product_id JOIN standing q ON q.product_id = n.other_id
ORDER BY list_position(getvariable('near_rules'), rule), distance, one, other
"""

_GROUPS = """
CREATE TEMP TABLE near_groups AS
    SELECT s.product_id, g.product_id AS group_id
    FROM roots JOIN standing s USING (place) JOIN standing g ON g.place = roots.root
"""


def prepare_near(connection: duckdb.DuckDBPyConnection) -> None:
    """Make what near pairs are looked for among, and where they are gathered.

    ``standing``: product_id, words, size (exact duplicates that it stands for, itself included) and
    place (from 0, by product_id) of the products that are no exact duplicate of a kept one.
    ``near_pairs``: product_id, other_id (the larger one), rule, distance; empty. The variable
    ``near_rules`` holds ``NEAR_RULES``.

    Args:
        connection: DuckDB with ``words`` (``prepare``) and ``exact`` (what ``group_exact`` returned).
    """
    connection.execute("SET VARIABLE near_rules = ?", [list(NEAR_RULES)])
    connection.execute(_PREPARE)


def group_near(connection: duckdb.DuckDBPyConnection, most: int) -> None:
    """Make the table ``near_groups``: product_id and group_id, the smallest product of its group.

    Pairs are taken by rule (``NEAR_RULES``), then by distance, then by ids; one that would make a
    group of more than ``most`` products, exact duplicates counted, is left out (``link``).

    Args:
        connection: DuckDB with ``standing`` and ``near_pairs``.
        most: Largest group that near pairs may make.
    """
    sizes = connection.sql("SELECT size FROM standing ORDER BY place").to_arrow_table()["size"].to_numpy()
    roots = link(len(sizes), _ranked(connection), sizes, most)
    connection.register("roots", pa.table({"place": np.arange(len(roots)), "root": roots}))
    connection.execute(_GROUPS)


def _ranked(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Indices, Indices]]:
    """Yield the places of both products of near pairs, strongest first."""
    for batch in connection.sql(_RANKED).to_arrow_reader():
        yield batch["one"].to_numpy(), batch["other"].to_numpy()
