"""From joins to groups of products."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from extract.duplicates.components import Indices, components
from extract.duplicates.linking import Links

__all__ = ["EXACT_RULES", "group_exact", "widen"]

EXACT_RULES = ("exact_content", "exact_text")
"""Rules for exact duplicates, strongest first; the strongest is the one recorded."""

_SCHEMA = pa.schema(
    [
        ("product_id", pa.string()),
        ("group_id", pa.string()),
        ("rule", pa.string()),
        ("kept", pa.bool_()),
        ("size", pa.int32()),
    ]
)


def group_exact(joins: pa.Table) -> pa.Table:
    """Return the groups that exact joins make: their connected components.

    A product joined to one neighbour by content and to another by text puts all three into one
    group. The smallest product id of a group names it and is the product that is kept.

    Args:
        joins: product_id, rule, key: products with the same rule and key are joined.

    Returns:
        product_id, group_id, rule, kept, size; sorted by product_id, without products that are alone.
    """
    products = pc.unique(joins["product_id"]).sort()
    member = pc.index_in(joins["product_id"], products).to_numpy().astype(np.int64)
    smallest = components(len(products), member, _first_of_key(joins, member))
    sizes = np.bincount(smallest, minlength=len(products))[smallest]
    strongest = np.full(len(products), len(EXACT_RULES))
    np.minimum.at(strongest, member, pc.index_in(joins["rule"], pa.array(EXACT_RULES)).to_numpy())
    columns = (
        products,
        products.take(pa.array(smallest)),
        pa.array(EXACT_RULES).take(pa.array(strongest)),
        pa.array(smallest == np.arange(len(products))),
        pa.array(sizes.astype(np.int32)),
    )
    return pa.table(dict(zip(_SCHEMA.names, columns, strict=True)), schema=_SCHEMA)


def widen(exact: pa.Table, links: Links) -> pa.Table:
    """Return groups over exact and near duplicates.

    Which products are kept does not change: near duplicates only share a group. A product keeps
    the exact rule that joined it, if there is one.

    Args:
        exact: What ``group_exact`` returned.
        links: Near groups over the products that exact groups keep.

    Returns:
        As ``group_exact``; ``group_id`` and ``size`` are those of the wider group.
    """
    rows = {row["product_id"]: row for row in exact.to_pylist()}
    for product, rule in links.rule_of.items():
        rows.setdefault(product, {"product_id": product, "group_id": product, "rule": rule, "kept": True})
    for row in rows.values():
        row["group_id"] = links.group_of.get(row["group_id"], row["group_id"])
    sizes = Counter(row["group_id"] for row in rows.values())
    widened = [{**rows[product], "size": sizes[rows[product]["group_id"]]} for product in sorted(rows)]
    return pa.Table.from_pylist(widened, schema=_SCHEMA)


def _first_of_key(joins: pa.Table, member: Indices) -> Indices:
    """Return for each join a member that has the same rule and key, [joins]."""
    names = pc.binary_join_element_wise(joins["rule"], joins["key"], " ")
    keys: Indices = names.combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    first: Indices = np.full(int(keys.max(initial=-1)) + 1, len(member), dtype=np.int64)
    np.minimum.at(first, keys, member)
    return first[keys]
