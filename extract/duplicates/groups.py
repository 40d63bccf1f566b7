"""From exact joins to groups of products."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from extract.duplicates.components import Indices, components

__all__ = ["EXACT_RULES", "group_exact"]

EXACT_RULES = ("exact_content", "exact_pixels", "exact_text")
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


def _first_of_key(joins: pa.Table, member: Indices) -> Indices:
    """Return for each join a member that has the same rule and key, [joins]."""
    names = pc.binary_join_element_wise(joins["rule"], joins["key"], " ")
    keys: Indices = names.combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    first: Indices = np.full(int(keys.max(initial=-1)) + 1, len(member), dtype=np.int64)
    np.minimum.at(first, keys, member)
    return first[keys]
