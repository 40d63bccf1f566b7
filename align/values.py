"""Specification values in normal form; the meaning of a value depends on its property."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from unicodedata import normalize

from core.numbers import DecimalMark, decimal_mark, fold_number, leading_number

__all__ = ["NormalValue", "is_code", "mark_of_lines", "normal_value"]

_UNITS = (
    (
        "g",
        {
            "1": "g gm 克 gram grams gramme grammes gramm",
            "0.001": "mg 毫克 milligram milligrams milligramme",
            "500": "斤",
        },
    ),
    ("g", {"1000": "kg kgs 千克 公斤 kilogram kilograms kilogramme kilogrammes kilogramm kilo kilos"}),
    ("g", {"28.349523125": "oz ozs ounce ounces 盎司 ℥", "453.59237": "lb lbs lbm pound pounds 磅"}),
    ("g", {"1000000": "吨 t tonne tonnes metricton metrictons"}),
    ("ml", {"1": "ml 毫升 milliliter milliliters millilitre millilitres cc ccm cm³ cubiccentimeter cubiccentimetre"}),
    ("ml", {"10": "cl centiliter centilitre centilitres", "100": "dl deciliter decilitre decilitres"}),
    ("ml", {"1000": "l 升 公升 liter liters litre litres dm³ cubicdecimeter cubicdecimetre", "1000000": "m³ 立方米"}),
    ("ml", {"29.5735295625": "floz fluidounce fluidounces ozfl usfloz", "473.176473": "pint pints pt ptliq p"}),
    ("ml", {"946.352946": "quart quarts qt", "3785.411784": "gal gallon gallons usgal", "28.4130625": "impfloz"}),
    ("ml", {"568.26125": "imperialpint imppint ukpint", "4546.09": "imperialgallon impgal ukgallon"}),
    (
        "mm",
        {
            "1": "mm 毫米 millimeter millimeters millimetre millimetres",
            "0.001": "µm um 微米 micrometer micrometre micron",
        },
    ),
    ("mm", {"10": "cm 厘米 公分 centimeter centimeters centimetre centimetres centimètres zentimeter"}),
    ("mm", {"100": "dm decimeter decimetre", "1000": "m 米 meter meters metre metres mètres"}),
    ("mm", {"1000000": "km 千米 公里 kilometer kilometers kilometre kilometres", "304.8": "ft foot feet ' ′ 英尺"}),
    ("mm", {"25.4": "in inch inches zoll pulgadas pouces 英寸 吋 \" ″ ” ''", "914.4": "yd yds yard yards"}),
    ("mm", {"1609344": "mi mile miles statutemile"}),
    ("W", {"1": "w 瓦 瓦特 watt watts", "1000": "kw 千瓦 kilowatt kilowatts"}),
    ("V", {"1": "v 伏 伏特 volt volts", "1000": "kv"}),
    ("A", {"1": "安培 amp amps ampere amperes", "0.001": "ma"}),
    ("mAh", {"1": "mah 毫安 毫安时", "1000": "ah 安时"}),
    ("kWh", {"1": "kwh 度电 kilowatthour kilowatt-hour kilowatthours", "0.001": "wh watthour watthours"}),
    ("Hz", {"1": "hz 赫兹 hertz", "1000": "khz", "1000000": "mhz", "1000000000": "ghz"}),
    ("MB", {"1": "mb mbyte mbytes megabyte megabytes", "1000": "gb gbyte gbytes gigabyte gigabytes"}),
    ("MB", {"0.001": "kb kbyte kbytes kilobyte kilobytes", "1000000": "tb tbyte tbytes terabyte terabytes"}),
    (
        "MB",
        {"0.000001": "byte bytes", "0.001024": "kib", "1.048576": "mib", "1073.741824": "gib", "1099511.627776": "tib"},
    ),
    ("s", {"1": "s 秒 sec secs second seconds sekunden", "0.001": "ms msec 毫秒 millisecond milliseconds"}),
    ("min", {"1": "min mins 分钟 minute minutes minuten", "60": "小时 个小时 h hs hour hours hr hrs stunden"}),
    ("天", {"1": "天 日 day days tage", "7": "周 week weeks wochen"}),
    ("月", {"1": "个月 月 month months monate", "12": "年 year years yr yrs jahre jahr annum a"}),
    ("℃", {"1": "°c ℃ 摄氏度"}),
    ("°", {"1": "° grad degree degrees deg degreeangle angulardegree"}),
    ("cd/m²", {"1": "cd/m² cd/m2 cd/㎡ nits nit"}),
    ("lm", {"1": "lm 流明 lumen lumens"}),
    ("dB", {"1": "db 分贝 decibel decibels"}),
    ("%", {"1": "% 百分之 pct prozent percent"}),
    ("g", {"1": "г гр gramos grammi グラム 그램", "0.001": "мг", "1000": "кг kilogramos キログラム キロ 킬로그램"}),
    ("ml", {"1": "мл cm3 ミリリットル", "1000": "л dm3 litros litri リットル 리터", "1000000": "m3"}),
    ("mm", {"1": "мм ミリ", "10": "см centímetros センチ 센티", "25.4": "дюйм дюйма дюймов pollici インチ 인치"}),
    ("mm", {"1000": "м metros metri メートル 미터"}),
    ("W", {"1": "вт ワット 와트", "1000": "квт"}),
    ("s", {"1": "sek сек segundos secondes"}),
    ("min", {"1": "мин minutos", "60": "std stunde heure heures hora horas ч час часа часов"}),
    ("天", {"1": "tag jour jours día días"}),
    ("月", {"1": "monat mois mes meses"}),
)
_FACTORS = MappingProxyType(
    {
        fold_number(word): (unit, Decimal(factor))
        for unit, factors in _UNITS
        for factor, words in factors.items()
        for word in words.split()
    }
)
_FLUID_OUNCE = Decimal("29.5735295625")
_SCALE_OF = MappingProxyType({"g": "mass", "ml": "volume", "mm": "length"})
_STARTS = re.compile(r"[-+–]? ?[.,]?\d|[⁰¹²³⁴-⁹]", re.ASCII)
_KEPT_FORM = re.compile("([^\u2070-\u209f²³¹ªº⁄½⅐-⅞¼¾′″´\u1d2c-\u1d6a]+)")
"""Runs of characters whose compatibility form has the same meaning; a superscript or a fraction is none."""
_POWER_OF_UNIT = re.compile("(?<=[a-z])[²³]")
"""As in m², which is also written m2."""
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
    "内存|存储|闪存|硬盘|显存|固态|memory|storage|speicher|\\bram\\b|\\brom\\b|\\bssd\\b|\\bhdd\\b|festplatte|\\bcache\\b|"
    "mémoire|stockage|disque|memoria|almacenamiento|память|накопител"
)
_MASS = re.compile("重|净含量|含量|规格|克|质量|weight|gewicht|poids|peso|mass|net|content|inhalt|portion")
_LENGTH = re.compile("长|宽|高|深|厚|径|距|length|width|height|depth|länge|breite|höhe|tiefe|cable|kabel")
_TIME = re.compile(
    "时|续航|寿命|time|hour|life|battery|running|zeit|dauer|stunden|laufzeit|akku|mtbf|durée|durata|duración|autonom"
)
_SIZE = re.compile("尺码|衣码|鞋码|型号|size|größe|talla|taille")
_VOLUME = re.compile(
    "容量|容积|水箱|capacity|volum|inhalt|fassungsverm|contenance|capacit|drink|beverage|flüssig|liquid|fluid"
)
_CURRENT = re.compile("电流|current|strom|amper|corriente|courant")
_ONLY = (
    ("mass", re.compile(r"重量|毛重|净重|\b(?:weight|gewicht|poids|peso)\b")),
    ("length", re.compile(r"高度|宽度|深度|厚度|直径|\b(?:height|width|depth|diameter|thickness|höhe|breite|tiefe)\b")),
)
"""Dimensions, and the names of properties that have no other."""
_OTHER_MEANING = re.compile(r"capacity|paper|grammage|load|traglast|resolution|auflösung|bit|colou?r|pixel|range|克重")
_LETTERS = MappingProxyType({"g": _MASS, "m": _LENGTH, "l": None, "h": _TIME, "a": _CURRENT})
"""Letter that can mean something else in upper case -> pattern of property names that make it a unit."""
_MASS_NAME = re.compile(r"\b(?:weight|gewicht|poids|peso)\b|重")
_MEMORY_LETTERS = MappingProxyType(
    {"k": Decimal("0.001"), "m": Decimal(1), "g": Decimal(1000), "t": Decimal(1_000_000)}
)
_LEADING_ZERO = re.compile(r"[-+–]? ?0\d", re.ASCII)
"""Begins identifiers, not numbers."""
_RARE = MappingProxyType(
    {
        "a": re.compile("year|age|alter|garantie|warranty"),
        "p": _VOLUME,
        "pt": _VOLUME,
        "г": re.compile("вес|масс|нетто|объ[её]м"),
    }
)
"""Units that mean something else in most properties (points, sizes, years) -> properties in which they are units."""
_FEET = re.compile(r"^(\d{1,3}) ?['′] ?(\d[\d /.-]*)(?:\"|″|''|”| ?in(?:ch(?:es)?)?)?$", re.ASCII)
"""``5'10"``: feet and inches."""
_TWO_UNITS = re.compile(r"(\D{1,12}?)[ ,-]{0,2}(\d.{0,20})", re.ASCII)
_MEASURED = re.compile(r"(\d[\d.,]*[.,]\d+) ?([^\W\d_]+|[\"″'′°%]\w?)", re.ASCII)
"""A number with a mark, and what may be its unit."""
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


