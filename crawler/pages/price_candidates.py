"""Candidates for the price."""

import re
from collections import Counter
from decimal import Decimal

from lxml import html

from crawler.pages.amounts import MONEY_OR_SIGN, Amount
from crawler.pages.candidates import Candidate, Pool
from crawler.pages.evidence import Page, bucket, keys_with
from crawler.pages.prices import marked_price
from crawler.pages.text import anywhere, squash

__all__ = ["prices"]

_PER = re.compile(r"/\s*(?:m(?:o|onth)|(?:100\s?)?(?:g|kg|ml|l|oz|lb)\b)|x\s*\d", re.IGNORECASE)
_STRUCK = frozenset(("del", "s", "strike"))
_MAX_PROPERTIES = 120
_KEYS = keys_with(r"price|amount|cost|(?:^|-)value$")
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
    shapes = Counter((one.run.element.tag, one.run.element.get("class")) for one in page.amounts)
    behind = 0
    for place, (index, run, shown, _) in enumerate(page.amounts):
        if shown is not None:
            behind += index >= page.seen.title_span[1]
            evidence = [*_shown_evidence(page, index), f"nth:{bucket(behind)}"]
            evidence += _beside(page.amounts, place)
            evidence.append(f"alike:{bucket(shapes[run.element.tag, run.element.get('class')])}")
            pool.add(shown.quantize(_CENT), shown, "html:price", evidence)
    _from_state(page, pool)
    return pool.candidates()


def _beside(amounts: list[Amount], place: int) -> list[str]:
    """Return evidence of the amounts just before and after: a price stands beside the higher one that it replaced."""
    index, amount = amounts[place].number, amounts[place].amount
    found = []
    for name, other in (("before", place - 1), ("behind", place + 1)):
        near = 0 <= other < len(amounts) and abs(amounts[other].number - index) <= 5
        beside = amounts[other].amount if near else None
        if beside is None or amount is None:
            found.append(f"{name}:none")
        else:
            found.append(f"{name}:{'same' if beside == amount else 'higher' if beside > amount else 'lower'}")
    return [*found, "+".join(found)]


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
    found.append("money" if MONEY_OR_SIGN.search(run.text) else "bare")
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
