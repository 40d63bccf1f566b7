"""Compare price strings as read here and by price-parser: ``python -m bench.pages.price_strings``.

The strings are those of the tests, written by hand. This reader passes all of them, so the other's figure is the one of
interest.
"""

from decimal import Decimal

from price_parser import Price

from crawler.pages.money import currency_code, shown_price
from tests.crawler.pages.price_cases import CASES


def main() -> None:
    """Print how many amounts, and amounts with their currencies, each reads right."""
    right = {"m5data": [0, 0], "price-parser": [0, 0]}
    for _, text, amount, currency in CASES:
        truth = None if amount == "-" else Decimal(amount), None if currency == "-" else currency
        peer = Price.fromstring(text)
        for name, found in (
            ("m5data", shown_price(text)),
            ("price-parser", (peer.amount, currency_code(peer.currency))),
        ):
            right[name][0] += found[0] == truth[0]
            right[name][1] += found == truth
    for name, (amounts, both) in right.items():
        print(f"{name}: {amounts} of {len(CASES)} amounts, {both} with the currency")


if __name__ == "__main__":
    main()
