"""SQL of the views of a dataset version: tables, ledger, ``spec_numbers``, and the catalogue that people search."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from core.engine import quote, text
from core.modalities import modalities
from core.names import number_word
from core.product_keys import same_products_sql
from core.table_spec import Column
from core.usage import PURPOSES, Purpose

__all__ = [
    "REFUSALS_SQL",
    "VIEWS",
    "View",
    "aligned_specs_sql",
    "catalogue_sql",
    "comments_sql",
    "ledger_sql",
    "needs_comments",
    "purposes_sql",
    "refused_sql",
]

_ASKS_COMMENTS = re.compile("duckdb_|pg_|information_schema", re.IGNORECASE)


def aligned_specs_sql(specs: str, norms: str, properties: str) -> str:
    """Return a query of all specification lines with their normalised values, as columns of ``specs``.

    Args:
        specs: Query of the lines.
        norms: Query of the rows of ``spec_norms``.
        properties: Query of the rows of ``properties``.
    """
    return (
        "SELECT s.product_id, s.position, s.property, s.value, p.property_norm, n.value_norm, n.unit "  # noqa: S608
        f"FROM ({specs}) s LEFT JOIN ({norms}) n ON n.product_id = s.product_id AND n.position = s.position "
        f"LEFT JOIN ({properties}) p ON p.source = split_part(s.product_id, ':', 1) AND p.property = s.property"
    )


def needs_comments(query: str) -> bool:
    """Return whether a query may read the meanings of views and columns from the catalogue."""
    return _ASKS_COMMENTS.search(query) is not None


def comments_sql(view: str, meaning: str, columns: Sequence[Column]) -> str:
    """Return the statements that comment a view and its columns in the catalogue."""
    lines = [f"COMMENT ON VIEW {quote(view)} IS {text(meaning)}"]
    lines += [f"COMMENT ON COLUMN {quote(view)}.{quote(c.name)} IS {text(c.meaning)}" for c in columns]
    return ";\n".join(lines)


_SPEC_NUMBERS_MEANING = "One row per specification whose value is one number, with or without a unit after it."

_SPEC_NUMBERS_COLUMNS = (
    Column("product_id", pa.string(), "product"),
    Column("position", pa.int32(), "line of the specification table, from 0"),
    Column("property", pa.string(), "shared name where aligned, else as published"),
    Column("value", pa.string(), "value as published, contact details masked"),
    Column("number", pa.float64(), "value_norm, else value, as a number"),
    Column("unit", pa.string(), "unit where aligned, else the text after the number; NULL: none", nullable=True),
)

_SPEC_NUMBERS_SQL = r"""
SELECT product_id, position, coalesce(property_norm, property) AS property, value,
       try_cast(regexp_extract(coalesce(value_norm, value), '^[-+]?\d+(\.\d+)?') AS DOUBLE) AS number,
       coalesce(unit, nullif(regexp_extract(value, '^[-+]?\d+(?:\.\d+)? ?(.*)$', 1), '')) AS unit
FROM specs WHERE regexp_full_match(coalesce(value_norm, value), '[-+]?\d+(\.\d+)?( ?[^\d\s]{1,8})?')
"""


def _ledger_meaning() -> str:
    """Return the meaning of the ledger in one sentence."""
    return f"One row per product: each of {number_word(len(modalities()))} modalities present, or the reason it is not."


def _ledger_columns() -> tuple[Column, ...]:
    """Return the columns of the ledger, in order."""
    entries = (modality.ledger for modality in modalities())
    return (
        Column("product_id", pa.string(), "product"),
        *(Column(entry.column, pa.string(), entry.meaning) for entry in entries),
        Column("modalities", pa.int32(), "how many are present"),
    )


def ledger_sql() -> str:
    """Return the query of the ledger over the views of the tables."""
    entries = [modality.ledger for modality in modalities()]
    states = ",\n            ".join(f"{entry.state} AS {entry.column}" for entry in entries)
    joins = "\n        ".join(entry.joins for entry in entries if entry.joins)
    present = " + ".join(f"({entry.column} = 'present')::INTEGER" for entry in entries)
    return f"""
