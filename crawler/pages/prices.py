"""Prices: amounts as shops write them."""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import pairwise

from crawler.pages.currencies import NAME, SHARED, currency_code
from crawler.pages.text import anywhere, squash

__all__ = ["Money", "marked_price", "read_money", "shown_price"]

_MAX = Decimal(10) ** 13
"""Lowest amount that is an id and not a price; tables hold 14 digits before the point."""
_FINEST = Decimal("0.0001")
"""Decimals that tables hold."""
_LONGEST = 200
"""Characters of a text that are read."""
_PLAIN = re.compile(r"\d+(?:\.\d+)?")
_THREE = re.compile(r"\d{1,3}\.\d{3}")
_POINT_BEFORE_THREE = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))
"""Currencies with three decimals."""
_COMMA_BEFORE_THREE = frozenset(("LYD", "TND"))
"""Those of them whose countries write a comma before decimals."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as a text states it."""

    amount: Decimal
    """Of a range, the lower end."""
    currency: str | None = None
    """ISO 4217 code; a sign that several currencies share stays as published."""
    upper: Decimal | None = None
    """Upper end of a range."""
    per: str | None = None
    """Unit that the amount is for, as published, such as ``100 g``."""


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
    if _PLAIN.fullmatch(text) and not (_THREE.fullmatch(text) and currency not in _POINT_BEFORE_THREE):
        return _positive(text)
    found = read_money(text, currency)
    return found.amount if found else None


def shown_price(text: str) -> tuple[Decimal | None, str | None]:
    """Return the amount in a visible text that a buyer pays and its currency, or None twice."""
    found = read_money(text)
    return (found.amount, found.currency) if found else (None, None)


