"""From near pairs to groups of products."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa

from extract.duplicates.components import Indices
from extract.duplicates.linking import link

__all__ = ["NEAR_RULES", "group_near", "prepare_near"]

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
