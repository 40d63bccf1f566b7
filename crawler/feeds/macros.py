"""How feed values read in SQL: white space, prices, availability."""

__all__ = ["MACROS"]

_UNFOLDED = r"^ |  | $|[\t\n\f\r\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
"""White space that is no single blank between words: a look for it costs a third of folding, and few texts have it."""

MACROS = (
    rf"""CREATE TEMP MACRO fold(t) AS nullif(CASE WHEN regexp_matches(t, '{_UNFOLDED}')
        THEN trim(regexp_replace(t, '[\s\p{{Z}}]+', ' ', 'g')) ELSE t END, '')""",
    # 1,299.00 -> 1299.00; 12,90 -> 12.90
    r"""CREATE TEMP MACRO plain_number(t) AS CASE
        WHEN regexp_full_match(t, '\d{1,3}(,\d{3})+(\.\d+)?') THEN replace(t, ',', '')
        WHEN regexp_full_match(t, '\d+,\d{1,2}') THEN replace(t, ',', '.')
        ELSE t END""",
    # the amount may have a currency before or behind it: 15.00 USD, ¥15
    r"""CREATE TEMP MACRO amount(t) AS try_cast(
        plain_number(regexp_replace(fold(t), '^[A-Z]{3} ?|^[¥￥$€£] ?| ?[A-Z]{3}$| ?[¥￥$€£元]$', '', 'g'))
        AS DECIMAL(18, 4))""",
    r"""CREATE TEMP MACRO currency_of(c, t) AS coalesce(fold(c),
        nullif(regexp_extract(t, '[A-Z]{3}|[¥￥$€£元]'), ''))""",
    r"""CREATE TEMP MACRO stock(t) AS CASE
        lower(regexp_replace(regexp_replace(t, '^https?://schema\.org/', ''), '[ _]', '', 'g'))
        WHEN 'instock' THEN 'InStock' WHEN 'outofstock' THEN 'OutOfStock' END""",
    (
        "CREATE TEMP MACRO texts(l) AS coalesce("
        "list_filter(list_transform(l, lambda t: fold(t)), lambda t: t IS NOT NULL), [])"
    ),
    "CREATE TEMP MACRO each_once(l) AS list_filter(l, lambda t, i: list_position(l, t) = i)",
    (
        "CREATE TEMP MACRO pairs(l) AS list_filter("
        "list_transform(l, lambda p: {'property': fold(p.property), 'value': fold(p.value)}),"
        "lambda p: p.property IS NOT NULL AND p.value IS NOT NULL)"
    ),
)
"""Statements that make them in a connection."""
