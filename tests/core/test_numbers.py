"""Numbers as people write them."""

from decimal import Decimal

import pytest

from core.numbers import DecimalMark, Number, decimal_mark, find_numbers, fold_number, leading_number, read_number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", "42"),
        ("0,500", "0.5"),
        ("0.250", "0.25"),
        ("−7", "-7"),
        ("– 7,5", "-7.5"),
        ("+7", "7"),
        (".75", "0.75"),
        ("1½", "1.5"),
        ("2 ¾", "2.75"),
        ("3-1/8", "3.125"),
        ("5/16", "0.3125"),
        ("⅔", "0.666666667"),
        ("1 299", "1299"),
        ("1\u202f299,5", "1299.5"),
        ("1'299.50", "1299.50"),
        ("1.299.000", "1299000"),
        ("1.299.00", "1299"),
        ("1,299.5", "1299.5"),
        ("1.299,5", "1299.5"),
        ("1.299,500", "1299.5"),
        ("12,34,567", "1234567"),
        ("1299.000", "1299"),
        ("１２．５", "12.5"),
        ("١٢٫٥", "12.5"),
        ("१२.५", "12.5"),
        ("10³", "1000"),
        ("2.5 × 10⁶", "2500000"),
        ("3x10^-2", "0.03"),
        ("十二", "12"),
        ("一千零五十", "1050"),
        ("两亿三千万", "230000000"),
    ],
)
def test_a_number_with_one_reading(text: str, value: str) -> None:
    assert read_number(text) == Number(Decimal(value))


@pytest.mark.parametrize(
    "text", ["", "-", "1.2.3", "12.05.2026", "12,34,5", "16/9", "1/7000", "5′10″", "7²", "12 kg", "千", "x5", "1,,2"]
)
def test_what_is_no_number(text: str) -> None:
    assert read_number(text) is None


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("1.299", None, Number(Decimal("1.299"), Decimal(1299))),
        ("1,299", None, Number(Decimal(1299), Decimal("1.299"))),
        ("-1,299", None, Number(Decimal(-1299), Decimal("-1.299"))),
        ("1.299", ".", Number(Decimal("1.299"))),
        ("1.299", ",", Number(Decimal(1299))),
        ("1,299", ",", Number(Decimal("1.299"))),
        ("1,299", ".", Number(Decimal(1299))),
    ],
)
def test_three_digits_behind_a_mark_have_two_readings(text: str, decimal: DecimalMark | None, number: Number) -> None:
    assert read_number(text, decimal) == number


def test_the_number_at_the_start_and_the_rest() -> None:
    assert leading_number("−５ ºC") == (Number(Decimal(-5)), "°C")
    assert leading_number("1½in") == (Number(Decimal("1.5")), "in")
    assert leading_number("12 m²") == (Number(Decimal(12)), "m²")
    assert leading_number("about 5") is None


def test_folding_keeps_what_changes_the_meaning() -> None:
    assert fold_number("5 m²") == "5 m²"
    assert fold_number("Ｎº ５") == "Nº 5"
    assert fold_number("20 ℃") == "20 °C"
    assert fold_number("a\u200e1\u00a0½") == "a1 1/2"


def test_numbers_inside_a_text() -> None:
    found = find_numbers("2 x 1.299,00 on 12.05.2026 or 1 500")
    assert [(one.start, one.end, one.number.value) for one in found] == [
        (0, 1, Decimal(2)), (4, 12, Decimal("1299.00")), (30, 35, Decimal(1500)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["12,50", "1.299", "3,90"], ","),
        (["1.299.000"], ","),
        (["12.50", "1,299"], "."),
        (["12.50", "12,50"], None),
        (["12.50", *["12,50"] * 19], None),
        (["12.50", *["12,50"] * 20], ","),
        (["1.299", "5"], None),
        ([], None),
    ],
)
def test_mark_of_a_source_is_that_of_nearly_all_numbers(texts: list[str], mark: DecimalMark | None) -> None:
    assert decimal_mark(texts) == mark
