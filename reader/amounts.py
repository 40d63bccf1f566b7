"""Amounts of money in the text of a page."""

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from core.currencies import CODE, NAME, SIGN, UNIT
from core.money import read_money
from reader.visible import Run

if TYPE_CHECKING:
    from reader.evidence import Page

__all__ = ["MONEY_OR_SIGN", "Amount", "find_amounts"]

_SIGNS = "".join(chr(code) for code in range(0x20, 0x20D0) if unicodedata.category(chr(code)) == "Sc")
MONEY_OR_SIGN = re.compile(rf"{SIGN}|[{_SIGNS}]|(?<![A-Za-z]){CODE}\b|\d\s*{UNIT}|\d,-(?:\s|$)")
"""Marks that make a number money: a sign, a code, or a word after it."""
_UP_TO_CENTS = re.compile(rf"(?:[\d.,\s]|{SIGN})*\d[.,]?")
_CENTS = re.compile(r"[.,]?(\d{2})\b(.*)")
_ENDS_IN_CENTS = re.compile(r"[.,]\d{2}$")
_PLAIN = re.compile(r"[^\w\n]*\d[\d.,'’\s]*(?:[-–~—]\s*\d[\d.,'’\s]*)?[^\w\n]*")
_MAX_RUNS = 80


class Amount(NamedTuple):
    """A text with an amount of money."""

    number: int
    """Index of its run."""
    run: Run
    amount: Decimal | None
    """None if the text cannot be read as one."""
    sign: str | None
    """Code or sign of the currency."""


def find_amounts(page: "Page") -> list[Amount]:
    """Return short texts with an amount of money, or with only a number in an element named as a price."""
    title = page.seen.title_span
    found: list[Amount] = []
    for index, run in enumerate(page.seen.runs):
        text = run.text
        if len(text) > 60 or not _may_be_amount(text) or _is_cents(page, index):
            continue
        if title[0] <= index < title[1] and not any("price" in name for name in page.own_names(run.element)):
            continue
        if MONEY_OR_SIGN.search(text) or (_is_bare(text) and _called_price(page, index)):
            money = read_money(_whole_amount(page, index))
            found.append(Amount(index, run, money.amount if money else None, money.currency if money else None))
            if len(found) >= _MAX_RUNS:
                break
    return found


@lru_cache(maxsize=16_384)
def _may_be_amount(text: str) -> bool:
    """Return whether a text has a digit; cached, as texts such as menu entries recur."""
    return any(c.isdigit() for c in text)


def _is_bare(text: str) -> bool:
    """Return whether a text is a number, alone or with a name that means a currency only there (``Rp``, ``KD``)."""
    return _PLAIN.fullmatch(text) is not None or _PLAIN.fullmatch(NAME.sub("", text)) is not None


def _is_cents(page: "Page", index: int) -> bool:
    """Return whether a run holds the decimals of the amount before it."""
    runs = page.seen.runs
    before = runs[index - 1] if index else None
    if before is None or before.line != runs[index].line or before.element is runs[index].element:
        return False
    starts = _CENTS.fullmatch(runs[index].text) and _UP_TO_CENTS.fullmatch(before.text)
    return bool(starts) and not _ENDS_IN_CENTS.search(before.text)


def _called_price(page: "Page", index: int) -> bool:
    names = page.own_names(page.seen.runs[index].element)
    return any("price" in name or "amount" in name for name in names) or bool(MONEY_OR_SIGN.search(_line(page, index)))


def _line(page: "Page", index: int) -> str:
    start, end = _line_span(page.seen.runs, index)
    return page.seen.text(start, end) if end - start < 8 else page.seen.runs[index].text


def _line_span(runs: list[Run], index: int) -> tuple[int, int]:
    start, end = index, index + 1
    while start and runs[start - 1].line == runs[index].line and index - start < 8:
        start -= 1
    while end < len(runs) and runs[end].line == runs[index].line and end - index < 8:
        end += 1
    return start, end


def _whole_amount(page: "Page", index: int) -> str:
    """Return the text of a price. Decimals in their own element (``173<sup>34</sup> Lei``) get a point."""
    runs = page.seen.runs
    text = runs[index].text
    start, end = _line_span(runs, index)
    following = runs[index + 1] if index + 1 < end else None
    if following is not None and following.element is not runs[index].element and _UP_TO_CENTS.fullmatch(text):
        cents = _CENTS.fullmatch(following.text)
        if cents and not _ENDS_IN_CENTS.search(text):
            text = f"{text.rstrip('.,')}.{cents[1]} {cents[2]}"
    signs = " ".join(
        run.text for run in runs[start:end] if len(run.text) <= 4 and not any(c.isdigit() for c in run.text)
    )
    return f"{signs} {text}" if signs and not MONEY_OR_SIGN.search(text) else text
