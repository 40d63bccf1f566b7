"""Regrouping of the products that a change of pairs can affect; all others keep their groups."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import duckdb
import numpy as np
import pyarrow as pa

from core.components import components
from extract.duplicates.near_groups import group_near, prepare_near

__all__ = [
    "NEW_DUPLICATES",
    "NEW_PAIRS",
    "NEW_REJECTS",
    "Claim",
    "keep_names",
    "name_groups",
    "regroup",
]


Claim = tuple[str, str, int]
"""Smallest product of a group of this run, a name that some of its members had, and how many had it."""

_MEMBERS = """
CREATE OR REPLACE TEMP TABLE claims AS
    SELECT g.root, d.group_id AS name, count(*) AS members
    FROM grouped g JOIN duplicates d USING (product_id) GROUP BY ALL
"""

_DISPUTED = """
SELECT root, name, members FROM claims
WHERE root IN (SELECT root FROM claims GROUP BY root HAVING count(*) > 1)
    OR name IN (SELECT name FROM claims GROUP BY name HAVING count(*) > 1)
"""

_UNDISPUTED = """
CREATE OR REPLACE TEMP TABLE group_names AS
    SELECT root, name AS group_id FROM claims WHERE root NOT IN (SELECT root FROM disputed)
    UNION ALL SELECT root, group_id FROM settled
"""

# A new group cannot be named after a member if another group, which that member has left, still has the name.
_TAKEN = """
SELECT DISTINCT root, product_id FROM grouped ANTI JOIN group_names USING (root)
WHERE root IN (SELECT group_id FROM group_names UNION ALL SELECT group_id FROM other_groups)
"""

_USED = """
SELECT group_id FROM group_names
UNION ALL SELECT group_id FROM other_groups
WHERE contains(group_id, '#') OR group_id IN (SELECT product_id FROM grouped)
"""


def keep_names(claims: Iterable[Claim]) -> dict[str, str]:
    """Return which group keeps which name: at most one group per name, and at most one name per group.

    Claims are settled in order of most members, then smaller name, then smaller product of the group.
    """
    kept: dict[str, str] = {}
    gone: set[str] = set()
    for root, name, _ in sorted(claims, key=lambda claim: (-claim[2], claim[1], claim[0])):
        if root not in kept and name not in gone:
            kept[root] = name
            gone.add(name)
    return kept


def name_groups(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the table ``group_names``: root and group_id of groups; any other group is named after its root.

    A group keeps its name while any of its members stays in it:

    - Added or removed products do not change a name, even if the group is named after a removed product.
    - If a group is split, the part with most of its members keeps the name. The other parts get new names.
    - If groups are merged, the name that most members had is kept. The other names are dropped.
    - A new group is named after its smallest product; if that name is in use, after its next one, and if all
      are in use, after its smallest product with ``#2``, ``#3`` and so on.

    Args:
        connection: DuckDB with ``grouped``: product_id and root (the smallest product of its group), the view
            ``duplicates`` of the last run, and ``other_groups``: group_id of the unchanged groups.
    """
    connection.execute(_MEMBERS)
    disputed = connection.execute(_DISPUTED).fetchall()
    _register(connection, "disputed", [(root, "") for root in {claim[0] for claim in disputed}])
    _register(connection, "settled", keep_names(disputed).items())
    connection.execute(_UNDISPUTED)
    _register(connection, "renamed", _new_names(connection).items())
    connection.execute("INSERT INTO group_names FROM renamed")


