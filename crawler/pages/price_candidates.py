"""Candidates for the price."""

import re
import unicodedata
from collections import Counter
from decimal import Decimal

from lxml import html

from crawler.pages.candidates import Candidate, Pool
from crawler.pages.currencies import CODE, SIGN, UNIT
from crawler.pages.evidence import Page, bucket
from crawler.pages.prices import marked_price, shown_price
from crawler.pages.text import anywhere, squash
from crawler.pages.visible import Run

__all__ = ["amount_runs", "prices", "whole_amount"]

_SIGNS = "".join(chr(code) for code in range(0x20, 0x20D0) if unicodedata.category(chr(code)) == "Sc")
_MONEY = re.compile(rf"{SIGN}|[{_SIGNS}]|(?<![A-Za-z]){CODE}\b|\d\s*{UNIT}|\d,-(?:\s|$)")
_UP_TO_CENTS = re.compile(rf"(?:[\d.,\s]|{SIGN})*\d[.,]?")
_CENTS = re.compile(r"[.,]?(\d{2})\b(.*)")
_ENDS_IN_CENTS = re.compile(r"[.,]\d{2}$")
_PER = re.compile(r"/\s*(?:m(?:o|onth)|(?:100\s?)?(?:g|kg|ml|l|oz|lb)\b)|x\s*\d", re.IGNORECASE)
_PLAIN = re.compile(r"[^\w\n]*\d[\d.,'’\s]*(?:[-–~—]\s*\d[\d.,'’\s]*)?[^\w\n]*")
_STRUCK = frozenset(("del", "s", "strike"))
_MAX_RUNS = 80
_MAX_PROPERTIES = 120
_KEYS = re.compile(r"price|amount|cost|(?:^|-)value$")
_CENT = Decimal("0.01")
_LONGEST = 40
"""Longest text of a price in state, characters."""


def prices(page: Page) -> list[Candidate]:
    """Return candidates for the amount that the buyer pays now."""
    pool = Pool()
    for one in page.marked:
        for place, amount in enumerate(one.prices or ([one.price] if one.price is not None else [])):
            evidence = [f"m:{one.origin}", f"m:place:{bucket(place)}", f"m:of:{bucket(len(one.prices))}"]
            evidence += ["m:lowest"] if one.prices and amount == min(one.prices) else []
            pool.add(amount.quantize(_CENT), amount, one.origin, evidence)
    found = amount_runs(page)
    shapes = Counter((run.element.tag, run.element.get("class")) for _, run in found)
    amounts = [(index, shown_price(whole_amount(page, index))[0]) for index, _ in found]
    behind = 0
    for place, (index, run) in enumerate(found):
        shown = amounts[place][1]
        if shown is not None:
            behind += index >= page.seen.title_span[1]
            evidence = [*_shown_evidence(page, index), f"nth:{bucket(behind)}"]
            evidence += _beside(amounts, place)
            evidence.append(f"alike:{bucket(shapes[run.element.tag, run.element.get('class')])}")
            pool.add(shown.quantize(_CENT), shown, "html:price", evidence)
    _from_state(page, pool)
    return pool.candidates()


def _beside(amounts: list[tuple[int, Decimal | None]], place: int) -> list[str]:
    """Return evidence of the amounts just before and after: a price stands beside the higher one that it replaced."""
    index, amount = amounts[place]
    found = []
    for name, other in (("before", place - 1), ("behind", place + 1)):
        beside = amounts[other][1] if 0 <= other < len(amounts) and abs(amounts[other][0] - index) <= 5 else None
        if beside is None or amount is None:
            found.append(f"{name}:none")
        else:
            found.append(f"{name}:{'same' if beside == amount else 'higher' if beside > amount else 'lower'}")
    return [*found, "+".join(found)]


