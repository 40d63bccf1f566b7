"""Subject prices: amount and currency of a price as a shop wrote it, and GTINs of a page's markup."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from bench.suites.cases import Case, Result, judge, read_cases
from bench.suites.pages import read_page
from core.currencies import currency_code
from core.money import read_money


def _price(text: str, currency: str | None) -> tuple[Decimal, str | None] | None:
    """Return amount and currency of a text; ``currency`` is what the shop is known to use, as published."""
    found = read_money(text, currency_code(currency))
    return (found.amount, found.currency) if found else None


def _code(sign: str | None) -> str | None:
    """Return the currency that a sign stands for."""
    return currency_code(sign)


def results(folder: Path) -> Iterator[Result]:
    """Yield the result of each case."""
    for case in read_cases(folder):
        judged = _judged_gtin if case["kind"] == "gtin" else _judged_price
        yield judge(case["kind"], case, case["text"], judged, case)


def _judged_gtin(case: Case) -> tuple[object, object, bool]:
    offer = {"price": "5", "priceCurrency": "EUR"}
    data = {"@type": "Product", "name": "Blue mug", "sku": "M-1", "gtin": case["text"], "offers": offer}
    script = f'<script type="application/ld+json">{json.dumps(data)}</script>'
    got = read_page(f"<title>Blue mug</title>{script}<h1>Blue mug</h1>", "https://shop.example/p/mug").gtin
    return case["gtin"], got, got == case["gtin"]


def _judged_price(case: Case) -> tuple[object, object, bool]:
    """The amount must be equal; the currency must be that of the sign in the text, or the code of the case."""
    got = _price(case["text"], case["currency_hint"])
    if case["amount"] is None:
        return None, got, got is None
    amount, currency = Decimal(case["amount"]), case.get("code") or _code(case["sign"])
    return (amount, currency), got, got is not None and got[0] == amount and currency in {None, got[1]}
