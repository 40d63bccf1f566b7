import pytest
from hypothesis import given
from hypothesis import strategies as st

from align.values import NormalValue, mark_of_lines, normal_value
from core.numbers import DecimalMark


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        ("0.5kg", NormalValue("500", "g", 500.0)),
        ("500 克", NormalValue("500", "g", 500.0)),
        ("５００Ｇ", NormalValue("500", "g", 500.0)),
        ("1,250毫升", NormalValue("1250", "ml", 1250.0)),
        ("1.20 m", NormalValue("1200", "mm", 1200.0)),
        ("两年", NormalValue("两年", None, None)),
        ("2年", NormalValue("24", "月", 24.0)),
        ("-18℃", NormalValue("-18", "℃", -18.0)),
        ("42", NormalValue("42", None, 42.0)),
        ("10-20cm", NormalValue("10-20cm", None, None)),
        ("160/84A", NormalValue("160/84A", None, None)),
        ("7 光年", NormalValue("7 光年", None, None)),
        ("  深　蓝\n色 ", NormalValue("深 蓝 色", None, None)),
        ("", NormalValue("", None, None)),
        ("9" * 100_000, NormalValue("9" * 100_000, None, None)),
    ],
)
def test_values_have_one_form(value: str, normal: NormalValue) -> None:
    assert normal_value(value) == normal


@given(st.text(max_size=60))
def test_a_normal_form_is_its_own(value: str) -> None:
    once = normal_value(value)
    assert normal_value(once.text).text == once.text


@pytest.mark.parametrize(
    ("name", "value", "normal"),
    [
        ("内存", "16G", NormalValue("16000", "MB", 16000.0)),
        ("网络", "4G", NormalValue("4G", None, None)),
        ("净含量", "500G", NormalValue("500", "g", 500.0)),
        ("净含量（kg）", "5", NormalValue("5000", "g", 5000.0)),
        ("Weight (g)", "250", NormalValue("250", "g", 250.0)),
        ("ItemWeight", "1.76ounces", NormalValue("49.8951607", "g", 49.8951607)),
        ("Weight", "2 lbs", NormalValue("907.18474", "g", 907.18474)),
        ("屏幕", "27英寸", NormalValue("685.8", "mm", 685.8)),
        ("Diagonale", '27"', NormalValue("685.8", "mm", 685.8)),
        ("Diagonale", "68,6 cm", NormalValue("686", "mm", 686.0)),
        ("续航", "3小时", NormalValue("180", "min", 180.0)),
        ("age", "36months", NormalValue("36", "月", 36.0)),
        ("Item model number", "885624M", NormalValue("885624M", None, None)),
        ("", "885624M", NormalValue("885624M", None, None)),
        ("货号", "0012", NormalValue("0012", None, None)),
        ("规格", "007", NormalValue("007", None, None)),
        ("EAN", "4718755090219", NormalValue("4718755090219", None, None)),
        ("备注", "12345678", NormalValue("12345678", None, None)),
        ("尺码", "2L", NormalValue("2L", None, None)),
        ("Oberflächenhärte", "3H", NormalValue("3H", None, None)),
        ("Laufzeit", "5 H", NormalValue("300", "min", 300.0)),
        ("Helligkeit", "250 cd/m²", NormalValue("250", "cd/m²", 250.0)),
        ("面积", "3 m²", NormalValue("3 m2", None, None)),
        ("线长", "2M", NormalValue("2000", "mm", 2000.0)),
        ("尺寸", "5.2x1.8x4.5inches", NormalValue("5.2x1.8x4.5inches", None, None)),
        ("age", "3yearsandup", NormalValue("3yearsandup", None, None)),
    ],
)
def test_a_value_is_read_by_what_its_property_means(name: str, value: str, normal: NormalValue) -> None:
    assert normal_value(value, name) == normal