def amount_runs(page: Page) -> list[tuple[int, Run]]:
    """Return short texts with an amount of money, or with only a number in an element that is called a price."""
    title = page.seen.title_span
    found: list[tuple[int, Run]] = []
    for index, run in enumerate(page.seen.runs):
        text = run.text
        if len(text) > 60 or title[0] <= index < title[1] or not any(c.isdigit() for c in text):
            continue
        if _is_cents(page, index):
            continue
        if _MONEY.search(text) or (_PLAIN.fullmatch(text) and _called_price(page, index)):
            found.append((index, run))
            if len(found) >= _MAX_RUNS:
                break
    return found


def _is_cents(page: Page, index: int) -> bool:
    """Return whether a run holds the decimals of the amount before it."""
    runs = page.seen.runs
    before = runs[index - 1] if index else None
    if before is None or before.line != runs[index].line or before.element is runs[index].element:
        return False
    starts = _CENTS.fullmatch(runs[index].text) and _UP_TO_CENTS.fullmatch(before.text)
    return bool(starts) and not _ENDS_IN_CENTS.search(before.text)


def _called_price(page: Page, index: int) -> bool:
    names = page.own_names(page.seen.runs[index].element)
    return any("price" in name or "amount" in name for name in names) or bool(_MONEY.search(_line(page, index)))


def _shown_evidence(page: Page, index: int) -> list[str]:
    run = page.seen.runs[index]
    found = [*page.around(run.element), *page.distance(index), page.from_title(run.element)]
    outer: html.HtmlElement | None = run.element
    for _ in range(4):
        if outer is None:
            break
        if outer.tag in _STRUCK or "line-through" in (outer.get("style") or ""):
            found.append("struck")
        if outer.tag == "a":
            found.append("in-link")
        outer = outer.getparent()
    label = _label_of(page, index)
    found += [f"label:{word}" for word in squash(label).split()[:4]]
    if anywhere("old_prices").search(squash(label)):
        found.append("says:old")
    if _PER.search(label):
        found.append("says:per")
    if run.hidden:
        found.append("hidden")
    found.append("money" if _MONEY.search(run.text) else "bare")
    if index >= page.seen.title_span[1] > 0:
        found.append("after-title")
    return found


def _label_of(page: Page, index: int) -> str:
    """Return a run with its neighbours that have no digits, on the line or ending in a colon."""
    runs = page.seen.runs
    texts = [runs[index].text]
    if index and not any(c.isdigit() for c in runs[index - 1].text) and len(runs[index - 1].text) < 30:
        texts.insert(0, runs[index - 1].text)
    if index + 1 < len(runs) and runs[index + 1].line == runs[index].line and len(runs[index + 1].text) < 30:
        texts.append(runs[index + 1].text)
    return " ".join(texts)


def _line(page: Page, index: int) -> str:
    start, end = _line_span(page.seen.runs, index)
    return page.seen.text(start, end) if end - start < 8 else page.seen.runs[index].text


def _line_span(runs: list[Run], index: int) -> tuple[int, int]:
    start, end = index, index + 1
    while start and runs[start - 1].line == runs[index].line and index - start < 8:
        start -= 1
    while end < len(runs) and runs[end].line == runs[index].line and end - index < 8:
        end += 1
    return start, end


def whole_amount(page: Page, index: int) -> str:
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
    return f"{signs} {text}" if signs and not _MONEY.search(text) else text


def _from_state(page: Page, pool: Pool) -> None:
    """Add prices in state. Whole numbers may be cents, so they stand for two candidates."""
    for count, (one, key, value) in enumerate(page.properties(_KEYS)):
        amount = marked_price(value) if not isinstance(value, str) or 0 < len(value) < _LONGEST else None
        if amount is None or isinstance(value, bool) or count > _MAX_PROPERTIES:
            continue
        evidence = page.of_object(one, key)
        pool.add(amount.quantize(_CENT), amount, "state", evidence)
        if amount == amount.to_integral_value() and amount >= 100 and "." not in str(value):
            cents = (amount / 100).quantize(_CENT)
            pool.add(cents, cents, "state", [f"c-{piece}" for piece in evidence])
