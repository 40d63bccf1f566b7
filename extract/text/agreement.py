"""Agreement of captions with specification tables."""

import re

import duckdb

from extract.text.cleaning import normalise

__all__ = ["make_agreement", "marked", "value_parts"]

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_PIECE = re.compile(rf"\d+(?:\.\d+)*|[{_IDEOGRAPHS}]+|[^\W\d_{_IDEOGRAPHS}]+")
_SEPARATOR = re.compile("[,;/|、]")
_BORDER = "\x1f"
_LEAST = 2


def marked(text: str) -> str:
    """Return a text's letters and digits, with borders around each number and each word that spaces divide.

    One marked text holds another just when the one says the other: ``25ml`` says ``25 ML``, and not
    ``5ml``. Chinese, Japanese and Korean characters have no borders: ``深海蓝色`` says ``海蓝``.
    """
    pieces = _PIECE.findall(normalise(text))
    return "".join(piece if _is_ideographic(piece) else f"{_BORDER}{piece}{_BORDER}" for piece in pieces)


def value_parts(value: str) -> list[str]:
    """Return what a value of a table says, each part ``marked``: ``红色、XL`` says two things.

    Parts of a single character are left out, for any caption may hold it; so are repetitions.
    """
    parts = dict.fromkeys(marked(part) for part in _SEPARATOR.split(normalise(value)))
    return [part for part in parts if len(part.replace(_BORDER, "")) >= _LEAST]


def _is_ideographic(piece: str) -> bool:
    return re.match(f"[{_IDEOGRAPHS}]", piece) is not None


_RIVALS = 100
"""So many values of a property are looked for in each caption of a category, the commonest ones."""

_FACTS = f"""
CREATE OR REPLACE TEMP TABLE shelves AS
    SELECT product_id, md5(source || chr(31) || array_to_string(category, chr(31))) AS shelf, marked(caption) AS said
    FROM products WHERE caption IS NOT NULL;

CREATE OR REPLACE TEMP TABLE parts AS
    SELECT product_id, shelf, said, property, part
    FROM (
        SELECT DISTINCT product_id, normal(property) AS property, unnest(value_parts(value)) AS part FROM specs
    ) JOIN shelves USING (product_id);

CREATE OR REPLACE TEMP TABLE shared AS
    SELECT shelf, property, part, products, products > 1 AND place <= {_RIVALS} AS known
    FROM (
        SELECT shelf, property, part, count(*) AS products,
            row_number() OVER (PARTITION BY shelf, property ORDER BY count(*) DESC, part) AS place
        FROM parts GROUP BY shelf, property, part
    );

CREATE OR REPLACE TEMP TABLE others AS
    SELECT DISTINCT product_id, property
    FROM (
        SELECT product_id, property, part FROM shared JOIN shelves USING (shelf) WHERE known AND contains(said, part)
    ) ANTI JOIN parts USING (product_id, property, part);

CREATE OR REPLACE TEMP TABLE facts AS
    SELECT product_id, shelf, property, part, contains(said, part) AS stated,
        NOT contains(said, part) AND others.property IS NOT NULL AS contradicted
    FROM parts LEFT JOIN others USING (product_id, property)
"""  # noqa: S608 - a constant

# Each count leaves the product itself out; half a fact is added to those stated, a quarter to those contradicted.
_SCORES = """
CREATE OR REPLACE TEMP TABLE agreements AS
WITH shelf_sizes AS (
    SELECT shelf, count(DISTINCT product_id) AS products FROM parts GROUP BY shelf
), habits AS (
    SELECT shelf, property, count(*) AS told, count_if(stated) AS stated, count_if(contradicted) AS contradicted,
        count_if(known) / count(*) AS known
    FROM facts JOIN shared USING (shelf, property, part) GROUP BY shelf, property
), weighed AS (
    SELECT product_id, f.stated, f.contradicted,
        (shared.products - 0.5) / shelf_sizes.products AS c,
        (habits.stated - f.stated::INTEGER + 0.5) / told AS u,
        (habits.contradicted - f.contradicted::INTEGER + 0.25) / told AS r,
        u * (1 - c) * habits.known AS other
    FROM facts f JOIN shelf_sizes USING (shelf) JOIN shared USING (shelf, property, part)
        JOIN habits USING (shelf, property)
)
SELECT product_id, count(*)::INTEGER AS facts, count_if(stated)::INTEGER AS stated,
    count_if(contradicted)::INTEGER AS contradicted,
    round(sum(CASE WHEN stated THEN -ln(c) WHEN contradicted THEN ln(r) - ln(r + other)
                   ELSE ln(1 - u - r) - ln(1 - u * c - r - other) END), 9) AS agreement
FROM weighed GROUP BY product_id
"""


def make_agreement(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table ``agreements``: product_id, facts, stated, contradicted, agreement.

    It has the products with caption and table. A fact is a part of a value in the table
    (``value_parts``). It is stated where the caption says it; contradicted where the caption instead
    says another value of the property, one of the hundred commonest that two products or more of the
    category have; else the caption is silent.

    The agreement is a log-odds in nats: the caption is this product's, against it being that of
    another product of the same source and category. Counted over these others, with this product
    left out: c is the share that has the same fact; u and r are the shares of their facts of the
    property that their own captions state and contradict; k the share of these facts that are among
    the common ones. Their captions state this fact with probability u c, and contradict it with
    r + u (1 - c) k. So a stated fact adds ln(u / (u c)) = -ln c; a contradicted one
    ln(r / (r + u (1 - c) k)); a silent caption ln((1 - u - r) / (1 - u c - r - u (1 - c) k)), which
    is little where captions seldom say such things. Facts are taken for independent. The paper
    grades captions and gives no rule: this one is this project's own.

    Args:
        connection: DuckDB with ``products`` and ``specs``, and the functions ``normal``, ``marked`` and
            ``value_parts``.
    """
    connection.execute(_FACTS)
    connection.execute(_SCORES)
