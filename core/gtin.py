"""Global Trade Item Numbers: EAN, UPC and ISBN, with their check digits, and the one spelling that they share."""

import re

__all__ = ["canonical_gtin", "has_check_digit", "read_gtin"]

_SEPARATORS = re.compile(r"[\s-]")
_DIGITS = re.compile(r"\d{8}|\d{12,14}", re.ASCII)
_LABEL = re.compile(r"(?:urn:)?(?:isbn|ean|gtin|upc)(?:[-\s]?(?:8|1[0234])(?=\s*[:.\s]))?\s*[:.#]?\s*", re.IGNORECASE)
_ISBN_10 = re.compile(r"\d{9}[\dX]", re.ASCII)
_SHORTENED = {7: 8, 11: 12}
"""Length of a number that lost its leading zero in a spreadsheet -> its own length."""

_RESTRICTED = ("02", "04", "05", "2", "98", "99")
"""Prefixes of numbers that shops give themselves, and of coupons and receipts (GS1 General Specifications, 1.4)."""
_SERIAL = "977"
"""Prefix of an ISSN: all issues of a periodical share its number."""
_EXAMPLES = frozenset({"00012345678905", "00123456789012", "01234567890128"})
"""Valid numbers that templates contain in place of one."""


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


def canonical_gtin(published: str) -> str | None:
    """Return the 14 digits that identify one trade item everywhere; None if the text does not.

    EAN-8, UPC, EAN-13 and ISBN-13 get leading zeros; an ISBN-10 becomes an ISBN-13; a zero that a spreadsheet removed
    is restored. Numbers that do not identify a product beyond one shop are none: those for use inside a shop (02, 04,
    20 to 29), coupons (05, 98, 99), ISSNs, and the example numbers of templates.

    >>> canonical_gtin("0-471-11709-9"), canonical_gtin("978-0-471-11709-4"), canonical_gtin("2012345678900")
    ('09780471117094', '09780471117094', None)
    """
    plain = _LABEL.sub("", published.strip(), count=1) if not published[:1].isdigit() else published
    digits = _SEPARATORS.sub("", plain).upper()
    found = _of_isbn_10(digits) or read_gtin(digits.zfill(_SHORTENED.get(len(digits), 0)))
    gtin = found.zfill(14) if found else None
    return gtin if gtin and gtin not in _EXAMPLES and _is_global(gtin) else None


def _of_isbn_10(text: str) -> str | None:
    """Return the ISBN-13 of an ISBN-10; None if the text is none (ISO 2108, annex A)."""
    if not _ISBN_10.fullmatch(text) or not text.strip("0"):
        return None
    total = sum((10 - place) * (10 if digit == "X" else int(digit)) for place, digit in enumerate(text))
    body = f"978{text[:9]}"
    return next(f"{body}{last}" for last in range(10) if has_check_digit(f"{body}{last}")) if total % 11 == 0 else None


def _is_global(gtin: str) -> bool:
    if gtin.startswith("000000"):  # an EAN-8
        return gtin[6] not in "02"
    return not gtin[1:].startswith((*_RESTRICTED, _SERIAL))
