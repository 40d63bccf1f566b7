"""SQL of the views ``catalogue``, ``product_text`` and ``spec_values``, in which people filter and search products."""

import pyarrow as pa

from m5data.modalities import modalities
from m5data.table_spec import Column
from storage.usage import REFUSALS_SQL, purposes_sql

__all__ = [
    "CATALOGUE_MEANING",
    "PRODUCT_TEXT_COLUMNS",
    "PRODUCT_TEXT_MEANING",
    "SPEC_VALUES_COLUMNS",
    "SPEC_VALUES_MEANING",
    "SPEC_VALUES_SQL",
    "catalogue_columns",
    "catalogue_sql",
    "product_text_sql",
]

CATALOGUE_MEANING = "One row per product, to filter by: products, labels, ledger, duplicates, splits, usage rights."
PRODUCT_TEXT_MEANING = "One row per product: all its texts in lower case, to search with contains(text, 'word')."

PRODUCT_TEXT_COLUMNS = (
    Column("product_id", pa.string(), "product"),
    Column(
        "text",
        pa.string(),
        "id, caption, brand, category, labels, specifications as published and shared, text in images",
    ),
)

SPEC_VALUES_MEANING = "One row per specification line: shared name and value where aligned, else as published."
SPEC_VALUES_COLUMNS = (
    Column("product_id", pa.string(), "product"),
    Column("property", pa.string(), "shared name of the property, else its name as published"),
    Column("value", pa.string(), "normalised value with its unit, else as published"),
    Column("number", pa.float64(), "the normalised value as a number; NULL: text or not aligned", nullable=True),
)
SPEC_VALUES_SQL = """
SELECT product_id, coalesce(property_norm, property) AS property,
       coalesce(value_norm || coalesce(' ' || unit, ''), value) AS value,
       CASE WHEN unit IS NOT NULL THEN try_cast(value_norm AS DOUBLE) END AS number
FROM specs
"""


def catalogue_columns() -> tuple[Column, ...]:
    """Return the columns of the catalogue, in order."""
    states = (modality.ledger for modality in modalities())
    return (
        Column("product_id", pa.string(), "product"),
        Column("source", pa.string(), "name of the source"),
        Column("url", pa.string(), "canonical URL of the page"),
        Column("caption", pa.string(), "caption; NULL: none", nullable=True),
        Column("caption_length", pa.int32(), "characters of the caption; 0: none"),
        Column("brand", pa.string(), "brand as published; NULL: none", nullable=True),
        Column("price", pa.decimal128(18, 4), "amount in currency; NULL: none", nullable=True),
        Column("currency", pa.string(), "ISO 4217 where known; NULL: none", nullable=True),
        Column("availability", pa.string(), "InStock or OutOfStock; NULL: not said", nullable=True),
        Column("category", pa.string(), "category path joined by ' > '; empty: none"),
        Column("class_name", pa.string(), "first level of the shared hierarchy; empty: none"),
        Column("sub_class_name", pa.string(), "second level; empty: none"),
        Column("subsub_class_name", pa.string(), "third level; empty: none"),
        *(Column(f"{one.column}_state", pa.string(), one.meaning) for one in states),
        Column("modalities", pa.int32(), "how many modalities are present"),
        Column("spec_lines", pa.int32(), "lines of the specification table"),
        Column("video_s", pa.float64(), "length of its longest video, seconds; NULL: none", nullable=True),
        Column("main_image", pa.string(), "object of its first stored image; NULL: none", nullable=True),
        Column("group_id", pa.string(), "duplicate group; NULL: duplicates were not searched", nullable=True),
        Column(
            "duplicate_rule", pa.string(), "rule that joined it to its group, or alone; NULL: likewise", nullable=True
        ),
        Column("splits", pa.list_(pa.string()), "recipe/split of each split that it is in"),
        Column("purposes", pa.list_(pa.string()), "train, evaluate, search, display: those not refused"),
        Column("last_seen", pa.timestamp("us", tz="UTC"), "when the content recorded here was fetched"),
    )


def catalogue_sql() -> str:
    """Return the query of the catalogue over the views of the tables and of the ledger, by product id."""
    states = ", ".join(f"g.{m.ledger.column} AS {m.ledger.column}_state" for m in modalities())
    return f"""
SELECT p.product_id, p.source, p.url, p.caption, coalesce(length(p.caption), 0)::INTEGER AS caption_length,
       p.brand, p.price, p.currency, p.availability, array_to_string(p.category, ' > ') AS category,
       coalesce(l.class_name, '') AS class_name, coalesce(l.sub_class_name, '') AS sub_class_name,
       coalesce(l.subsub_class_name, '') AS subsub_class_name,
       {states}, g.modalities, coalesce(s.lines, 0)::INTEGER AS spec_lines, m.video_s, m.main_image,
       d.group_id, d.rule AS duplicate_rule, coalesce(x.splits, []) AS splits, {purposes_sql("u")} AS purposes,
       p.last_seen
FROM products p
JOIN ledger g ON g.product_id = p.product_id
LEFT JOIN labels l ON l.product_id = p.product_id
LEFT JOIN duplicates d ON d.product_id = p.product_id
LEFT JOIN (SELECT product_id, count(*) AS lines FROM specs GROUP BY 1) s ON s.product_id = p.product_id
LEFT JOIN (
    SELECT product_id, max(duration_s) FILTER (kind = 'video') AS video_s,
           arg_min(sha256, position) FILTER (kind = 'image') AS main_image
    FROM media WHERE state = 'ok' GROUP BY 1
) m ON m.product_id = p.product_id
LEFT JOIN (
    SELECT product_id, list(recipe || '/' || split ORDER BY recipe, split) AS splits FROM splits GROUP BY 1
) x ON x.product_id = p.product_id
LEFT JOIN ({REFUSALS_SQL}) u ON u.product_id = p.product_id
"""  # noqa: S608 - constants


def product_text_sql() -> str:
    """Return the query of the products' texts over the views of the tables; ``specs`` may lack shared names."""
    return """
SELECT p.product_id, lower(concat_ws(chr(10), p.product_id, p.caption, p.brand, array_to_string(p.category, ' '),
                                     l.class_name, l.sub_class_name, l.subsub_class_name, s.lines, i.lines)) AS text
FROM products p
LEFT JOIN labels l ON l.product_id = p.product_id
LEFT JOIN (
    SELECT product_id, string_agg(concat_ws(' ', property, value, property_norm, value_norm), chr(10)) AS lines
    FROM specs GROUP BY 1
) s ON s.product_id = p.product_id
LEFT JOIN (
    SELECT product_id, string_agg(text, chr(10) ORDER BY position, line) AS lines FROM image_text GROUP BY 1
) i ON i.product_id = p.product_id
"""
