"""Currencies as shops write them: the one list of signs, codes and words, and the patterns made from it.

Babel's locale data would cost each process a tenth of a second and lacks much of what shops write (``руб.``,
``RMB``, ``us$``); a test compares the two.
"""

import re
import unicodedata

__all__ = ["CODE", "SIGN", "UNIT", "currency_code", "currency_sql"]

_NAMES = {
    "EUR": "€ euro",
    "GBP": "£",
    "RUB": "₽ руб руб. р. rur",
    "INR": "₹ rs rs.",
    "KRW": "₩ 원",
    "ILS": "₪ nis ש\"ח ש''ח",
    "UAH": "₴ грн",
    "TRY": "₺ tl",
    "THB": "฿",
    "VND": "₫ đ",
    "CNY": "元 人民币 rmb ￥",
    "JPY": "円",
    "USD": "us$ us_$",
    "CAD": "c$ c_$ ca$",
    "AUD": "a$ au$ au_$",
    "TWD": "nt$",
    "HKD": "hk$",
    "SGD": "s$",
    "NZD": "nz$",
    "BRL": "r$",
    "MXN": "mx$",
    "PLN": "zł",
    "CZK": "kč",
    "HUF": "ft",
    "RON": "lei",
    "BGN": "лв лв.",
    "HRK": "kn",
    "MKD": "ден",
    "RSD": "дин",
    "BYN": "б.р. br",
    "KZT": "₸",
    "NGN": "₦",
    "PHP": "₱",
    "IDR": "rp",
    "MYR": "rm",
    "SAR": "ر.س ريال",
    "AED": "د.إ درهم",
    "KWD": "د.ك",
    "EGP": "ج.م",
    "CHF": "fr. sfr.",
}
"""ISO 4217 code -> signs and words that mean this currency alone, in lower case; ``_`` is a space."""

_CODE_OF = {name.replace("_", " "): code for code, names in _NAMES.items() for name in names.split()}
_AMBIGUOUS = "$¥"
"""Signs of several currencies. They are money, but only the page's language or a code says which."""
_SYMBOLS = "".join(name for name in _CODE_OF if len(name) == 1 and unicodedata.category(name) == "Sc")
_ARABIC = "|".join(re.escape(name) for name in _CODE_OF if "." in name and unicodedata.bidirectional(name[0]) == "AL")

SIGN = f"(?:[{_AMBIGUOUS}{_SYMBOLS}]|{_ARABIC})"
"""Pattern of signs that mean money wherever they stand."""
CODE = (
    "(?:USD|EUR|GBP|CNY|RMB|JPY|CAD|AUD|CHF|SEK|NOK|DKK|PLN|CZK|HUF|RON|BRL|MXN|INR|KRW|TWD|HKD|SGD|AED|SAR|ILS|TRY|RUB"
    "|Rs)"
)
"""Pattern of codes that pages write beside amounts; others (``ALL``, ``TOP``) are words as well."""
UNIT = r"(?:元|円|원|руб|р\.|грн|zł|Kč|Ft\b|kr\b|TL\b|[Ll]ei\b|лв|б\.\s?р)"
"""Pattern of words that mean money behind a number. Others of ``_NAMES`` (``br``, ``rm``) have further meanings."""


def currency_code(published: str | None) -> str | None:
    """Return the ISO 4217 code of a published currency; if several are possible, what was published."""
    text = (published or "").strip()
    if not text:
        return None
    code = _CODE_OF.get(text.lower())
    if code is None and re.fullmatch(r"[A-Za-z]{3}", text):
        return text.upper()
    return code or text[:12]


def currency_sql(text: str) -> str:
    """Return a DuckDB expression: ``currency_code`` of the SQL expression ``text``, which must be trimmed."""
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in _CODE_OF)
    codes = ", ".join(f"'{code}'" for code in _CODE_OF.values())
    known = f"list_extract([{codes}], list_position([{names}], lower({text})))"
    other = f"CASE WHEN regexp_full_match({text}, '[A-Za-z]{{3}}') THEN upper({text}) ELSE {text}[:12] END"
    return f"coalesce({known}, {other})"
