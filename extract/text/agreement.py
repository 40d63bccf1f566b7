"""Agreement of captions with specification tables, as SQL over a whole catalogue."""

import re

import duckdb

from extract.text.cleaning import normalise

__all__ = ["BORDER", "MIN_LENGTH", "SEPARATORS", "make_agreement", "marked", "value_parts"]

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_PIECE = re.compile(rf"\d+(?:\.\d+)*|[{_IDEOGRAPHS}]+|[^\W\d_{_IDEOGRAPHS}]+")
SEPARATORS = ",;/|、"
"""Characters between the parts of a value."""
_SEPARATOR = re.compile(f"[{SEPARATORS}]")
BORDER = "\x1f"
"""Character at both ends of each number and word in a marked text."""
MIN_LENGTH = 2
"""Minimum number of characters in a value's part, borders not counted."""


def marked(text: str) -> str:
    """Return the letters and digits of a text, with a border around each number and each word.

    A text mentions another if its marked form contains the other's: ``25ml`` mentions ``25 ML`` and not
    ``5ml``. Chinese, Japanese and Korean characters have no borders: ``深海蓝色`` mentions ``海蓝``.
    """
    pieces = _PIECE.findall(normalise(text))
    return "".join(piece if _is_ideographic(piece) else f"{BORDER}{piece}{BORDER}" for piece in pieces)


def value_parts(value: str) -> list[str]:
    """Return the parts of a table's value, each ``marked``: ``红色、XL`` has two.

    Parts of a single character are left out, since any caption may contain them; so are repetitions.
    """
    parts = dict.fromkeys(marked(part) for part in _SEPARATOR.split(normalise(value)))
    return [part for part in parts if len(part.replace(BORDER, "")) >= MIN_LENGTH]


def _is_ideographic(piece: str) -> bool:
    return re.match(f"[{_IDEOGRAPHS}]", piece) is not None


_COMMON_VALUES = 100
"""Number of a property's most common values that are searched for in the captions of a category."""

# Common values are only searched for in captions that contain their first two characters: ``candidates``.
_FACTS = f"""
CREATE OR REPLACE TEMP MACRO pair_key(category_id, first, second) AS
    (category_id::BIGINT << 42) + (unicode(first)::BIGINT << 21) + unicode(second);

CREATE OR REPLACE TEMP TABLE captions AS
    SELECT row_number() OVER ()::INTEGER AS product, product_id, category_id, marked(caption) AS marked_caption
    FROM products JOIN (
        SELECT source, category, row_number() OVER ()::INTEGER AS category_id
        FROM (SELECT DISTINCT source, category FROM products)
    ) c ON products.source = c.source AND products.category IS NOT DISTINCT FROM c.category
    WHERE caption IS NOT NULL;

CREATE OR REPLACE TEMP TABLE property_names AS
    SELECT property, dense_rank() OVER (ORDER BY normal(property))::INTEGER AS property_id
    FROM (SELECT DISTINCT property FROM specs);

CREATE OR REPLACE TEMP TABLE value_part AS
    SELECT value, unnest(value_parts(value)) AS part FROM (SELECT DISTINCT value FROM specs);

CREATE OR REPLACE TEMP TABLE part_names AS
    SELECT part, row_number() OVER (ORDER BY part)::INTEGER AS part_id FROM (SELECT DISTINCT part FROM value_part);

CREATE OR REPLACE TEMP TABLE facts AS
    SELECT product, category_id, property_id, part_id, contains(marked_caption, part) AS stated
    FROM (
        SELECT DISTINCT product, property_id, part_id
        FROM specs JOIN property_names USING (property) JOIN value_part USING (value) JOIN part_names USING (part)
            JOIN captions USING (product_id)
    ) JOIN captions USING (product) JOIN part_names USING (part_id);

CREATE OR REPLACE TEMP TABLE shared AS
    SELECT category_id, property_id, part_id, products, products > 1 AND place <= {_COMMON_VALUES} AS known
    FROM (
        SELECT category_id, property_id, part_id, count(*) AS products,
            row_number() OVER (PARTITION BY category_id, property_id ORDER BY count(*) DESC, part_id) AS place
        FROM facts GROUP BY category_id, property_id, part_id
    );

CREATE OR REPLACE TEMP TABLE candidates AS
    SELECT DISTINCT product, property_id, part_id
    FROM (
        SELECT product, pair_key(category_id, unnest(signs), unnest(signs[2:])) AS key
        FROM (SELECT product, category_id, string_split(marked_caption, '') AS signs FROM captions)
    ) JOIN (
        SELECT property_id, part_id, pair_key(category_id, signs[1], signs[2]) AS key
        FROM (
            SELECT category_id, property_id, part_id, string_split(ltrim(part, '{BORDER}'), '') AS signs
            FROM shared JOIN part_names USING (part_id) WHERE known
        )
    ) USING (key);

CREATE OR REPLACE TEMP TABLE others AS
    SELECT DISTINCT product, property_id
    FROM candidates JOIN captions USING (product) JOIN part_names USING (part_id)
        SEMI JOIN (SELECT product, property_id FROM facts WHERE NOT stated) USING (product, property_id)
        ANTI JOIN facts USING (product, property_id, part_id)
    WHERE contains(marked_caption, part)
"""  # noqa: S608 - a constant

