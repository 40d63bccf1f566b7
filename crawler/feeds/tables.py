"""A source's rows of ``products``, ``specs`` and ``media`` as its feed says, beside those of other sources."""

__all__ = ["FEED_TABLES", "VIEWS"]

VIEWS = (
    "CREATE TEMP VIEW named AS SELECT *, getvariable('source') || ':' || fold(id) AS product_id FROM good",
    """CREATE TEMP VIEW listed AS
        SELECT line, product_id, unnest(rows) AS pair, generate_subscripts(rows, 1) - 1 AS position
        FROM (SELECT line, product_id, pairs(specs) AS rows FROM named)""",
    """CREATE TEMP VIEW named_media AS
        SELECT product_id, 'image' AS kind, unnest(urls) AS url, generate_subscripts(urls, 1) - 1 AS position
        FROM (SELECT product_id, each_once(texts(image_urls)) AS urls FROM named)
        UNION ALL
        SELECT product_id, 'video' AS kind, unnest(urls) AS url, generate_subscripts(urls, 1) - 1 AS position
        FROM (SELECT product_id, each_once(texts(video_urls)) AS urls FROM named)""",
)
"""The feed's good rows, named; their specification lines; their media, ``linked`` once some are withheld."""

_PRODUCTS = """
    SELECT * FROM products WHERE source <> getvariable('source')
    UNION ALL BY NAME
    SELECT product_id, getvariable('source') AS source, trim(named.url) AS url, fold(id) AS native_id,
        coalesce(masks.masked, fold(title)) AS caption, texts(named.category) AS category,
        fold(named.brand) AS brand, amount(named.price) AS price,
        currency_of(named.currency, named.price) AS currency, stock(named.availability) AS availability,
        hashes.hash AS merchant, fold(named.gtin) AS gtin, fold(named.mpn) AS mpn,
        CAST(coalesce(masks.found, 0) + coalesce(in_specs.found, 0) AS INTEGER) AS masked,
        NULL::VARCHAR AS page_sha256,
        coalesce(old.first_seen, getvariable('now')) AS first_seen, getvariable('now') AS last_seen
    FROM named
    LEFT JOIN masks ON masks.label = '' AND masks.text = fold(title)
    LEFT JOIN hashes ON hashes.name = fold(named.merchant)
    LEFT JOIN (
        SELECT product_id, sum(found) AS found
        FROM listed JOIN masks ON label = pair.property AND text = pair.value GROUP BY ALL
    ) AS in_specs USING (product_id)
    LEFT JOIN (SELECT product_id, first_seen FROM products) AS old USING (product_id)
"""

_SPECS = """
    SELECT * FROM specs WHERE NOT starts_with(product_id, getvariable('source') || ':')
    UNION ALL BY NAME
    SELECT product_id, position, pair.property AS property, coalesce(masked, pair.value) AS value,
        NULL::VARCHAR AS property_norm, NULL::VARCHAR AS value_norm, NULL::VARCHAR AS unit
    FROM listed LEFT JOIN masks ON label = pair.property AND text = pair.value
"""

_MEDIA = """
    SELECT * FROM media WHERE NOT starts_with(product_id, getvariable('source') || ':')
    UNION ALL BY NAME
    SELECT product_id, kind, position, url, coalesce(old.state, 'pending') AS state,
        coalesce(old.attempts, 0) AS attempts, old.* EXCLUDE (product_id, kind, position, url, state, attempts)
    FROM linked LEFT JOIN media AS old USING (product_id, kind, position, url)
"""

FEED_TABLES = {"products": _PRODUCTS, "specs": _SPECS, "media": _MEDIA}
"""Table -> its whole new content. What is known of a medium that the feed still names is kept."""