def normal_value(value: str, name: str = "", decimal: DecimalMark | None = ".") -> NormalValue:
    """Return a value in normal form: ``0.5kg``, ``500 克`` and, under 净含量（g）, ``500`` are all 500 g.

    Only a whole value is a number: ranges, sums and sizes (10-20cm, 2×3m, 160/84A) and numbers with an unknown
    unit stay text. So do codes and identifiers: values of properties like 型号 or EAN, numbers with leading zeros,
    and numbers of more than seven digits without a unit.

    Args:
        value: Value as published.
        name: Name of its property as published; empty if unknown.
        decimal: The mark that its source puts before decimals. It decides ``1.500``; None: it is text.
    """
    text = NormalValue(_fold_text(value), None, None)
    if len(text.text) > _LONGEST_NUMBER or is_code(name):
        return text
    folded = _FEET.sub(r"\1 ft \2 in", fold_number(value))
    found = leading_number(folded, decimal) if _STARTS.match(folded) and not _LEADING_ZERO.match(folded) else None
    if found is None or found[0].other is not None:
        return text
    amount, written = found[0].value, found[1]
    unit = _unit(written, name) if written else _unit_of_name(name)
    if unit is None and written:
        return _sum(amount, written, name, decimal) or text
    if unit is not None:
        return _measure(amount * unit[1], unit[0])
    if "/" in folded:  # a share, or a size
        return text
    is_identifier = sum(c.isdecimal() for c in folded) > _LONGEST_PLAIN
    return text if is_identifier else NormalValue(_plain(amount), None, float(amount))