# Counts exclude the product itself; half a fact is added to the stated ones, a quarter to the contradicted ones.
_SCORES = """
CREATE OR REPLACE TEMP TABLE agreements AS
WITH judged AS (
    SELECT product, category_id, property_id, part_id, stated,
        NOT stated AND others.property_id IS NOT NULL AS contradicted
    FROM facts LEFT JOIN others USING (product, property_id)
), category_sizes AS (
    SELECT category_id, count(DISTINCT product) AS products FROM facts GROUP BY category_id
), property_rates AS (
    SELECT category_id, property_id, count(*) AS total, count_if(stated) AS stated,
        count_if(contradicted) AS contradicted, count_if(known) / count(*) AS known
    FROM judged JOIN shared USING (category_id, property_id, part_id) GROUP BY category_id, property_id
), weighed AS (
    SELECT product, f.stated, f.contradicted,
        (shared.products - 0.5) / category_sizes.products AS c,
        (property_rates.stated - f.stated::INTEGER + 0.5) / total AS u,
        (property_rates.contradicted - f.contradicted::INTEGER + 0.25) / total AS r,
        u * (1 - c) * property_rates.known AS other
    FROM judged f JOIN category_sizes USING (category_id) JOIN shared USING (category_id, property_id, part_id)
        JOIN property_rates USING (category_id, property_id)
), summed AS (
    SELECT product, count(*)::INTEGER AS facts, count_if(stated)::INTEGER AS stated,
        count_if(contradicted)::INTEGER AS contradicted,
        round(sum(CASE WHEN stated THEN -ln(c) WHEN contradicted THEN ln(r) - ln(r + other)
                       ELSE ln(1 - u - r) - ln(1 - u * c - r - other) END), 9) AS agreement
    FROM weighed GROUP BY product
)
SELECT product_id, facts, stated, contradicted, agreement FROM summed JOIN captions USING (product)
"""


def make_agreement(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the table ``agreements``: product_id, facts, stated, contradicted, agreement.

    It holds the products with a caption and a table. A fact is a part of a value in the table
    (``value_parts``). It is stated if the caption mentions it; contradicted if the caption instead
    mentions another value of the property, one of the hundred most common that at least two products of
    the category have; else the caption is silent.

    The agreement is the log-odds, in nats, that the caption is this product's and not that of another
    product of the same source and category. Counted over these others, without this product:
    c is the share that has the same fact; u and r are the shares of their facts of the
    property that their own captions state and contradict; k is the share of these facts among
    the common ones. Their captions state this fact with probability u c, and contradict it with
    r + u (1 - c) k. So a stated fact adds ln(u / (u c)) = -ln c; a contradicted one
    ln(r / (r + u (1 - c) k)); a silent caption ln((1 - u - r) / (1 - u c - r - u (1 - c) k)), which
    is little if captions seldom mention such facts. Facts are treated as independent. The paper
    grades captions but gives no rule; this one is this project's own.

    Args:
        connection: DuckDB with ``products`` and ``specs``, and the functions ``normal``, ``marked`` and
            ``value_parts``.
    """
    connection.execute(_FACTS)
    connection.execute(_SCORES)
