"""Prices: amounts as shops write them, and the price that a page shows."""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from urllib.parse import urlsplit

from lxml import html

from crawler.pages.currencies import CODE, NAME, SHARED, SIGN, UNIT, currency_code, local_currency
from crawler.pages.document import Document
from crawler.pages.text import anywhere, squash
from crawler.pages.visible import Run, Visible, words

__all__ = ["Money", "find_price", "marked_price", "read_money", "shown_price"]

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


_MONEY = re.compile(rf"{SIGN}|(?<![A-Za-z]){CODE}\b|\d\s*{UNIT}|\d,-(?:\s|$)")
_UP_TO_CENTS = re.compile(rf"(?:[\d.,\s]|{SIGN})*\d[.,]?")
_RATE = re.compile(r"/\s*(?:m(?:o|onth)|(?:100\s?)?(?:g|kg|ml|l|oz|lb)\b)|x\s*\d", re.IGNORECASE)
_AMOUNT = re.compile(rf"^[^\w\n]*\d[\d.,'’\s]*(?:[-–~—]\s*\d[\d.,'’\s]*)?[^\w\n]*$|{_MONEY.pattern}")
_LEAST = 0.9
"""Lowest weight of a price: an amount of money, or an element with the name of a price."""
_KANA = re.compile(r"[\u3040-\u30ff]{3}")
_HAN = re.compile(r"[\u4e00-\u9fff]{2}")
_DIGIT = re.compile(r"\d")
_STRUCK = frozenset(("del", "s", "strike"))


def find_price(document: Document, seen: Visible) -> tuple[Decimal, str | None] | None:
    """Return the price that the page shows and its currency, or None.

    Every short text with an amount of money, or in an element with the name of a price, gets a weight from its
    class, from strike-through, from words for savings, shipping and instalments, and from its distance to the heading
    of the product.
    """
    title = seen.title_span
    best: tuple[float, Decimal, str | None] | None = None
    for index, run in enumerate(seen.runs):
        if len(run.text) > 60 or run.hidden or title[0] <= index < title[1] or not _DIGIT.search(run.text):
            continue
        weight = _weigh(seen, index) if _AMOUNT.search(run.text) else 0.0
        score = weight + _nearness(index, title[0], title[1])
        if weight < _LEAST or (best is not None and score <= best[0]):
            continue
        amount, currency = shown_price(_whole(seen, index))
        if amount is not None:
            best = (score, amount, currency)
    return (best[1], _local_currency(document, seen, best[2])) if best else None


def _local_currency(document: Document, seen: Visible, sign: str | None) -> str | None:
    """Return the code of a shared sign by language and host of the page; yuan and yen also by its script."""
    language = document.tree.get("lang") or ""
    if sign in ("¥", "CNY") and not language.lower().startswith("zh"):
        text = " ".join(run.text for run in seen.runs[:200])
        if language.lower().startswith("ja") or _KANA.search(text):
            return "JPY"
        if _HAN.search(text):
            return "CNY"
    return local_currency(sign, language=language, host=urlsplit(document.url).hostname or "")


def _nearness(index: int, start: int, end: int) -> float:
    if index < start:
        return -0.6 if start - index > 40 else 0.2
    return 1.6 / (1 + (index - end) / 25)


def _weigh(seen: Visible, index: int) -> float:
    """Return the weight of a run from the words of its line and the classes of its enclosing elements."""
    run = seen.runs[index]
    money = bool(_MONEY.search(_line(seen, index)))
    score = 1.0 if money else 0.0
    if _is_old(_label_of(seen, index)) or _leads_old(seen, index):
        score -= 2.5
    element: html.HtmlElement | None = run.element
    for step in range(4):
        if element is None:
            break
        if element.tag in _STRUCK:
            score -= 4.0
        names = words(f"{element.get('class', '')} {element.get('id', '')} {element.get('itemprop', '')}")
        if len(names) > 2:
            if anywhere("other_price_places").search(names):
                score -= 3.0
            elif anywhere("price_places").search(names):
                score += (1.6 if money else 1.0) / (1 + step) + (
                    0.5 if anywhere("current_price_places").search(names) else 0.0
                )
        element = element.getparent()
    return score


def _is_old(text: str) -> bool:
    return bool(anywhere("old_prices").search(squash(text)) or _RATE.search(text))


def _leads_old(seen: Visible, index: int) -> bool:
    """Return whether the run before is the label of an old price, such as ``Was:``."""
    before = seen.runs[index - 1] if index else None
    return before is not None and len(before.text) < 20 and before.text[-1] in ":：" and _is_old(before.text)


def _label_of(seen: Visible, index: int) -> str:
    """Return a run with its neighbours on the line that have no amounts."""
    around = range(max(0, index - 1), min(len(seen.runs), index + 2))
    texts = [seen.runs[at] for at in around if seen.runs[at].line == seen.runs[index].line]
    return " ".join(run.text for run in texts if run is seen.runs[index] or not _DIGIT.search(run.text))


def _line(seen: Visible, index: int) -> str:
    start, end = _line_span(seen.runs, index)
    return seen.text(start, end) if end - start < 8 else seen.runs[index].text


def _line_span(runs: list[Run], index: int) -> tuple[int, int]:
    start, end = index, index + 1
    while start and runs[start - 1].line == runs[index].line and index - start < 8:
        start -= 1
    while end < len(runs) and runs[end].line == runs[index].line and end - index < 8:
        end += 1
    return start, end


def _whole(seen: Visible, index: int) -> str:
    """Return the text of a price. Decimals in their own element (``173<sup>34</sup> Lei``) get a point."""
    runs = seen.runs
    text = runs[index].text
    end = _line_span(runs, index)[1]
    following = runs[index + 1] if index + 1 < end else None
    if following is not None and following.element is not runs[index].element and _UP_TO_CENTS.fullmatch(text):
        cents = re.fullmatch(r"[.,]?(\d{2})\b(.*)", following.text)
        if cents and not re.search(r"[.,]\d{2}$", text):
            text = f"{text.rstrip('.,')}.{cents[1]} {cents[2]}"
    start, end = _line_span(runs, index)
    signs = " ".join(
        run.text for run in runs[start:end] if len(run.text) <= 4 and not any(c.isdigit() for c in run.text)
    )
    return f"{signs} {text}" if signs and not _MONEY.search(text) else text
