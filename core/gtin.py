"""Global Trade Item Numbers: EAN, UPC and ISBN-13, with their check digit."""

import re

__all__ = ["has_check_digit", "read_gtin"]

_SEPARATORS = re.compile(r"[\s-]")
_DIGITS = re.compile(r"\d{8}|\d{12,14}", re.ASCII)


def read_gtin(published: str) -> str | None:
    """Return the digits of a GTIN; None if the text is none, is all zeros, or fails its check digit.

    >>> read_gtin("978-0-471-11709-4"), read_gtin("4006381333932")
    ('9780471117094', None)
    """
    digits = _SEPARATORS.sub("", published)
    return digits if _DIGITS.fullmatch(digits) and digits.strip("0") and has_check_digit(digits) else None


def has_check_digit(digits: str) -> bool:
    """Return whether the last digit is the check digit of the others (GS1 General Specifications, section 7.9)."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return total % 10 == 0
