"""A source's rows of ``products``, ``specs`` and ``media`` as its feed says, beside those of other sources."""

__all__ = ["FEED_TABLES", "VIEWS"]

VIEWS = (
    """CREATE OR REPLACE TEMP VIEW listed AS
        SELECT line, product_id, unnest(specs) AS pair, generate_subscripts(specs, 1) - 1 AS position FROM named""",
    """CREATE OR REPLACE TEMP VIEW named_media AS
        SELECT product_id, 'image' AS kind, unnest(image_urls) AS url,
            generate_subscripts(image_urls, 1) - 1 AS position FROM named
        UNION ALL
        SELECT product_id, 'video' AS kind, unnest(video_urls) AS url,
            generate_subscripts(video_urls, 1) - 1 AS position FROM named""",
)
"""Specification lines and media of the view ``named``; the media are ``linked`` once some are withheld."""

_PRODUCTS = """
    SELECT * FROM before_products WHERE source <> getvariable('source')
    UNION ALL BY NAME
    SELECT named.product_id, getvariable('source') AS source, named.url, native_id,
        coalesce(masks.masked, named.caption) AS caption, category, brand, price, currency, availability, merchant,
        gtin, mpn, CAST(coalesce(masks.found, 0) + coalesce(in_specs.found, 0) AS INTEGER) AS masked,
        NULL::VARCHAR AS page_sha256,
        coalesce(old.first_seen, getvariable('now')) AS first_seen, getvariable('now') AS last_seen
    FROM named
    LEFT JOIN masks ON masks.label = '' AND masks.text = named.caption
    LEFT JOIN (
        SELECT product_id, sum(found) AS found
        FROM suspects JOIN masks USING (label, text) WHERE position >= 0 GROUP BY ALL
    ) AS in_specs ON in_specs.product_id = named.product_id
    LEFT JOIN (SELECT product_id, first_seen FROM before_products) AS old ON old.product_id = named.product_id
"""

_SPECS = """
    SELECT * FROM before_specs WHERE NOT starts_with(product_id, getvariable('source') || ':')
    UNION ALL BY NAME
    SELECT product_id, position, pair.property AS property, coalesce(masked, pair.value) AS value,
        NULL::VARCHAR AS property_norm, NULL::VARCHAR AS value_norm, NULL::VARCHAR AS unit
    FROM listed LEFT JOIN masks ON label = pair.property AND text = pair.value
"""

_MEDIA = """
    SELECT * FROM before_media WHERE NOT starts_with(product_id, getvariable('source') || ':')
    UNION ALL BY NAME
    SELECT product_id, kind, position, url, coalesce(old.state, 'pending') AS state,
        coalesce(old.attempts, 0) AS attempts, old.* EXCLUDE (product_id, kind, position, url, state, attempts)
    FROM linked LEFT JOIN before_media AS old USING (product_id, kind, position, url)
"""

FEED_TABLES = {"products": _PRODUCTS, "specs": _SPECS, "media": _MEDIA}
"""Table -> the whole new content of a part's buckets; ``before_*`` are the tables as they were, of those buckets.
What is known of a medium that the feed still names is kept."""
