"""SQL for products that share a Global Trade Item Number, and so are the same product in any words."""

__all__ = ["KEYED_PRODUCTS", "contradicts_sql", "keyed_products", "same_products_sql"]

_LISTINGS = 5
"""Captions of one shop that may share a GTIN: its variants. A number of more products is a placeholder."""


def _folded(column: str) -> str:
    return rf"nullif(lower(regexp_replace({column}, '[^\pL\pN]', '', 'g')), '')"


def keyed_products(condition: str = "gtin14 IS NOT NULL") -> str:
    """Return the query of product_id, source, gtin14, brand and mpn (both folded) of products whose GTIN counts.

    Args:
        condition: SQL condition on ``gtin14``.
    """
    return f"""
SELECT product_id, source, gtin14, {_folded("brand")} AS brand, {_folded("mpn")} AS mpn
FROM products WHERE {condition} AND gtin14 NOT IN (
    SELECT gtin14 FROM products WHERE {condition}
    GROUP BY gtin14, source HAVING count(DISTINCT caption) > {_LISTINGS}
)
"""  # noqa: S608 - constants


KEYED_PRODUCTS = keyed_products()
"""Query of all products whose GTIN counts."""


def contradicts_sql(one: str, other: str) -> str:
    """Return the SQL condition that two products of one GTIN are not the same: their brand and part number differ.

    Names that contain each other agree. One difference alone is a spelling, such as a distributor's name as the
    brand or a shop's own number as the part number.

    Args:
        one: Alias of ``KEYED_PRODUCTS``.
        other: Another alias.
    """
    differ = (
        f"NOT (contains({one}.{name}, {other}.{name}) OR contains({other}.{name}, {one}.{name}))"
        for name in ("brand", "mpn")
    )
    return f"coalesce({' AND '.join(differ)}, false)"


def same_products_sql(condition: str = "gtin14 IS NOT NULL") -> str:
    """Return the query of the view ``same_products``: each GTIN that several products have, with their offers.

    Args:
        condition: SQL condition on ``gtin14``.
    """
    return f"""
WITH keyed AS ({keyed_products(condition)}), shared AS (
    SELECT k.*, p.* EXCLUDE (product_id, source, gtin14, brand, mpn), p.brand AS stated FROM keyed k JOIN products p
        USING (product_id)
    WHERE k.gtin14 IN (SELECT gtin14 FROM keyed GROUP BY gtin14 HAVING count(*) > 1)
), prices AS (
    SELECT product_id, list({{'until': changed_at, 'price': before}} ORDER BY changed_at) AS earlier
    FROM history SEMI JOIN shared USING (product_id) WHERE field = 'price' AND before IS NOT NULL GROUP BY product_id
)
SELECT gtin14, count(*) AS products, count(DISTINCT source) AS sources,
       arg_min(caption, product_id) FILTER (caption IS NOT NULL) AS caption, mode(stated) AS brand,
       gtin14 IN (SELECT a.gtin14 FROM shared a JOIN shared b USING (gtin14) WHERE {contradicts_sql("a", "b")})
           AS contradicted,
       list({{'product_id': product_id, 'source': source, 'url': url, 'price': price, 'list_price': list_price,
              'currency': currency, 'availability': availability, 'condition': condition,
              'earlier': coalesce(earlier, [])}} ORDER BY product_id) AS offers
FROM shared LEFT JOIN prices USING (product_id) GROUP BY gtin14
"""  # noqa: S608 - constants
