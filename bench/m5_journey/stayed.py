"""Changes that a later run must not make: to group ids, the reserve, and the side of each product."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from storage import Store

__all__ = ["Changed", "changed_since"]


@dataclass(frozen=True, slots=True)
class Changed:
    """Counts of changes since an earlier version; products that no longer exist do not count."""

    products: int
    """Products in both versions."""
    groups: int
    """Products with another group id."""
    reserve: int
    """Groups held out now and not before, or vice versa."""
    sides: int
    """Products in train now and elsewhere before, or vice versa."""


_CHANGED = """
SELECT (SELECT count(*) FROM old_duplicates SEMI JOIN duplicates USING (product_id)),
    (SELECT count(*) FROM old_duplicates o JOIN duplicates n USING (product_id) WHERE o.group_id <> n.group_id),
    (SELECT count(*) FROM old_reserve o JOIN reserve n USING (group_id) WHERE o.held_out <> n.held_out),
    (SELECT count(*) FROM old_sides o JOIN sides n USING (product_id) WHERE o.trained <> n.trained)
"""
_SIDES = """
CREATE VIEW {prefix}sides AS
    SELECT product_id, bool_or(split = 'train') AS trained FROM {prefix}splits
    WHERE split IN ('train', 'gallery-c', 'query-c', 'gallery-fg', 'query-fg') GROUP BY product_id
"""


def changed_since(workspace: Path, number: int) -> Changed:
    """Compare a workspace with one of its earlier dataset versions."""
    store = Store.open(workspace)
    with duckdb.connect(config={"memory_limit": "2GB"}) as connection:
        for prefix, snapshot in (("old_", store.snapshot(number)), ("", store.snapshot())):
            for table in ("duplicates", "reserve", "splits"):
                connection.execute(snapshot.view(prefix + table, table))
            connection.execute(_SIDES.format(prefix=prefix))
        [row] = connection.execute(_CHANGED).fetchall()
    return Changed(*row)
