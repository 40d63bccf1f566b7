"""Names of groups that stay from run to run."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import duckdb
import pyarrow as pa

__all__ = ["Claim", "keep_names", "name_groups"]

Claim = tuple[str, str, int]
"""A group of this run by its smallest product, a name that some of its members had, and how many had it."""

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

# A new group cannot be called after a member that has given its name to a group it has left.
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
    """Return which group keeps which name: each name goes to one group at most, and each group has one at most.

    The strongest claim is settled first: that of most members, then that to the smaller name, then that of the
    group with the smaller product.
    """
    kept: dict[str, str] = {}
    gone: set[str] = set()
    for root, name, _ in sorted(claims, key=lambda claim: (-claim[2], claim[1], claim[0])):
        if root not in kept and name not in gone:
            kept[root] = name
            gone.add(name)
    return kept


def name_groups(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the table ``group_names``: root and group_id of each group that is not called after its root.

    A group keeps its name while any of its members stays in it:

    - Products that come or go change no name, also if the product goes that the group is called after.
    - Of a group that is divided, the part with most of its members keeps the name. The other parts get new ones.
    - Groups that are joined keep the name that most members had. The other names end.
    - A new group is called after its smallest product; if that name is in use, after its next one, and if all
      are, after its smallest product with ``#2``, ``#3`` and so on.

    Args:
        connection: DuckDB with ``grouped``: product_id and root (the smallest product of its group), the view
            ``duplicates`` of the last run, and ``other_groups``: group_id of the groups that stay as they are.
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
