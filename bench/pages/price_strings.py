"""Compare how m5data and price-parser read price strings: ``python -m bench.pages.price_strings``.

The strings are those of the tests, written by hand. m5data passes all of them, so only price-parser's figure is
informative.
"""

from decimal import Decimal

from price_parser import Price

from core.currencies import currency_code
from core.money import read_money
from tests.core.price_cases import CASES


def _read(text: str) -> tuple[Decimal | None, str | None]:
    found = read_money(text)
    return (found.amount, found.currency) if found else (None, None)


def main() -> None:
    """Print how many amounts, and how many amounts with currency, each reads correctly."""
    right = {"m5data": [0, 0], "price-parser": [0, 0]}
    for _, text, amount, currency in CASES:
        truth = None if amount == "-" else Decimal(amount), None if currency == "-" else currency
        peer = Price.fromstring(text)
        for name, found in (
            ("m5data", _read(text)),
            ("price-parser", (peer.amount, currency_code(peer.currency))),
        ):
            right[name][0] += found[0] == truth[0]
            right[name][1] += found == truth
    for name, (amounts, both) in right.items():
        print(f"{name}: {amounts} of {len(CASES)} amounts, {both} with the currency")


if __name__ == "__main__":
    main()
