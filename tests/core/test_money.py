"""Amounts of money as people and markup write them."""

from decimal import Decimal

import pytest

from core.currencies import currency_code, local_currency
from core.money import Money, marked_price, read_money, stored_price
from core.numbers import DecimalMark

from .price_cases import CASES


def _read(text: str) -> tuple[Decimal | None, str | None]:
    found = read_money(text)
    return (found.amount, found.currency) if found else (None, None)


@pytest.mark.parametrize(
    ("value", "currency", "price"),
    [
        (24990, "CLP", "24990"),
        ("24.990", "CLP", "24990"),
        ("19.999", "USD", "19.999"),
        ("3.350", "GBP", "3.350"),
        ("1.299", None, "1.299"),
        ("1,299", "EUR", "1299"),
        ("1 299,00", "EUR", "1299.00"),
        ("0,999", "EUR", "0.999"),
        ("$19.99", "USD", "19.99"),
        ("1,250", "KWD", "1250"),
        ("٣٫٥", "SAR", "3.5"),
        ("n/a", "EUR", None),
        ("1,299.00", "EUR", "1299.00"),
        ("1.299,00", "EUR", "1299.00"),
        ("12.500", "KWD", "12.500"),
        ("12.500", "EUR", "12.500"),
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
def test_a__read(text: str, price: str | None, currency: str | None) -> None:
    assert _read(text) == (None if price is None else Decimal(price), currency)


@pytest.mark.parametrize(("locale", "text", "amount", "currency"), CASES)
def test_a_price_of_a_country(locale: str, text: str, amount: str, currency: str) -> None:
    none = (None if amount == "-" else Decimal(amount), None if currency == "-" else currency)
    assert _read(text) == none, locale


def test_spaces_and_marks_of_direction_do_not_count() -> None:
    assert _read("1\u202f299,00\u00a0€") == (Decimal("1299.00"), "EUR")
    assert _read("\u200f1,299.00\u00a0\u200f₪") == (Decimal("1299.00"), "ILS")


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


@pytest.mark.parametrize(
    ("text", "price", "currency"),
    [
        ("Pack of 12 $30", "30", "$"),
        ("Set of 3 €45", "45", "EUR"),
        ("Set of 3€45", "45", "EUR"),
        ("Box of 8 350 €", "350", "EUR"),
        ("Lot de 2 15,90 €", "15.90", "EUR"),
        ("Qty 2 £7.50", "7.50", "GBP"),
        ("4 x 2,50 €", "2.50", "EUR"),
        ("2 for $15", "15", "$"),
        ("3 für 120 kr", "120", "kr"),
        ("36 pcs 8.99", "8.99", None),
        ("12-pack $18", "18", "$"),
        ("8 $ 20", "20", "$"),
        ("12 pcs", None, None),
    ],
)
def test_a_count_is_no_part_of_a_price(text: str, price: str | None, currency: str | None) -> None:
    assert _read(text) == (None if price is None else Decimal(price), currency)


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("$60 $45", "45"),
        ("$60$45", "45"),
        ("$45 $60", "45"),
        ("60,00 € → 45,00 €", "45.00"),
        ("$60 now $45", "45"),
        ("Now $45 was $60", "45"),
        ("200 kr 150 kr", "150"),
        ("€60 $45", "60"),
        ("$8 off $45", "45"),
    ],
)
def test_of_two_prices_the_lower_is_paid(text: str, price: str) -> None:
    """Two currencies are no old and new price."""
    assert _read(text)[0] == Decimal(price)


@pytest.mark.parametrize(
    ("text", "price", "currency"),
    [
        ("７５．５０ €", "75.50", "EUR"),
        ("٧٥٫٥٠ ر.س", "75.50", "SAR"),
        ("₹७५०", "750", "INR"),
        ("三百二十元", "320", "CNY"),
        ("3万5千円", "35000", "JPY"),
        ("1’299.50 CHF", "1299.50", "CHF"),
        ("1\u2009299,50 €", "1299.50", "EUR"),
        ("Rs. 12,34,567", "1234567", "INR"),
        ("7€95", "7.95", "EUR"),
        ("7⁹⁵ €", "7.95", "EUR"),
        ("7,95 €¹", "7.95", "EUR"),
        ("£7·95", "7.95", "GBP"),
        ("7 руб. 95 коп.", "7.95", "RUB"),
        ("95¢", "0.95", "$"),
        ("85p", "0.85", "GBP"),
        ("7. 95 €", "7.95", "EUR"),
        ("NZD $7.95", "7.95", "NZD"),
        ("7,95 pln", "7.95", "PLN"),
        ("5.– CHF", "5", "CHF"),
        ("12.05.2026", None, None),
    ],
)
def test_digits_signs_and_cents_of_all_scripts(text: str, price: str | None, currency: str | None) -> None:
    assert _read(text) == (None if price is None else Decimal(price), currency)


@pytest.mark.parametrize(
    ("text", "currency", "decimal", "price"),
    [
        ("1.299", "EUR", None, "1299"),
        ("1,299", "EUR", None, "1299"),
        ("1.299", "EUR", ".", "1.299"),
        ("1.299", "EUR", ",", "1299"),
        ("1,299", "EUR", ",", "1.299"),
        ("1.299", "CLP", ".", "1299"),
        ("1.299", "KWD", None, "1.299"),
        ("1,299", "KWD", None, "1299"),
        ("1.299", "KWD", ",", "1299"),
        ("1,299", "TND", None, "1.299"),
        ("0.999", "EUR", ",", "0.999"),
    ],
)
def test_a_separator_before_three_digits(text: str, currency: str, decimal: DecimalMark | None, price: str) -> None:
    found = read_money(text, currency, decimal)
    assert found is not None
    assert found.amount == Decimal(price)


def test_stored_prices_are_written_by_people() -> None:
    assert [stored_price(value) for value in ("24.990", 24.99, "24,99 €", 0, True, None)] == [
        Decimal(24990), Decimal("24.99"), Decimal("24.99"), None, None, None,
    ]  # fmt: skip
