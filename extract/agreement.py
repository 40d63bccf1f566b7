"""How far captions and specification tables agree, as SQL over a whole catalogue."""

import duckdb

__all__ = ["make_agreement"]

_FACTS = """
CREATE OR REPLACE TEMP TABLE shelves AS
    SELECT product_id, md5(source || chr(31) || array_to_string(category, chr(31))) AS shelf, marked(caption) AS said
    FROM products WHERE caption IS NOT NULL;

CREATE OR REPLACE TEMP TABLE facts AS
    SELECT product_id, shelf, property, part, contains(said, part) AS stated
    FROM (
        SELECT DISTINCT product_id, normal(property) AS property, unnest(value_parts(value)) AS part FROM specs
    ) JOIN shelves USING (product_id);
"""

# Each count leaves the product itself out, and adds half a product to either side.
_SCORES = """
CREATE OR REPLACE TEMP TABLE agreements AS
WITH shelf_sizes AS (
    SELECT shelf, count(DISTINCT product_id) AS products FROM facts GROUP BY shelf
), shared AS (
    SELECT shelf, property, part, count(*) AS products FROM facts GROUP BY shelf, property, part
), habits AS (
    SELECT shelf, property, count(*) AS told, count_if(stated) AS stated FROM facts GROUP BY shelf, property
), weighed AS (
    SELECT f.product_id, f.stated,
        (shared.products - 0.5) / shelf_sizes.products AS common,
        (habits.stated - f.stated::INTEGER + 0.5) / habits.told AS usual
    FROM facts f JOIN shelf_sizes USING (shelf) JOIN shared USING (shelf, property, part)
        JOIN habits USING (shelf, property)
)
SELECT product_id, count(*)::INTEGER AS facts, count_if(stated)::INTEGER AS stated,
    round(sum(CASE WHEN stated THEN -ln(common) ELSE ln(1 - usual) - ln(1 - usual * common) END), 9) AS agreement
FROM weighed GROUP BY product_id
"""


def make_agreement(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table ``agreements``: product_id, facts, stated, agreement; of products with caption and table.

    A fact is a part of a value in the table (``value_parts``); it is stated where the caption says it.
    The agreement is a log-odds in nats: the caption is this product's, against it being that of
    another product of the same source and category. With c, the share of those others that have the
    same fact, and u, the share of their facts of the same property that their own captions state,
    another product's caption states it with probability u c. So a stated fact adds ln(u / (u c)) =
    -ln c, and one that is not adds ln((1 - u) / (1 - u c)), which is little where captions seldom
    say such things. Facts are taken for independent. The paper grades captions and gives no rule:
    this one is this project's own.

    Args:
        connection: DuckDB with ``products`` and ``specs``, and the functions ``normal``, ``marked`` and
            ``value_parts``.
    """
    connection.execute(_FACTS)
    connection.execute(_SCORES)