def mark_of_lines(lines: Iterable[tuple[str, str]]) -> DecimalMark | None:
    """Return the mark that a source puts before decimals, None if its numbers with a unit do not say.

    Numbers without a unit may be versions, as in ``Bluetooth 5.3``, which have a point everywhere.

    Args:
        lines: Property name and value of lines of the source.
    """
    return decimal_mark(number for name, value in lines if not is_code(name) for number in _measured(name, value))


def _measured(name: str, value: str) -> Iterator[str]:
    """Yield the numbers with a unit in a value."""
    if _unit_of_name(name):
        yield value
        return
    for found in _MEASURED.finditer(fold_number(value)):
        if _unit(found[2], name):
            yield found[1]


def _measure(amount: Decimal, unit: str) -> NormalValue:
    return NormalValue(_plain(amount), unit, float(amount))


def _sum(first: Decimal, rest: str, name: str, decimal: DecimalMark | None) -> NormalValue | None:
    """Return the value of two numbers in units of one kind, the second smaller: ``5'10"``, ``2 lb 3 oz``."""
    found = _TWO_UNITS.fullmatch(rest)
    second = leading_number(found[2], decimal) if found else None
    if found is None or second is None or second[0].other is not None or first < 0:
        return None
    large, small = _unit(found[1], name), _unit(second[1], name)
    if large is None or small is None or large[0] != small[0]:
        return None
    part = second[0].value * small[1]
    return _measure(first * large[1] + part, large[0]) if 0 <= part < large[1] else None


