"""Prices: amounts as shops write them."""

import re
from decimal import Decimal, InvalidOperation

from price_parser import Price

from crawler.pages.currencies import currency_code

__all__ = ["marked_price", "shown_price"]

_MAX = Decimal(10) ** 13
"""Lowest amount that is an id and not a price; tables hold 14 digits before the point."""
_FINEST = Decimal("0.0001")
"""Decimals that tables hold."""
_PLAIN = re.compile(r"\d+(?:\.\d+)?")
_THREE = re.compile(r"\d{1,3}\.\d{3}")
_THREE_DECIMALS = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))


def marked_price(value: object, currency: str | None = None) -> Decimal | None:
    """Read a price from structured data: a number, or text with one.

    A point before exactly three digits separates thousands (``24.990``), except in currencies with three decimals.
    Zero means "not for sale" and gives None.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _positive(str(value))
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _PLAIN.fullmatch(text) and not (_THREE.fullmatch(text) and currency not in _THREE_DECIMALS):
        return _positive(text)
    return shown_price(text)[0]


def shown_price(text: str) -> tuple[Decimal | None, str | None]:
    """Return the first amount in a visible text and its currency, or None twice."""
    found = Price.fromstring(text[:200].replace("’", "'"))
    if found.amount is None:
        return None, None
    amount = _positive(str(found.amount))
    return amount, (currency_code(found.currency) if amount is not None else None)


def _positive(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 < amount < _MAX:
        return None
    return amount if amount == amount.quantize(_FINEST) else amount.quantize(_FINEST)
