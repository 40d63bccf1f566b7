"""Amounts of money as shops write them, and the codes of their currencies."""

import re
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files

from price_parser import Price

__all__ = ["currency_code", "marked_price", "shown_price"]

_MAX = Decimal(10) ** 13
"""Amounts from which on a number is no price but an id; tables hold 14 digits before the point."""
_FINEST = Decimal("0.0001")
"""Decimals that tables hold."""
_PLAIN = re.compile(r"\d+(?:\.\d+)?")
_THREE = re.compile(r"\d{1,3}\.\d{3}")
_THREE_DECIMALS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


@cache
def _signs() -> dict[str, str]:
    """Return sign or word in lower case -> ISO 4217 code."""
    lines = files("crawler.pages").joinpath("words/currency_signs.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition(":") for line in lines if not line.startswith("#")]
    return {sign.strip().lower(): code for code, _, signs in pairs for sign in signs.split(",")}


def currency_code(published: str | None) -> str | None:
    """Return the ISO 4217 code of a published currency where it can be told, else what was published."""
    text = (published or "").strip()
    if not text:
        return None
    if re.fullmatch(r"[A-Za-z]{3}", text) and text.lower() not in _signs():
        return text.upper()
    return _signs().get(text.lower(), text[:12])


def marked_price(value: object, currency: str | None = None) -> Decimal | None:
    """Read a price from structured data: a number, or text that should be one.

    A point before exactly three digits separates thousands (``24.990``), as shops that write so mean it,
    except in currencies of three decimals. Zero is no price: it stands for "not for sale".
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
    """Read the first amount in a text for people, with its currency; both None where there is none."""
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