def _positive(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 < amount < _MAX:
        return None
    rounded = amount.quantize(_FINEST)
    return (amount if amount == rounded else rounded) if rounded else None


_NUMBER = re.compile(r"\d{1,3}(?: \d{3})+(?!\d)(?:[.,٫]\d{1,3}(?!\d))?|\d[\d.,'٬٫]*|(?<![\w.,])[.,]\d\d(?!\d)")
_TIMES = {
    **dict.fromkeys(("万", "萬", "만"), 4), **dict.fromkeys(("億", "亿", "억"), 8),
    **dict.fromkeys(("lakh", "lakhs", "lac"), 5), **dict.fromkeys(("rb", "ribu", "тыс", "тыс."), 3),
    **dict.fromkeys(("jt", "juta", "triệu", "tr", "млн", "млн."), 6), **dict.fromkeys(("crore", "cr"), 7),
}  # fmt: skip
"""Word behind a number -> zeros that it stands for."""
_TIMES_WORD = re.compile(
    rf" ?({'|'.join(map(re.escape, sorted(_TIMES, key=lambda w: -len(w))))})(?![A-Za-zÀ-ӿ\d])", re.IGNORECASE
)
_MYRIADS = re.compile(r"(\d+)万(\d{4})(?=\s?[円元])|(\d+)만(\d{4})(?=\s?원)")
_CENTS_BEHIND = re.compile(r"(\d) ?([€£$])(\d\d)(?![\d.,])")
_DASH = re.compile(r"(?<=\d)(?:[.,]|:)[-–—]{1,2}")
_RANGE = re.compile(r"\s*(?:-|–|—|~|～|〜|to|bis|à|a|до|至|đến|hasta|até|till|tot|do)\s*", re.IGNORECASE)
_PER = re.compile(
    r"\s*(?:/|per\b|pro\b|je\b|le\b|la\b|por\b|za\b|за\b|每|毎)\s*(?P<unit>(?:\d+(?:[.,]\d+)?\s?)?(?:"
    r"kg|kilo|g|gr|mg|l|lt|ltr|liter|litre|ml|cl|m²|m2|m|cm|oz|lb|lbs|fl oz|кг|г|л|мл|м|公斤|斤|kus|ks|st|stk|stück|"
    r"pcs?|piece|each|unit|ea|mo|month|monat|mois|mes|mån|мес|week|day|tag|night|year)\b\.?)",
    re.IGNORECASE,
)
_INSTALMENT = re.compile(
    r"(?:\d+\s?[x×](?:\s?de)?|payments? of|raten (?:von|à)|mensualit[ée]s? de|cuotas? de|mal)\W*$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Amount:
    start: int
    end: int
    amount: Decimal
    currency: str | None
    per: str | None


@lru_cache(maxsize=4096)
def read_money(text: str, currency: str | None = None) -> Money | None:
    """Return the amount of money that a text states, as a buyer pays it; None without one.

    Of several amounts, one beside a currency comes first, one that includes tax before one that does not, a price
    before the price of a unit or an instalment. Percentages and amounts below zero are none.

    Args:
        text: A short text, such as ``ab 1.299,90 € inkl. MwSt.``; only its beginning is read.
        currency: Currency that is known otherwise; it decides what a separator before three digits means.
    """
    plain = _plain_text(text[:_LONGEST])
    found = _amounts(plain, currency)
    if not found:
        return None
    priced = [one for one in found if one.currency] or found
    best = _choose(plain, priced)
    upper = next((one.amount for one in found if one.start > best.start), None)
    lower = next((one for one in reversed(found) if one.end < best.start), None)
    code = best.currency or next((currency_code(name[0]) for name in NAME.finditer(plain)), None)
    if upper is not None and upper > best.amount and _between(plain, best, found):
        return Money(best.amount, code, upper, best.per)
    if lower is not None and not lower.currency and lower.amount < best.amount and _between(plain, lower, found):
        return Money(lower.amount, code, best.amount, best.per)
    return Money(best.amount, code, None, best.per)


def _plain_text(text: str) -> str:
    """Return a text with ASCII digits, single kinds of spaces and apostrophes, and decimals in their place."""
    text = text.replace("￥", " CN¥ ")  # the full-width sign is the yuan's, and NFKC would merge it with the yen's
    text = unicodedata.normalize("NFKC", text)
    digits = "".join(str(unicodedata.decimal(c, c)) for c in text) if not text.isascii() else text
    digits = " ".join(digits.replace("’", "'").replace("ʼ", "'").replace("`", "'").replace("\u066b", "٫").split())
    digits = _MYRIADS.sub(lambda m: f"{m[1] or m[3]}{m[2] or m[4]}", digits)
    return _CENTS_BEHIND.sub(r"\1.\3 \2", _DASH.sub("", digits))


def _amounts(text: str, hint: str | None) -> list[_Amount]:
    """Return all amounts above zero with the currency beside each."""
    names = [(name.start(), name.end(), name[0]) for name in NAME.finditer(text)]
    before = {end: name for _, end, name in names} | {
        end + 1: name for _, end, name in names if text[end : end + 1] == " "
    }
    before |= {end + 1: name for _, end, name in names if text[end : end + 1] in ":." and end + 1 not in before}
    behind = {start: (end, name) for start, end, name in names}
    found: list[_Amount] = []
    for number in _NUMBER.finditer(text):
        digits = number[0].rstrip(".,'٬٫")
        end = number.start() + len(digits)
        times = _TIMES_WORD.match(text, end)
        end = times.end() if times else end
        lead = before.get(number.start())
        tail = behind.get(end) or (behind.get(end + 1) if text[end : end + 1] == " " else None)
        code = currency_code(_clearer(lead, tail[1] if tail else None))
        amount = _positive(_decimal(digits, code or hint))
        after = tail[0] if tail and not lead else end
        if amount is None or text[after : after + 2].lstrip()[:1] == "%" or _is_negative(text, number.start()):
            continue
        amount = amount.scaleb(_TIMES[times[1].lower()]) if times else amount
        per = _PER.match(text, after)
        found.append(_Amount(number.start(), after, amount, code, per["unit"] if per else None))
    return found


def _clearer(before: str | None, behind: str | None) -> str | None:
    """Return the currency before an amount, or that behind it if the first is shared (``$5 CAD``) or a word as well."""
    if before and behind and (before.lower() in SHARED or (before.isalpha() and len(before) < 3)):
        return behind
    return before or behind


def _decimal(digits: str, currency: str | None) -> str:
    """Return a number as ``Decimal`` reads it: what separates thousands removed, a point before decimals."""
    digits = digits.replace("'", "").replace(" ", "").replace("٬", "")
    marks = [c for c in digits if c in ".,٫"]
    if not marks:
        return digits
    last = marks[-1]
    whole, _, rest = digits.rpartition(last)
    if len(set(marks)) > 1:
        decimal = marks.count(last) == 1
    elif len(marks) > 1:
        decimal = False
    else:
        decimal = len(rest) != 3 or not 0 < len(whole) <= 3 or whole == "0" or last == "٫" or _three(last, currency)
    whole = re.sub(r"[.,٫]", "", whole)
    return f"{whole}.{rest}" if decimal else whole + rest


def _three(mark: str, currency: str | None) -> bool:
    return currency in (_POINT_BEFORE_THREE if mark == "." else _COMMA_BEFORE_THREE)


def _is_negative(text: str, start: int) -> bool:
    """Return whether a minus sign stands before an amount, and not between two."""
    if "-" not in text[:start] and "−" not in text[:start]:
        return False
    before = NAME.sub("", text[:start]).rstrip()
    return before[-1:] in ("-", "−") and not any(c.isdigit() for c in before)


def _choose(text: str, amounts: list[_Amount]) -> _Amount:
    """Return the amount that is paid: with tax, for the whole product, at once, and now."""
    first = amounts[0]
    for one, behind in pairwise(amounts):
        between, tail = squash(text[one.end : behind.start]), squash(text[behind.end :])
        said = [word.start() for word in anywhere("tax_included").finditer(between)]
        opens = bool(said) and said[-1] > between.rfind(")")
        without = anywhere("tax_excluded")
        if opens or (without.search(between) and not without.search(tail)):
            return behind
    whole = [
        one
        for one in amounts
        if not one.per and not _INSTALMENT.search(text[: one.start].removesuffix("R$").rstrip("€$£ "))
    ]
    old = anywhere("old_prices").search(squash(text[: first.start]))
    if old and len(whole) > 1 and whole[0] is first:
        return whole[1]
    return whole[0] if whole else first


def _between(text: str, one: _Amount, amounts: list[_Amount]) -> bool:
    """Return whether only a word for "to" stands between an amount and the next."""
    behind = next((other for other in amounts if other.start > one.start), None)
    return behind is not None and bool(_RANGE.fullmatch(NAME.sub("", text[one.end : behind.start]) or " "))