WITH
    refusal AS (  -- a video is asked for two results; the detail of a reject begins with the one it is about
        SELECT item,
               min(reason) FILTER (detail LIKE 'image%') AS image,
               min(reason) FILTER (detail LIKE 'frames%') AS frames,
               min(reason) FILTER (detail LIKE 'sound%') AS sound
        FROM rejects WHERE stage = 'extract' GROUP BY item
    ),
    file AS (  -- an image that no decoder reads is of no use
        SELECT m.product_id, m.kind, m.position, m.sha256,
               m.state = 'ok' AND (m.kind = 'video' OR r.image IS NULL) AS ok,
               coalesce(m.reason, CASE WHEN m.kind = 'image' THEN r.image END, m.state) AS reason
        FROM media m LEFT JOIN refusal r ON r.item = m.sha256
    ),
    best AS (  -- the best file of a product and kind, and why it is not usable where it is not
        SELECT product_id, kind,
               bool_or(ok) AS ok,
               first(sha256 ORDER BY NOT ok, position) AS sha256,
               first(reason ORDER BY position) AS reason
        FROM file GROUP BY product_id, kind
    ),
    modality AS (
        SELECT p.product_id,
            {states}
        FROM products p
        LEFT JOIN best image ON image.product_id = p.product_id AND image.kind = 'image'
        LEFT JOIN best video ON video.product_id = p.product_id AND video.kind = 'video'
        LEFT JOIN refusal ON refusal.item = video.sha256
        {joins}
    )
SELECT *, ({present})::INTEGER AS modalities
FROM modality
"""  # noqa: S608


_CATALOGUE_MEANING = "One row per product, to filter by: products, labels, ledger, duplicates, splits, usage rights."
_PRODUCT_TEXT_MEANING = "One row per product: all its texts in lower case, to search with contains(text, 'word')."

_PRODUCT_TEXT_COLUMNS = (
    Column("product_id", pa.string(), "product"),
    Column(
        "text",
        pa.string(),
        "id, caption, brand, category, labels, description, specifications as published and shared, text in images",
    ),
)

_SPEC_VALUES_MEANING = "One row per specification line: shared name and value where aligned, else as published."
_SPEC_VALUES_COLUMNS = (
    Column("product_id", pa.string(), "product"),
    Column("property", pa.string(), "shared name of the property, else its name as published"),
    Column("value", pa.string(), "normalised value with its unit, else as published"),
    Column("number", pa.float64(), "the normalised value as a number; NULL: text or not aligned", nullable=True),
)
_SPEC_VALUES_SQL = """
SELECT product_id, coalesce(property_norm, property) AS property,
       coalesce(value_norm || coalesce(' ' || unit, ''), value) AS value,
       CASE WHEN unit IS NOT NULL THEN try_cast(value_norm AS DOUBLE) END AS number
FROM specs
"""


def _catalogue_columns() -> tuple[Column, ...]:
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


_PRODUCT_TEXT_SQL = """
SELECT p.product_id, lower(concat_ws(chr(10), p.product_id, p.caption, p.brand, array_to_string(p.category, ' '),
                                     l.class_name, l.sub_class_name, l.subsub_class_name, p.description,
                                     array_to_string(p.features, chr(10)), s.lines, i.lines)) AS text
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


_SAME_PRODUCTS_MEANING = "One row per GTIN that several products have: the same product, with all its offers."
_OFFER = (
    *((name, pa.string()) for name in ("product_id", "source", "url")),
    *((name, pa.decimal128(18, 4)) for name in ("price", "list_price")),
    *((name, pa.string()) for name in ("currency", "availability", "condition")),
    ("earlier", pa.list_(pa.struct([("until", pa.timestamp("us", "UTC")), ("price", pa.string())]))),
)
_SAME_PRODUCTS_COLUMNS = (
    Column("gtin14", pa.string(), "14 digits of the GTIN"),
    Column("products", pa.int64(), "products with it"),
    Column("sources", pa.int64(), "shops with it"),
    Column("caption", pa.string(), "caption of the first product that has one; NULL: none", nullable=True),
    Column("brand", pa.string(), "brand that most state; NULL: none", nullable=True),
    Column("contradicted", pa.bool_(), "brand and part number of two of them differ"),
    Column(
        "offers",
        pa.list_(pa.struct(_OFFER)),
        "product_id, source, url, price, list_price, currency, availability and condition of each, by product_id, and "
        "its earlier prices, each until it changed",
    ),
)

