"""Values of specifications: one way to write them, numbers with their unit."""

import re
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from unicodedata import normalize

__all__ = ["NormalValue", "normal_value"]

_KILOGRAMS = {"kg": "1000", "千克": "1000", "公斤": "1000", "斤": "500"}
_UNITS = (
    (
        "g",
        {
            "mg": "0.001",
            "毫克": "0.001",
            "g": "1",
            "克": "1",
            "kg": "1000",
            "千克": "1000",
            "公斤": "1000",
            "斤": "500",
        },
    ),
    ("ml", {"ml": "1", "毫升": "1", "cl": "10", "l": "1000", "升": "1000", "公升": "1000"}),
    (
        "mm",
        {"mm": "1", "毫米": "1", "cm": "10", "厘米": "10", "公分": "10", "m": "1000", "米": "1000", "km": "1000000"},
    ),
    ("W", {"w": "1", "瓦": "1", "kw": "1000", "千瓦": "1000"}),
    ("V", {"v": "1", "伏": "1", "kv": "1000"}),
    ("mAh", {"mah": "1", "毫安": "1", "毫安时": "1", "ah": "1000"}),
    ("Hz", {"hz": "1", "赫兹": "1", "khz": "1000", "mhz": "1000000", "ghz": "1000000000"}),
    ("MB", {"mb": "1", "gb": "1000", "tb": "1000000"}),
    ("月", {"个月": "1", "月": "1", "年": "12"}),
    ("天", {"天": "1", "日": "1"}),
    ("℃", {"°c": "1", "℃": "1", "摄氏度": "1"}),
    ("%", {"%": "1"}),
    ("", {"": "1"}),
)
_FACTORS = MappingProxyType(
    {written: (unit, Decimal(factor)) for unit, factors in _UNITS for written, factor in factors.items()}
)
_NUMBER = re.compile(r"([+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)\s*(\D{0,4})", re.ASCII)
_LONGEST_NUMBER = 40
"""Characters; a longer value is text."""


@dataclass(frozen=True, slots=True)
class NormalValue:
    """A value as all shops would write it."""

    text: str
    """The number in ``unit``, without trailing zeros; else the text, full-width signs and white space folded."""
    unit: str | None
    """g, ml, mm, W, V, mAh, Hz, MB (1 GB is 1,000), 月, 天, ℃ or %; None: no number, or one without a unit."""
    number: float | None
    """In ``unit``; None: the value is text."""


def normal_value(value: str) -> NormalValue:
    """Return a value in its normal form: ``0.5kg``, ``500 克`` and ``５００G`` are all 500 g.

    A value is a number only as a whole: ranges, sums and sizes (10-20cm, 2×3m, 160/84A) stay text, as does a
    number with a unit that is not known.
    """
    folded = " ".join(normalize("NFKC", value).split())
    found = _NUMBER.fullmatch(folded) if len(folded) <= _LONGEST_NUMBER else None
    unit = None if found is None else _FACTORS.get(found[2].strip().casefold())
    if found is None or unit is None:
        return NormalValue(folded, None, None)
    amount = Decimal(found[1].replace(",", "")) * unit[1]
    return NormalValue(_plain(amount), unit[0] or None, float(amount))


def _plain(amount: Decimal) -> str:
    """Write a number without exponent and without trailing zeros."""
    text = f"{amount:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "+0", "") else text
