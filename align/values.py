"""Specification values in normal form; the meaning of a value depends on its property."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from unicodedata import normalize

__all__ = ["NormalValue", "is_code", "normal_value"]

_UNITS = (
    ("g", {"1": "g gm 克 gram grams gramm gramme", "1000": "kg 千克 公斤 kilogram kilograms kilogramm kilo"}),
    (
        "g",
        {
            "0.001": "mg 毫克",
            "500": "斤",
            "28.349523125": "oz ounce ounces 盎司",
            "453.59237": "lb lbs pound pounds 磅",
        },
    ),
    ("g", {"1000000": "吨"}),
    ("ml", {"1": "ml 毫升 milliliter milliliters", "10": "cl", "1000": "l 升 公升 liter liters litre litres"}),
    ("ml", {"29.5735295625": "floz"}),
    ("mm", {"1": "mm 毫米 millimeter", "10": "cm 厘米 公分 centimeter centimeters centimètres zentimeter"}),
    ("mm", {"1000": "m 米 meter meters metre metres", "1000000": "km 千米 公里", "304.8": "ft foot feet 英尺"}),
    ("mm", {"25.4": "in inch inches zoll pulgadas pouces 英寸 吋 \" ″ ” ''"}),
    ("W", {"1": "w 瓦 瓦特 watt watts", "1000": "kw 千瓦"}),
    ("V", {"1": "v 伏 伏特 volt volts", "1000": "kv"}),
    ("A", {"1": "安培 amp amps ampere", "0.001": "ma"}),
    ("mAh", {"1": "mah 毫安 毫安时", "1000": "ah 安时"}),
    ("kWh", {"1": "kwh 度电"}),
    ("Hz", {"1": "hz 赫兹 hertz", "1000": "khz", "1000000": "mhz", "1000000000": "ghz"}),
    ("MB", {"1": "mb", "1000": "gb", "1000000": "tb"}),
    ("s", {"1": "秒 seconds sekunden", "0.001": "ms 毫秒"}),
    ("min", {"1": "min 分钟 minute minutes minuten", "60": "小时 个小时 h hour hours hr hrs stunden"}),
    ("天", {"1": "天 日 day days tage", "7": "周 week weeks wochen"}),
    ("月", {"1": "个月 月 month months monate", "12": "年 year years jahre jahr"}),
    ("℃", {"1": "°c ℃ 摄氏度"}),
    ("°", {"1": "° grad degrees"}),
    ("cd/m²", {"1": "cd/m² cd/m2 cd/㎡ nits nit"}),
    ("lm", {"1": "lm 流明 lumen lumens"}),
    ("dB", {"1": "db 分贝"}),
    ("%", {"1": "% 百分之 prozent percent"}),
)
_FACTORS = MappingProxyType(
    {
        normalize("NFKC", word): (unit, Decimal(factor))
        for unit, factors in _UNITS
        for factor, words in factors.items()
        for word in words.split()
    }
)
_NUMBER = re.compile(
    r"(?P<number>[+-]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?))\s*(?P<unit>[^\d\s](?:[^\d]{0,11}[^\d\s])?2?)?",
    re.ASCII,
)
_LONGEST_NUMBER = 40
"""Characters; longer values are text."""
_LONGEST_PLAIN = 7
"""Digits; a longer number without a unit is an identifier."""
_NAMED_UNIT = re.compile(r"(?:[(\[（【/]|\bin\b|单位[::]?)\s*([^\s()\[\]（）【】/]{1,12})\s*[)\]）】]?\s*$")
_CODE = re.compile(
    "型号|货号|编号|编码|代码|条码|条形码|批号|批准文号|许可证|备案|注册证|标准号|序列号|款号|版本|电话|邮编|网址|"
    r"\b(?:sku|ean\d*|gtin\d*|upc|isbn\d*|issn|asin|mpn|model|modell|modelo|modelnumber|itemmodelnumber|modelnr|serial|"
    r"code|codes|part|reference|referencia|ref|id|nr|number(?! of)|version|phone|tel|url)\b|"
    r"nummer\b|[a-z]number\b|\bartikelnr|bestellnr"
)
_MEMORY = re.compile(
    "内存|存储|闪存|硬盘|显存|固态|memory|storage|speicher|\\bram\\b|\\brom\\b|\\bssd\\b|\\bhdd\\b|festplatte"
)
_MASS = re.compile("重|净含量|含量|规格|克|质量|weight|gewicht|poids|peso|mass|net|content|inhalt|portion")
_LENGTH = re.compile("长|宽|高|深|厚|径|距|length|width|height|depth|länge|breite|höhe|tiefe|cable|kabel")
_TIME = re.compile(
    "时|续航|寿命|time|hour|life|battery|running|zeit|dauer|stunden|laufzeit|akku|mtbf|durée|durata|duración|autonom"
)
_SIZE = re.compile("尺码|衣码|鞋码|型号|size|größe|talla|taille")
_LETTERS = MappingProxyType({"g": _MASS, "m": _LENGTH, "l": None, "h": _TIME})
"""Letter that can mean something else in upper case -> pattern of property names that make it a unit."""
_PACKED_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class NormalValue:
    """A value in normal form."""

    text: str
    """The number in ``unit`` without trailing zeros, or the text with full-width characters and white space folded."""
    unit: str | None
    """g, ml, mm, W, V, A, mAh, kWh, Hz, MB (1 GB is 1,000), s, min, 天, 月, ℃, °, cd/m², lm, dB or %; None for text and
    for numbers without a unit."""
    number: float | None
    """The number in ``unit``, or None for text."""


def normal_value(value: str, name: str = "") -> NormalValue:
    """Return a value in normal form: ``0.5kg``, ``500 克`` and, under 净含量（g）, ``500`` are all 500 g.

    Only a whole value is a number: ranges, sums and sizes (10-20cm, 2×3m, 160/84A) and numbers with an unknown
    unit stay text. So do codes and identifiers: values of properties like 型号 or EAN, numbers with leading zeros,
    and numbers of more than seven digits without a unit.

    Args:
        value: Value as published.
        name: Name of its property as published; empty if unknown.
    """
    folded = " ".join(normalize("NFKC", value).replace("\u200b", "").split())
    found = _NUMBER.fullmatch(folded) if len(folded) <= _LONGEST_NUMBER and not is_code(name) else None
    if found is None or _has_leading_zero(found["number"]):
        return NormalValue(folded, None, None)
    amount = Decimal(_plain_digits(found["number"]))
    written = found["unit"] or ""
    unit = _unit(written, name) if written else _unit_of_name(name)
    if unit is not None:
        amount *= unit[1]
        return NormalValue(_plain(amount), unit[0], float(amount))
    if written or len(found["number"].lstrip("+-")) > _LONGEST_PLAIN:
        return NormalValue(folded, None, None)
    return NormalValue(_plain(amount), None, float(amount))


@lru_cache(1 << 14)
def is_code(name: str) -> bool:
    """Return whether a property holds codes, model numbers or identifiers."""
    return _CODE.search(_spaced(name)) is not None


def _spaced(name: str) -> str:
    """Return a name in lower case, with the words of ``ItemModelNumber`` separated."""
    return _PACKED_WORD.sub(" ", normalize("NFKC", name)).replace("_", " ").casefold()


def _has_leading_zero(number: str) -> bool:
    digits = number.lstrip("+-")
    return len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()


def _plain_digits(number: str) -> str:
    """Return a number with a decimal point: a comma separates thousands if three digits follow, else decimals."""
    whole, _, decimals = number.rpartition(",")
    if whole and "." not in number and len(decimals) != 3:
        return f"{whole.replace(',', '')}.{decimals}"
    return number.replace(",", "")


def _unit(written: str, name: str) -> tuple[str, Decimal] | None:
    """Return the normal unit and the factor of a written unit, which may depend on the property."""
    compact = written.replace(" ", "").rstrip(".")
    word = compact.casefold()
    if word in ("g", "m", "t") and _MEMORY.search(_spaced(name)):
        return "MB", Decimal({"g": 1000, "m": 1, "t": 1000000}[word])
    if len(compact) == 1 and compact.isupper() and compact.casefold() in _LETTERS:
        return _FACTORS[word] if _is_unit_letter(compact, name) else None
    return _FACTORS.get(word)


def _is_unit_letter(letter: str, name: str) -> bool:
    """Return whether an upper-case letter is a unit: G is grams, M metres and H hours if the property says so."""
    if not name:
        return letter in "GL"
    spaced, wanted = _spaced(name), _LETTERS[letter.casefold()]
    return not _SIZE.search(spaced) if wanted is None else wanted.search(spaced) is not None


@lru_cache(1 << 14)
def _unit_of_name(name: str) -> tuple[str, Decimal] | None:
    """Return the unit that a name states, as in ``净含量（kg）`` or ``Weight (g)``."""
    found = _NAMED_UNIT.search(normalize("NFKC", name))
    return None if found is None else _FACTORS.get(found[1].casefold())


def _plain(amount: Decimal) -> str:
    """Return a number as text without exponent and trailing zeros."""
    text = f"{amount:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "+0", "") else text.removeprefix("+")