_REFUSED = ", ".join(f"bool_or({purpose} = 'refused') AS {purpose}" for purpose in PURPOSES)
REFUSALS_SQL = f"SELECT product_id, {_REFUSED} FROM usage_rights WHERE until IS NULL GROUP BY product_id"  # noqa: S608
"""Query of the products with a present signal, with a column per purpose: whether a signal refuses it."""


def purposes_sql(refusals: str) -> str:
    """Return the SQL expression for the list of purposes that no present signal refuses.

    Args:
        refusals: Alias of ``REFUSALS_SQL``, joined so that products without a signal have NULL.
    """
    each = ", ".join(f"CASE WHEN coalesce({refusals}.{one}, false) THEN NULL ELSE '{one}' END" for one in PURPOSES)
    return f"list_filter([{each}], lambda one: one IS NOT NULL)"


def refused_sql(purpose: Purpose) -> str:
    """Return the query of the present signals that refuse a purpose."""
    return f"SELECT product_id, signal, place, served FROM usage_rights WHERE until IS NULL AND {purpose} = 'refused'"  # noqa: S608


@dataclass(frozen=True, slots=True)
class View:
    """A view that does not show a single table; modalities determine the columns of some."""

    meaning: Callable[[], str]
    columns: Callable[[], Sequence[Column]]
    sql: Callable[[], str]
    """Query over the views of the tables, and over earlier views; ``specs`` may lack shared names."""


_PRODUCT_TARGETS_MEANING = "One row per labelled product and published tree of align.onto: the node of its category."

_PRODUCT_TARGETS_COLUMNS = (
    Column("product_id", pa.string(), "product"),
    Column("target", pa.string(), "name of the tree in align.onto"),
    Column("node_id", pa.string(), "id of the node by the tree's publisher"),
    Column("node", pa.string(), "path of the node joined by ' > '"),
    Column("probability", pa.float64(), "that the category belongs to this node"),
)

_PRODUCT_TARGETS_SQL = """
SELECT p.product_id, t.target, t.node_id, t.node, t.probability
FROM labels JOIN products p USING (product_id) JOIN targets t ON t.source = p.source AND t.category = p.category
"""


VIEWS: Mapping[str, View] = {
    "ledger": View(_ledger_meaning, _ledger_columns, ledger_sql),
    "spec_numbers": View(lambda: _SPEC_NUMBERS_MEANING, lambda: _SPEC_NUMBERS_COLUMNS, lambda: _SPEC_NUMBERS_SQL),
    "catalogue": View(lambda: _CATALOGUE_MEANING, _catalogue_columns, catalogue_sql),
    "same_products": View(lambda: _SAME_PRODUCTS_MEANING, lambda: _SAME_PRODUCTS_COLUMNS, same_products_sql),
    "spec_values": View(lambda: _SPEC_VALUES_MEANING, lambda: _SPEC_VALUES_COLUMNS, lambda: _SPEC_VALUES_SQL),
    "product_targets": View(
        lambda: _PRODUCT_TARGETS_MEANING, lambda: _PRODUCT_TARGETS_COLUMNS, lambda: _PRODUCT_TARGETS_SQL
    ),
    "product_text": View(lambda: _PRODUCT_TEXT_MEANING, lambda: _PRODUCT_TEXT_COLUMNS, lambda: _PRODUCT_TEXT_SQL),
}
"""Name -> view, each after those that it reads."""
