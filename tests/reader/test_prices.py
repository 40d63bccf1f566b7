"""Prices, ids and captions as shops write them."""

from decimal import Decimal

import pytest

from reader.money import Money, currency_code, local_currency, marked_price, read_money, shown_price

from .price_cases import CASES


@pytest.mark.parametrize(
    ("value", "currency", "price"),
    [
        (24990, "CLP", "24990"),
        ("24.990", "CLP", "24990"),
        ("1,299.00", "EUR", "1299.00"),
        ("1.299,00", "EUR", "1299.00"),
        ("12.500", "KWD", "12.500"),
        ("12.500", "EUR", "12500"),
        ("119.01", None, "119.01"),
        ("26,00 €", "EUR", "26.00"),
        ("502.20 - 558.00", None, "502.20"),
        (99.95, "EUR", "99.95"),
        ("19.99999", "USD", "20.0000"),
        ("0", "EUR", None),
        ("0.00", "EUR", None),
        (-5, "EUR", None),
        ("free", "EUR", None),
        ("", "EUR", None),
        (None, None, None),
        (True, None, None),
        (float("nan"), None, None),
        (1e300, None, None),
        ({"a": 1}, None, None),
    ],
)
def test_a_marked_price(value: object, currency: str | None, price: str | None) -> None:
    read = marked_price(value, currency)

    assert (None if read is None else str(read)) == price


@pytest.mark.parametrize(
    ("text", "price", "currency"),
    [
        ("￥1,299.00", "1299.00", "CNY"),
        ("1 299,00 €", "1299.00", "EUR"),
        ("1'299.00 CHF", "1299.00", "CHF"),
        ("12,34,567.00 ₹", "1234567.00", "INR"),
        ("9.999.000₫", "9999000", "VND"),
        ("From €70.50", "70.50", "EUR"),
        ("$229.99", "229.99", "$"),
        ("sold out", None, None),
    ],
)
def test_a_shown_price(text: str, price: str | None, currency: str | None) -> None:
    assert shown_price(text) == (None if price is None else Decimal(price), currency)


@pytest.mark.parametrize(("locale", "text", "amount", "currency"), CASES)
def test_a_price_of_a_country(locale: str, text: str, amount: str, currency: str) -> None:
    none = (None if amount == "-" else Decimal(amount), None if currency == "-" else currency)
    assert shown_price(text) == none, locale


def test_spaces_and_marks_of_direction_do_not_count() -> None:
    assert shown_price("1\u202f299,00\u00a0€") == (Decimal("1299.00"), "EUR")
    assert shown_price("\u200f1,299.00\u00a0\u200f₪") == (Decimal("1299.00"), "ILS")


def test_ranges_and_units() -> None:
    assert read_money("10,00 € – 20,00 €") == Money(Decimal("10.00"), "EUR", Decimal("20.00"))
    assert read_money("10 - 20 €") == Money(Decimal(10), "EUR", Decimal(20))
    assert read_money("4,99 € (12,48 €/kg)") == Money(Decimal("4.99"), "EUR")
    assert read_money("12,48 € / 100 g") == Money(Decimal("12.48"), "EUR", None, "100 g")


@pytest.mark.parametrize(
    ("sign", "language", "host", "code"),
    [
        ("$", "es-MX", "tienda.example", "MXN"),
        ("$", "es", "tienda.example.cl", "CLP"),
        ("$", "en", "shop.example.com.au", "AUD"),
        ("$", "en-US", "shop.example.ca", "CAD"),
        ("$", "fr-CA", "", "CAD"),
        ("$", "en", "shop.example", "$"),
        ("$", "de-DE", "shop.example.de", "$"),
        ("¥", "ja", "", "JPY"),
        ("¥", "zh-Hans-CN", "", "CNY"),
        ("kr", "sv", "", "SEK"),
        ("kr", "nb-NO", "", "NOK"),
        ("kr.", "da", "", "DKK"),
        ("kr", "en", "butik.example.se", "SEK"),
        ("EUR", "es-MX", "tienda.example.mx", "EUR"),
        (None, "es-MX", "tienda.example.mx", None),
    ],
)
def test_a_shared_sign_gets_its_country_from_host_and_language(
    sign: str | None, language: str, host: str, code: str | None
) -> None:
    assert local_currency(sign, language=language, host=host) == code


@pytest.mark.parametrize(
    ("published", "code"),
    [("eur", "EUR"), ("€", "EUR"), ("RUR", "RUB"), ("zł", "PLN"), ("$", "$"), (" ", None), (None, None)],
)
def test_a_currency(published: str | None, code: str | None) -> None:
    assert currency_code(published) == code
