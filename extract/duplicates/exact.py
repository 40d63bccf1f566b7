"""Exact duplicates: products that share a key, and their groups."""

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.components import Indices, components

__all__ = ["EXACT_RULES", "IMAGE_SETS", "exact_joins", "group_exact"]

IMAGE_SETS = """
SELECT product_id, set_key(sha256) AS image_set, set_key(pixel_set) AS pixel_set
FROM (
    SELECT m.product_id, m.sha256, coalesce(i.pixels, m.sha256) AS pixel_set
    FROM media m LEFT JOIN images i ON i.product_id = m.product_id AND i.position = m.position
    WHERE m.kind = 'image' AND m.state = 'ok'
)
GROUP BY product_id
"""
"""Query of product_id, image_set and pixel_set of products with stored images."""

_KEYS = f"""
CREATE TEMP TABLE image_sets AS {IMAGE_SETS};

CREATE TEMP TABLE captions AS
    SELECT product_id, md5(words) AS caption
    FROM (SELECT product_id, normal(caption) AS words FROM products) WHERE words <> '';

CREATE TEMP TABLE suspects AS
    SELECT product_id FROM image_sets
    WHERE image_set IN (SELECT image_set FROM image_sets GROUP BY ALL HAVING count(*) > 1)
        OR pixel_set IN (SELECT pixel_set FROM image_sets GROUP BY ALL HAVING count(*) > 1)
    UNION
    SELECT product_id FROM captions
    WHERE caption IN (SELECT caption FROM captions GROUP BY ALL HAVING count(*) > 1);

CREATE TEMP TABLE tables AS
    SELECT product_id, md5(sum(md5_number_lower(line)) || ' ' || sum(md5_number_upper(line))) AS lines
    FROM (
        SELECT DISTINCT product_id, normal(property) || chr(31) || normal(value) AS line
        FROM specs SEMI JOIN suspects USING (product_id)
    )
    GROUP BY product_id;
"""  # noqa: S608 - constants

_JOINS = """
WITH described AS (
    SELECT product_id, image_set, pixel_set,
        CASE WHEN lines IS NULL THEN 'c' || caption ELSE 's' || lines END AS description
    FROM suspects JOIN image_sets USING (product_id)
        LEFT JOIN tables USING (product_id) LEFT JOIN captions USING (product_id)
), keyed AS (
    SELECT product_id, 'exact_content' AS rule, image_set || description AS key FROM described
    UNION ALL
    SELECT product_id, 'exact_pixels' AS rule, pixel_set || description AS key FROM described
    UNION ALL
    SELECT product_id, 'exact_text' AS rule, caption || lines || coalesce(pixel_set, '') AS key
    FROM suspects JOIN captions USING (product_id) JOIN tables USING (product_id)
        LEFT JOIN image_sets USING (product_id)
    WHERE pixel_set IS NOT NULL OR product_id NOT IN (SELECT product_id FROM media WHERE kind = 'image')
)
SELECT product_id, rule, key FROM keyed
WHERE key IS NOT NULL
QUALIFY count(*) OVER (PARTITION BY rule, key) > 1
ORDER BY product_id, rule
"""


def exact_joins(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return every product that shares a key with another product.

    ``exact_content``: both have the same set of stored image files, at least one, and the same
    normalised specifications (order and repetition do not count); if neither has specifications,
    the normalised captions must be equal and not empty. Equal images alone join no products:
    variants of a product, and products of one line, share stock photos.

    ``exact_pixels``: the same with decoded pixels in place of files, whose formats and metadata may
    differ. An image that could not be decoded counts by its bytes.

    ``exact_text``: both have the same normalised caption and specifications, neither empty, and the same decoded
    images, or no image at all. Equal words with other images, or with images that are not stored, group products as
    near duplicates but drop none: shops give one text to a whole line of products.

    No rule depends on the source. The paper says only that duplicates were removed.

    Args:
        connection: DuckDB with the tables ``products``, ``specs``, ``media`` and ``images``, prepared (``prepare``);
            temporary tables are left in it.

    Returns:
        product_id, rule, key (products with the same rule and key are duplicates), sorted by the first
        two. The table grows with the number of duplicates, not of products.
    """
    connection.execute(_KEYS)
    return connection.sql(_JOINS).to_arrow_table()


EXACT_RULES = ("exact_content", "exact_pixels", "exact_text")
"""Rules of exact duplicates, strongest first; the strongest is recorded."""

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
    """Return the connected components of exact joins.

    A product that is joined to one product by content and to another by text puts all three into one
    group. The smallest product id names the group and is kept.

    Args:
        joins: product_id, rule, key: products with the same rule and key are joined.

    Returns:
        product_id, group_id, rule, kept, size; sorted by product_id, without products outside groups.
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
    """Return for each join the first member with the same rule and key, [joins]."""
    names = pc.binary_join_element_wise(joins["rule"], joins["key"], " ")
    keys: Indices = names.combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    first: Indices = np.full(int(keys.max(initial=-1)) + 1, len(member), dtype=np.int64)
    np.minimum.at(first, keys, member)
    return first[keys]
