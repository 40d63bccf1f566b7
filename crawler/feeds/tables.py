"""Queries for a feed's rows of ``products``, ``specs``, ``media`` and the tables of further modalities."""

from collections.abc import Iterator

import pyarrow as pa

from core.engine import quote
from core.modalities import feed_columns
from core.table_spec import TableSpec

__all__ = ["feed_tables", "masked_texts", "part_views"]

_VIEWS = (
    """CREATE OR REPLACE TEMP VIEW part_specs AS
        SELECT product_id, unnest(specs) AS pair, generate_subscripts(specs, 1) - 1 AS position FROM part_rows""",
    """CREATE OR REPLACE TEMP VIEW part_media AS
        SELECT product_id, 'image' AS kind, unnest(image_urls) AS url,
            generate_subscripts(image_urls, 1) - 1 AS position FROM part_rows
        UNION ALL
        SELECT product_id, 'video' AS kind, unnest(video_urls) AS url,
            generate_subscripts(video_urls, 1) - 1 AS position FROM part_rows""",
)


def part_views() -> Iterator[str]:
    """Yield the statements that create views of each table's rows from the view ``part_rows``.

    ``redaction`` creates ``kept_media`` from ``part_media``.
    """
    yield from _VIEWS
    for feed, spec in feed_columns():
        yield f"CREATE OR REPLACE TEMP VIEW {_fresh(spec)} AS {feed.rows}"


def masked_texts() -> Iterator[str]:
    """Yield a query of ``product_id`` and ``text`` for each text column of the tables of further modalities."""
    for _, spec in feed_columns():
        for name in _texts(spec):
            yield f"SELECT product_id, {quote(name)} AS text FROM {_fresh(spec)}"  # noqa: S608


def _fresh(spec: TableSpec) -> str:
    """Return the view of a table's rows from a part of the feed."""
    return quote(f"fresh_{spec.name}")


def _texts(spec: TableSpec) -> list[str]:
    """Return the columns that may contain contact details: all texts except the product's id."""
    return [c.name for c in spec.columns if pa.types.is_string(c.type) and c.name != "product_id"]


_OWN = "product_id >= getvariable('source') || ':' AND product_id < getvariable('source') || ';'"
"""Rows of the source: ids that begin with its name and a colon, as a range, so that files of others are skipped."""

_PRODUCTS = """
    SELECT part_rows.product_id, getvariable('source') AS source, part_rows.url, native_id,
        coalesce(masks.masked, part_rows.caption) AS caption, category, brand, price, currency, availability, merchant,
        gtin, canonical_gtin(gtin) AS gtin14, mpn,
        coalesce(described.masked, description) AS description,
        CASE WHEN listed.masked IS NOT NULL THEN string_split(listed.masked, chr(10))
            WHEN len(features) > 0 THEN features END AS features,
        CASE WHEN list_price > price THEN list_price END AS list_price, rating,
        CASE WHEN rating_count > 0 THEN rating_count END AS rating_count, condition, item_group,
        CAST(coalesce(masks.found, 0) + coalesce(in_specs.found, 0) AS INTEGER) AS masked,
        NULL::VARCHAR AS page_sha256,
        coalesce(old.first_seen, getvariable('now')) AS first_seen, getvariable('now') AS last_seen
    FROM part_rows
    LEFT JOIN masks ON masks.label = '' AND masks.text = part_rows.caption
    LEFT JOIN masks AS described ON described.label = '' AND described.text = description
    LEFT JOIN masks AS listed ON listed.label = '' AND len(features) > 0
        AND listed.text = array_to_string(features, chr(10))
    LEFT JOIN (
        SELECT product_id, sum(found) AS found
        FROM suspects JOIN masks USING (label, text) WHERE position >= 0 OR position = -3 GROUP BY ALL
    ) AS in_specs ON in_specs.product_id = part_rows.product_id
    LEFT JOIN (SELECT product_id, first_seen FROM before_products WHERE {own}) AS old
        ON old.product_id = part_rows.product_id
"""

_SPECS = """
    SELECT product_id, position, pair.property AS property, coalesce(masked, pair.value) AS value,
        NULL::VARCHAR AS property_norm, NULL::VARCHAR AS value_norm, NULL::VARCHAR AS unit
    FROM part_specs LEFT JOIN masks ON label = pair.property AND text = pair.value
"""

_VARIANTS = """
    SELECT * FROM before_variants WHERE false
"""

_MEDIA = """
    SELECT product_id, kind, position, url, coalesce(old.state, 'pending') AS state,
        coalesce(old.attempts, 0) AS attempts, old.* EXCLUDE (product_id, kind, position, url, state, attempts)
    FROM kept_media
    LEFT JOIN (SELECT * FROM before_media WHERE {own}) AS old USING (product_id, kind, position, url)
"""


def feed_tables() -> dict[str, str]:
    """Return table -> query for the source's new rows in the buckets of a part.

    ``before_*`` are the old tables of these buckets. The state of media that the feed still names is kept.
    """
    further = {spec.name: _rows_sql(spec) for _, spec in feed_columns()}
    products, media = _PRODUCTS.replace("{own}", _OWN), _MEDIA.replace("{own}", _OWN)
    return {"products": products, "specs": _SPECS, "variants": _VARIANTS, "media": media, **further}


def _rows_sql(spec: TableSpec) -> str:
    """Return the query of a modality's table, its texts masked like captions."""
    columns, joins = [], []
    for column in spec.columns:
        value = f"fresh.{quote(column.name)}"
        if column.name in _texts(spec):
            mask = quote(f"mask_{column.name}")
            joins.append(f"LEFT JOIN masks AS {mask} ON {mask}.label = '' AND {mask}.text = {value}")
            value = f"coalesce({mask}.masked, {value})"
        columns.append(f"{value} AS {quote(column.name)}")
    return f"SELECT {', '.join(columns)} FROM {_fresh(spec)} AS fresh {' '.join(joins)}"  # noqa: S608
