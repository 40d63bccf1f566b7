"""One list of currencies, shared by pages, specifications and feeds."""

import re
from decimal import Decimal

import pytest
from babel.numbers import get_currency_precision, get_currency_symbol, get_territory_currencies, is_currency

from core.currencies import _NAMES, _OF_COUNTRY, CODE, ISO_CODES, SIGN, UNIT, currency_code, decimals_of
from crawler import parse_page

LOCALES = {
    "EUR": "de", "GBP": "en_GB", "RUB": "ru", "INR": "hi", "KRW": "ko", "ILS": "he", "UAH": "uk", "TRY": "tr",
    "THB": "th", "VND": "vi", "AUD": "en", "CAD": "en", "TWD": "en", "HKD": "en", "NZD": "en", "BRL": "pt",
    "MXN": "en", "PLN": "pl", "CZK": "cs", "HUF": "hu", "BGN": "bg", "HRK": "hr", "BYN": "be", "KZT": "kk",
    "NGN": "ha", "PHP": "fil", "IDR": "id", "MYR": "ms", "SAR": "ar_SA", "AED": "ar", "KWD": "ar", "EGP": "ar",
}  # fmt: skip
"""Code -> a locale for which Babel has a sign of this currency."""


@pytest.mark.parametrize("code", LOCALES)
def test_signs_agree_with_babel(code: str) -> None:
    """The sign of a currency in CLDR is read as that currency."""
    sign = get_currency_symbol(code, LOCALES[code]).strip("\u200f.")
    assert currency_code(sign) == code


def test_codes_are_of_iso_4217() -> None:
    """Codes of the list are in ISO 4217, except the common names of yuan and rupee."""
    codes = set(re.findall(r"[A-Z]{3}", CODE)) - {"RMB"}
    assert all(map(is_currency, codes))
    assert {currency_code(code) for code in codes} == codes


def test_iso_codes_are_of_iso_4217() -> None:
    assert all(map(is_currency, ISO_CODES))
    assert set(_NAMES) <= ISO_CODES


@pytest.mark.parametrize("country", _OF_COUNTRY)
def test_currencies_of_countries_agree_with_babel(country: str) -> None:
    """``uk`` and ``eu`` are names of hosts; pages of Bulgarian shops predate the euro, which replaced the lev."""
    code, today = _OF_COUNTRY[country], get_territory_currencies({"uk": "GB", "eu": "DE"}.get(country, country.upper()))
    assert code in today or (country, today) == ("bg", ["EUR"])


@pytest.mark.parametrize("sign", [*"$¥€£₽₹₩₪₴₺฿₫￥₸₦₱"])
def test_a_sign_is_money_everywhere(sign: str) -> None:
    """``₸ 500`` is a price on a page, not a specification."""
    page = f"<h1>A chair of oak</h1><p>{sign} 500</p><table><tr><td>Width</td><td>50 cm</td></tr>"
    page += f"<tr><td>Depth</td><td>40 cm</td></tr><tr><td>Surcharge</td><td>{sign} 7</td></tr></table>"
    record = parse_page(page.encode(), "https://shop.example/p/chair")
    assert record.price == Decimal(500)
    assert [spec.property for spec in record.specs] == ["Width", "Depth"]


def test_units_need_a_number() -> None:
    """Patterns compile, and words mean money only after a number."""
    assert re.fullmatch(rf"\d+ ?{UNIT}", "500 kr")
    assert not re.fullmatch(SIGN, "kr")


def test_decimals_agree_with_babel() -> None:
    """Only currencies without decimals in cash differ."""
    differ = {code for code in ISO_CODES if decimals_of(code) != get_currency_precision(code)}
    assert differ == {"AMD", "COP", "CRC", "HUF", "IDR", "KHR", "MNT", "TZS", "UZS"}