def _new_names(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return names for the new groups whose smallest product is another group's name."""
    members: Mapping[str, list[str]] = defaultdict(list)
    for root, product in connection.execute(_TAKEN).fetchall():
        members[root].append(product)
    if not members:
        return {}
    used = {name for (name,) in connection.execute(_USED).fetchall()}
    return {root: _free_name(sorted(products), used) for root, products in members.items()}


def _free_name(products: Sequence[str], used: set[str]) -> str:
    spare = (f"{products[0]}#{number}" for number in range(2, len(used) + 3))
    return next(name for names in (products, spare) for name in names if name not in used)


def _register(connection: duckdb.DuckDBPyConnection, name: str, rows: Iterable[tuple[str, str]]) -> None:
    columns = list(zip(*rows, strict=True)) or [(), ()]
    connection.register(
        name,
        pa.table(
            {key: pa.array(column, pa.string()) for key, column in zip(("root", "group_id"), columns, strict=True)}
        ),
    )


# Products are identified by hashes of their ids: a collision would only cause needless regrouping.
_LINKS = """
SELECT hash(product_id) AS one, hash(other_id) AS other, FALSE AS anew FROM kept_pairs
UNION ALL SELECT hash(product_id), hash(other_id), TRUE FROM found_pairs
UNION ALL SELECT hash(product_id), hash(other_id), TRUE
FROM duplicate_pairs ANTI JOIN kept_pairs USING (product_id, other_id, rule)
"""
_REGROUPED = """
CREATE TEMP TABLE regrouped AS
    WITH every AS (
        SELECT product_id, other_id FROM kept_pairs UNION ALL SELECT product_id, other_id FROM found_pairs
        UNION ALL SELECT product_id, other_id FROM duplicate_pairs
    )
    FROM changed
    UNION SELECT product_id FROM every WHERE hash(product_id) IN (FROM reached)
    UNION SELECT other_id FROM every WHERE hash(other_id) IN (FROM reached)
"""

_PAIRS = """
CREATE OR REPLACE TEMP VIEW compared AS
    SELECT product_id, TRUE AS anew FROM regrouped SEMI JOIN fingerprints_now USING (product_id)
"""
_NEAR = """
INSERT INTO near_pairs
    SELECT product_id, other_id, rule, distance
    FROM (FROM kept_pairs UNION ALL FROM found_pairs) SEMI JOIN regrouped USING (product_id)
    WHERE NOT starts_with(rule, 'exact')
"""

_JUDGED = """
CREATE TEMP TABLE judged AS
    SELECT near_pairs.*, a.group_id = b.group_id AS joined
    FROM near_pairs JOIN near_groups a USING (product_id) JOIN near_groups b ON b.product_id = other_id
"""

_GROUPED = """
CREATE TEMP TABLE grouped AS
    SELECT p.product_id, e.rule, coalesce(e.kept, TRUE) AS kept, n.group_id AS root
    FROM compared p LEFT JOIN exact e USING (product_id)
        JOIN near_groups n ON n.product_id = coalesce(e.group_id, p.product_id)
"""

NEW_DUPLICATES = """
WITH near_rules AS (
    SELECT product_id, min(list_position(getvariable('near_rules'), rule)) AS place
    FROM (
        SELECT product_id, rule FROM judged WHERE joined
        UNION ALL SELECT other_id, rule FROM judged WHERE joined
    )
    GROUP BY product_id
), sizes AS (
    SELECT root, count(*)::INTEGER AS size FROM grouped GROUP BY root
)
SELECT product_id, coalesce(group_id, root) AS group_id,
    coalesce(rule, getvariable('near_rules')[place], 'alone') AS rule, kept, size
FROM grouped JOIN sizes USING (root) LEFT JOIN near_rules USING (product_id) LEFT JOIN group_names USING (root)
"""

NEW_PAIRS = """
SELECT product_id, other_id, rule, distance, joined FROM judged
UNION ALL SELECT product_id, other_id, rule, distance, TRUE
FROM (FROM kept_pairs UNION ALL FROM found_pairs) SEMI JOIN regrouped USING (product_id)
WHERE starts_with(rule, 'exact')
"""

NEW_REJECTS = """
SELECT 'dedup' AS stage, product_id AS item, 'exact_duplicate' AS reason,
    'same as ' || group_id || ' by ' || rule AS detail
FROM exact SEMI JOIN regrouped USING (product_id) WHERE NOT kept
"""


def regroup(connection: duckdb.DuckDBPyConnection, most: int, *, everything: bool) -> None:
    """Create the table ``regrouped`` and those that ``NEW_DUPLICATES``, ``NEW_PAIRS`` and ``NEW_REJECTS`` read.

    ``regrouped`` holds the product_id of the products whose rows they return, and of removed ones: products that
    changed, and those that pairs of this or the last run connect with the ends of an added or removed pair. Groups
    never reach further, so all other rows stay as they are.

    Args:
        connection: As ``find_pairs`` leaves it.
        most: As in ``group_near``.
        everything: Whether ``changed`` holds all products.
    """
    if everything:
        connection.execute("CREATE TEMP VIEW regrouped AS FROM changed")
        connection.execute("CREATE TEMP VIEW other_groups AS SELECT group_id FROM duplicates WHERE false")
    else:
        connection.register("reached", _reached(connection))
        connection.execute(_REGROUPED)
        connection.execute(
            "CREATE TEMP VIEW other_groups AS SELECT group_id FROM duplicates ANTI JOIN regrouped USING (product_id)"
        )
    connection.execute("DROP VIEW IF EXISTS temp.compared" if everything else "DROP TABLE temp.compared")
    connection.execute(_PAIRS)
    prepare_near(connection)
    connection.execute(_NEAR)
    group_near(connection, most)
    connection.execute(_JUDGED)
    connection.execute(_GROUPED)
    name_groups(connection)


def _reached(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the hashed ids of the products that pairs connect with the ends of new and lost pairs."""
    links = connection.sql(_LINKS).to_arrow_table()
    ends = np.concatenate([links["one"].to_numpy(), links["other"].to_numpy()])
    hashes, place = np.unique(ends, return_inverse=True)
    one, other = place[: len(links)], place[len(links) :]
    part = components(len(hashes), one, other)
    anew = links["anew"].combine_chunks().to_numpy(zero_copy_only=False)
    return pa.table({"hash": hashes[np.isin(part, part[one[anew]])]})