def _fold_text(value: str) -> str:
    """Return a text with white space and full-width characters folded; fractions and superscripts stay."""
    without = _POWER_OF_UNIT.sub(lambda found: normalize("NFKC", found[0]), value.replace("\u200b", ""))
    return " ".join(_KEPT_FORM.sub(lambda run: normalize("NFKC", run[1]), without).split())


@lru_cache(1 << 14)
def is_code(name: str) -> bool:
    """Return whether a property holds codes, model numbers or identifiers."""
    return _CODE.search(_spaced(name)) is not None


def _spaced(name: str) -> str:
    """Return a name in lower case, with the words of ``ItemModelNumber`` separated."""
    return _PACKED_WORD.sub(" ", normalize("NFKC", name)).replace("_", " ").casefold()


def _unit(written: str, name: str) -> tuple[str, Decimal] | None:  # noqa: PLR0911 - one of each rule
    """Return the normal unit and the factor of a written unit, which may depend on the property."""
    compact = written.lstrip("-").replace(" ", "").replace(".", "")
    word = compact.casefold()
    spaced = _spaced(name)
    if word.removesuffix("o") in _MEMORY_LETTERS and _MEMORY.search(spaced):  # octets, as French has them: Go, To
        return "MB", _MEMORY_LETTERS[word.removesuffix("o")]
    if compact == "B" and (not name or _MEMORY.search(spaced)):
        return "MB", Decimal("0.000001")
    if len(compact) == 1 and compact.isupper() and word in _LETTERS:
        return _letter(compact, name)
    if word in _RARE and name and not _RARE[word].search(spaced):
        return None
    if word in ("oz", "ozs", "ounce", "ounces") and _VOLUME.search(spaced) and not _MASS_NAME.search(spaced):
        return "ml", _FLUID_OUNCE
    if word in ("'", "′") and _TIME.search(spaced):
        return "min", Decimal(1)
    found = _FACTORS.get(word)
    return found if found is None or _fits(found[0], spaced) else None


def _fits(unit: str, name: str) -> bool:
    """Return whether a property can have a unit: a weight is no length."""
    if _OTHER_MEANING.search(name):
        return True
    wanted = {dimension for dimension, names in _ONLY if names.search(name)}
    return len(wanted) != 1 or _SCALE_OF.get(unit) in wanted or unit in ("%", "°")


def _letter(letter: str, name: str) -> tuple[str, Decimal] | None:
    """Return the unit of an upper-case letter."""
    if not _is_unit_letter(letter, name):
        return None
    return ("A", Decimal(1)) if letter == "A" else _FACTORS[letter.casefold()]


def _is_unit_letter(letter: str, name: str) -> bool:
    """Return whether an upper-case letter is a unit: G is grams, M metres and H hours if the property says so."""
    if not name:
        return letter in "GLA"
    spaced, wanted = _spaced(name), _LETTERS[letter.casefold()]
    return not _SIZE.search(spaced) if wanted is None else wanted.search(spaced) is not None


@lru_cache(1 << 14)
def _unit_of_name(name: str) -> tuple[str, Decimal] | None:
    """Return the unit that a name states, as in ``净含量（kg）`` or ``Weight (g)``."""
    found = _NAMED_UNIT.search(normalize("NFKC", name))
    return None if found is None else _FACTORS.get(fold_number(found[1]).casefold())


def _plain(amount: Decimal) -> str:
    """Return a number as text without exponent and trailing zeros."""
    text = f"{amount:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "+0", "") else text.removeprefix("+")