@pytest.mark.parametrize(
    ("name", "value", "normal"),
    [
        ("Weight", "0,375 kg", NormalValue("375", "g", 375.0)),
        ("", "0,125 l", NormalValue("125", "ml", 125.0)),
        ("Weight", "0.375 kg", NormalValue("375", "g", 375.0)),
        ("Screen", "2½ in", NormalValue("63.5", "mm", 63.5)),
        ("Width", '3 1/4"', NormalValue("82.55", "mm", 82.55)),
        ("Width", "2-1/2 inches", NormalValue("63.5", "mm", 63.5)),
        ("Height", "6'2\"", NormalValue("1879.6", "mm", 1879.6)),
        ("Height", "6 ft 2 in", NormalValue("1879.6", "mm", 1879.6)),
        ("Weight", "3 lb 8 oz", NormalValue("1587.5732950", "g", 1587.573295)),
        ("Temperature", "−7 ºC", NormalValue("-7", "℃", -7.0)),
        ("Count", "10³", NormalValue("1000", None, 1000.0)),
        ("Capacity", "8 oz", NormalValue("236.588236500", "ml", 236.5882365)),
        ("Weight", "8 oz", NormalValue("226.796185", "g", 226.796185)),
        ("Volume", "2 gallons", NormalValue("7570.823568", "ml", 7570.823568)),
        ("Weight", "4 tonnes", NormalValue("4000000", "g", 4000000.0)),
        ("Memory", "2 GiB", NormalValue("2147.483648", "MB", 2147.483648)),
        ("Cache", "256K", NormalValue("0.256", "MB", 0.256)),
        ("Weight", "12 cm", NormalValue("12 cm", None, None)),
        ("Height", "3 kg", NormalValue("3 kg", None, None)),
        ("Weight", "2 tons", NormalValue("2 tons", None, None)),  # short, long or metric
        ("Size", "10 x 20 x 30 cm", NormalValue("10 x 20 x 30 cm", None, None)),
        ("Font", "12 pt", NormalValue("12 pt", None, None)),
        ("Sleeve", "3/4", NormalValue("3/4", None, None)),
    ],
)
def test_quantities_keep_the_meaning_of_their_signs(name: str, value: str, normal: NormalValue) -> None:
    found = normal_value(value, name)
    assert found.unit == normal.unit
    assert found.number == pytest.approx(normal.number)
    assert normal.unit or found.text == normal.text


@pytest.mark.parametrize(
    ("value", "decimal", "text", "unit"),
    [
        ("1,500 kg", ".", "1500000", "g"),
        ("1,500 kg", ",", "1500", "g"),
        ("1.500 kg", ",", "1500000", "g"),
        ("1.500 kg", None, "1.500 kg", None),
        ("0,500 kg", None, "500", "g"),
        ("2,5 kg", None, "2500", "g"),
        ("1.500 kg 1.250 g", None, "1.500 kg 1.250 g", None),
        ("2.500", None, "2.500", None),
    ],
)
def test_numbers_with_two_readings_follow_their_source(
    value: str, decimal: DecimalMark | None, text: str, unit: str | None
) -> None:
    found = normal_value(value, decimal=decimal)
    assert (found.text, found.unit) == (text, unit)


@pytest.mark.parametrize(
    ("lines", "mark"),
    [
        ([("Gewicht", "1,5 kg"), ("Bluetooth", "5.3"), ("Breite", "1.200 mm")], ","),
        ([("Size", "12.5 x 3.4 cm")], "."),
        ([("Weight (kg)", "2.75")], "."),
        ([("Model", "12,5 V"), ("Leistung", "1.200 W")], None),
        ([("Gewicht", "1,5 kg"), ("Weight", "1.5 kg")], None),
    ],
)
def test_mark_of_a_source_is_that_of_its_numbers_with_units(
    lines: list[tuple[str, str]], mark: DecimalMark | None
) -> None:
    assert mark_of_lines(lines) == mark


@pytest.mark.parametrize(
    ("name", "value", "text", "unit"),
    [
        ("Вес", "1,5 кг", "1500", "g"),
        ("Вес", "500 г", "500", "g"),
        ("Год выпуска", "2024 г", "2024 г", None),
        ("Мощность", "1,2 кВт", "1200", "W"),
        ("重さ", "1.5キログラム", "1500", "g"),
        ("画面", "27インチ", "685.8", "mm"),
        ("무게", "2킬로그램", "2000", "g"),
        ("Autonomía", "10 horas", "600", "min"),
        ("Laufzeit", "3 Std.", "180", "min"),
        ("Stockage", "1,5 To", "1500000", "MB"),
        ("Mémoire", "16 Go", "16000", "MB"),
        ("Volume", "3 m3", "3000000", "ml"),
        ("Durée", "6 mois", "6", "月"),
        ("Weight", "5 kg ± 0.1 kg", "5 kg ± 0.1 kg", None),
        ("Voltage", "220-240 V", "220-240 V", None),
        ("Weight", "< 5 kg", "< 5 kg", None),
    ],
)
def test_units_of_many_languages_have_one_form(name: str, value: str, text: str, unit: str | None) -> None:
    found = normal_value(value, name)
    assert (found.text, found.unit) == (text, unit)
