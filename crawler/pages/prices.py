"""Prices: amounts as shops write them, and the price that a page shows."""

import re
from decimal import Decimal, InvalidOperation

from lxml import html
from price_parser import Price

from crawler.pages.currencies import CODE, SIGN, UNIT, currency_code
from crawler.pages.document import Document
from crawler.pages.text import anywhere, squash
from crawler.pages.visible import Run, Visible, words

__all__ = ["find_price", "marked_price", "shown_price"]

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


_MONEY = re.compile(rf"{SIGN}|(?<![A-Za-z]){CODE}\b|\d\s*{UNIT}|\d,-(?:\s|$)")
_UP_TO_CENTS = re.compile(rf"(?:[\d.,\s]|{SIGN})*\d[.,]?")
_PER = re.compile(r"/\s*(?:m(?:o|onth)|(?:100\s?)?(?:g|kg|ml|l|oz|lb)\b)|x\s*\d", re.IGNORECASE)
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
    """Distinguish yuan from yen by the language of the page. Other ambiguous signs stay as they are."""
    if sign not in ("¥", "CNY"):
        return sign
    language = (document.tree.get("lang") or "").lower()
    text = " ".join(run.text for run in seen.runs[:200])
    if language.startswith("ja") or _KANA.search(text):
        return "JPY"
    return "CNY" if language.startswith("zh") or _HAN.search(text) else sign


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
    return bool(anywhere("old_prices").search(squash(text)) or _PER.search(text))


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
