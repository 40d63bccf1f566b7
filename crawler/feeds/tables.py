"""Queries for ``products``, ``specs`` and ``media`` with the rows of a feed and those of other sources."""

__all__ = ["FEED_TABLES", "VIEWS"]

VIEWS = (
    """CREATE OR REPLACE TEMP VIEW part_specs AS
        SELECT line, product_id, unnest(specs) AS pair, generate_subscripts(specs, 1) - 1 AS position FROM part_rows""",
    """CREATE OR REPLACE TEMP VIEW part_media AS
        SELECT product_id, 'image' AS kind, unnest(image_urls) AS url,
            generate_subscripts(image_urls, 1) - 1 AS position FROM part_rows
        UNION ALL
        SELECT product_id, 'video' AS kind, unnest(video_urls) AS url,
            generate_subscripts(video_urls, 1) - 1 AS position FROM part_rows""",
)
"""Specifications and media of the view ``part_rows``. ``redaction`` makes ``kept_media`` from ``part_media``."""

_PRODUCTS = """
    SELECT * FROM before_products WHERE source <> getvariable('source')
    UNION ALL BY NAME
    SELECT part_rows.product_id, getvariable('source') AS source, part_rows.url, native_id,
        coalesce(masks.masked, part_rows.caption) AS caption, category, brand, price, currency, availability, merchant,
        gtin, mpn, CAST(coalesce(masks.found, 0) + coalesce(in_specs.found, 0) AS INTEGER) AS masked,
        NULL::VARCHAR AS page_sha256,
        coalesce(old.first_seen, getvariable('now')) AS first_seen, getvariable('now') AS last_seen
    FROM part_rows
    LEFT JOIN masks ON masks.label = '' AND masks.text = part_rows.caption
    LEFT JOIN (
        SELECT product_id, sum(found) AS found
        FROM suspects JOIN masks USING (label, text) WHERE position >= 0 GROUP BY ALL
    ) AS in_specs ON in_specs.product_id = part_rows.product_id
    LEFT JOIN (SELECT product_id, first_seen FROM before_products) AS old ON old.product_id = part_rows.product_id
"""

_SPECS = """
    SELECT * FROM before_specs WHERE NOT starts_with(product_id, getvariable('source') || ':')
    UNION ALL BY NAME
    SELECT product_id, position, pair.property AS property, coalesce(masked, pair.value) AS value,
        NULL::VARCHAR AS property_norm, NULL::VARCHAR AS value_norm, NULL::VARCHAR AS unit
    FROM part_specs LEFT JOIN masks ON label = pair.property AND text = pair.value
"""

_MEDIA = """
    SELECT * FROM before_media WHERE NOT starts_with(product_id, getvariable('source') || ':')
    UNION ALL BY NAME
    SELECT product_id, kind, position, url, coalesce(old.state, 'pending') AS state,
        coalesce(old.attempts, 0) AS attempts, old.* EXCLUDE (product_id, kind, position, url, state, attempts)
    FROM kept_media LEFT JOIN before_media AS old USING (product_id, kind, position, url)
"""

FEED_TABLES = {"products": _PRODUCTS, "specs": _SPECS, "media": _MEDIA}
"""Table -> query for the new content of the buckets of a part. ``before_*`` are the old tables of these buckets.
The state of media that the feed still names is kept."""
