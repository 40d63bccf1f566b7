"""Numbers as people write them. Prices, quantities and feeds are read with these functions.

A separator before exactly three digits has two readings: ``1.299`` is 1299 in German and 1.299 in English. Such a
``Number`` holds both; what decides is the mark that the other numbers of a source use (``decimal_mark``), its language,
or the currency (``core.money``).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

__all__ = [
    "DecimalMark",
    "Number",
    "NumberSpan",
    "decimal_mark",
    "find_numbers",
    "fold_number",
    "leading_number",
    "read_number",
]

DecimalMark = Literal[".", ","]
"""Character before the decimals."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number that a text states."""

    value: Decimal
    """The number; of two readings the one with a point before decimals and a comma between thousands."""
    other: Decimal | None = None
    """The second reading of an ambiguous number: 1299 for ``1.299``, 1.299 for ``1,299``; None for others."""


@dataclass(frozen=True, slots=True)
class NumberSpan:
    """A number and its place in a folded text."""

    start: int
    end: int
    number: Number


_CLEAR = 20
"""Numbers with one mark for each with the other, so that a source written by one program differs from a mixture."""
_INVISIBLE = dict.fromkeys(
    map(
        ord,
        "\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    )
)
_SAME = str.maketrans(
    {
        **dict.fromkeys("\u2212\ufe63\uff0d\u2010\u2011\u2012", "-"),
        **dict.fromkeys("’‘ʼ´`＇", "'"),
        **dict.fromkeys("،﹐", ","),
        "˚": "°",
        "⁄": "/",
        "′": "′",
        "″": "″",
    }
)
"""Characters that mean the same beside digits."""
_KEPT = frozenset("²³¹⁰⁴⁵⁶⁷⁸⁹⁺⁻₀₁₂₃₄₅₆₇₈₉′″´ªº№™￥₨")
"""Characters whose compatibility form has another meaning: ``m²`` is not ``m2``, ``5″`` not ``5′′``."""
_ORDINAL_SIGN = re.compile(r"(?<=\d)( ?)º|º(?=[CF]\b)")
_MIDDLE_DOT = re.compile(r"(?<=\d)·(?=\d)")


@lru_cache(maxsize=16_384)
def fold_number(text: str) -> str:
    """Return a text with ASCII digits, signs and spaces; what changes the meaning of a number is kept.

    Digits of all scripts and widths become ASCII, ``½`` becomes ``1/2`` (``1½``: ``1 1/2``), minus signs ``-``,
    apostrophes ``'``, white space one space, ``º`` behind a number ``°``. Superscripts stay: ``10³`` is not 103.

    >>> fold_number("−５ ºC"), fold_number("1½ in"), fold_number("١٢٫٥ m²")
    ('-5 °C', '1 1/2 in', '12٫5 m²')
    """
    if not text.isascii():
        text = "".join(_folded(c) for c in text.translate(_INVISIBLE).translate(_SAME))
        text = _MIDDLE_DOT.sub(".", _ORDINAL_SIGN.sub(r"\1°", text))
    return " ".join(text.replace("`", "'").split())


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    if character.isascii() or character in _KEPT:
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if unicodedata.decomposition(character).startswith("<fraction>"):
        return f" {unicodedata.normalize('NFKC', character).replace('⁄', '/')}"
    return unicodedata.normalize("NFKC", character)


_DIGITS = r"\d{1,3}(?: \d{3})+(?!\d)(?:[.,٫]\d{1,3}(?![\d.,]))?|\d[\d.,'٬٫]*|(?<![\w.,])[.,٫]\d+"
_TOKEN = re.compile(_DIGITS, re.ASCII)
_FRACTION = re.compile(r"(?:(\d{1,4})[ -])?(\d{1,3})/(\d{1,3})(?![\d/.,]|\.\d)", re.ASCII)
_DENOMINATORS = frozenset((2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 32, 64, 100, 128))
"""Denominators of measures; ``16/7`` and ``1/1000`` are ratios."""
_POWER = re.compile(r"(?: ?[x×*·] ?10|(?<![\d.,])10)(?:\^(-?\d{1,2})|([⁺⁻]?[⁰¹²³⁴-⁹]{1,2}))")
_NORMAL_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_GROUPS = (
    re.compile(r"\d{1,3}([ .,'٬])\d{3}(?:\1\d{3})*"),
    re.compile(r"\d{1,2}(?:,\d{2})+,\d{3}"),
    re.compile(r"\d{1,4}(?:,\d{4})+"),
)
"""Thousands; lakhs and crores of India; myriads of East Asia."""


def read_number(text: str, decimal: DecimalMark | None = None) -> Number | None:
    """Return the number that a whole text is; None if it is none, or is malformed (``1.2.3``, ``12,34,5``).

    Read are all Unicode digits, thousands of all kinds (``1 299``, ``1'299``, ``1,23,456``), decimals with a point, a
    comma or ``٫``, fractions, powers of ten, a sign, and Chinese numerals. A lone 0 has no thousands: ``0,500`` is 0.5.

    >>> read_number("1.299,50").value, read_number("-1½").value, read_number("三百二十").value
    (Decimal('1299.50'), Decimal('-1.5'), Decimal('320'))
    >>> read_number("1.299")
    Number(value=Decimal('1.299'), other=Decimal('1299'))
    >>> read_number("1.299", decimal=",")
    Number(value=Decimal('1299'), other=None)

    Args:
        text: The text, folded or not.
        decimal: The mark that the source, language or column uses before decimals; it decides ambiguous numbers.
    """
    found = leading_number(text, decimal)
    return found[0] if found and not found[1] else None


def leading_number(text: str, decimal: DecimalMark | None = None) -> tuple[Number, str] | None:
    """Return the number at the start of a text and the folded rest without spaces around; None if there is none.

    >>> leading_number("1½ in"), leading_number("0,500kg")
    ((Number(value=Decimal('1.5'), other=None), 'in'), (Number(value=Decimal('0.500'), other=None), 'kg'))
    """
    folded = fold_number(text)
    sign = re.match(r"[-+–] ?", folded)
    start = sign.end() if sign else 0
    found = _fraction(folded, start) or _power(folded, start, decimal) or _digits(folded, start, decimal)
    found = found or _han_number(folded, start)
    if found is None:
        return None
    number = found.number
    if sign and sign[0][0] != "+":
        number = Number(-number.value, None if number.other is None else -number.other)
    return number, folded[found.end :].strip()


def find_numbers(folded: str, decimal: DecimalMark | None = None) -> Iterator[NumberSpan]:
    """Yield the numbers of digits in a folded text, without signs; malformed ones (dates, versions) are skipped."""
    at = 0
    while token := _TOKEN.search(folded, at):
        found = _digits(folded, token.start(), decimal)
        if found is not None:
            yield found
        at = max(token.end(), found.end if found else 0)


def decimal_mark(texts: Iterable[str]) -> DecimalMark | None:
    """Return the mark that a source puts before decimals; None unless nearly all of its numbers agree.

    Only numbers with one reading count: ``12,50`` and ``1.299.000`` speak for the comma, ``1,299`` for neither.

    >>> decimal_mark(["12,50", "1.299", "3,90"])
    ','
    """
    votes: Counter[DecimalMark] = Counter()
    for text in texts:
        folded = fold_number(text)
        for token in _TOKEN.finditer(folded):
            if vote := _vote(token[0].rstrip(".,'٬٫")):
                votes[vote] += 1
    point, comma = votes["."], votes[","]
    if not point + comma or max(point, comma) < _CLEAR * min(point, comma):
        return None
    return "." if point > comma else ","


def _vote(digits: str) -> DecimalMark | None:
    """Return the decimal mark that a number shows, None for one that shows none or has two readings."""
    marks = [c for c in digits if c in ".,"]
    number = _interpret(digits, None)
    if not marks or number is None or number.other is not None:
        return None
    has_decimals = number.value.as_tuple().exponent != 0
    return _mark(marks[-1] if has_decimals else "," if marks[-1] == "." else ".")


def _mark(character: str) -> DecimalMark:
    return "." if character == "." else ","


def _digits(folded: str, start: int, decimal: DecimalMark | None) -> NumberSpan | None:
    token = _TOKEN.match(folded, start)
    if token is None:
        return None
    digits = token[0].rstrip(".,'٬٫")
    number = _interpret(digits, decimal)
    return None if number is None else NumberSpan(start, start + len(digits), number)


def _interpret(digits: str, decimal: DecimalMark | None) -> Number | None:
    """Return a number of digits and marks; None if its marks stand where neither thousands nor decimals have them."""
    mark = next((c for c in reversed(digits) if c in ".,٫"), "")
    whole, _, rest = digits.rpartition(mark) if mark else (digits, "", "")
    if mark and mark not in whole:
        return _with_mark(whole, mark, rest, decimal)
    if (joined := _joined(digits)) is not None:  # several marks of one kind separate thousands
        return Number(Decimal(joined))
    front = _joined(whole) if mark and len(rest) in (1, 2) else None  # 1.299.00 can only be 1299.00
    return None if front is None else Number(Decimal(f"{front}.{rest}"))


def _with_mark(whole: str, mark: str, rest: str, decimal: DecimalMark | None) -> Number | None:
    """Return a number whose last mark occurs once."""
    front = _joined(whole) if whole else "0"
    if front is None or not rest.isdecimal():
        return None
    with_decimals = Decimal(f"{front}.{rest}")
    if mark == "٫" or len(rest) != 3 or not 0 < len(whole) <= 3 or whole[0] == "0":
        return Number(with_decimals)
    grouped = Decimal(whole + rest)
    if decimal is not None:
        return Number(with_decimals if decimal == mark else grouped)
    return Number(with_decimals, grouped) if mark == "." else Number(grouped, with_decimals)


def _joined(digits: str) -> str | None:
    """Return the digits of a number, with separators between its groups if any; None if these are no groups."""
    if not digits.isdecimal() and not any(pattern.fullmatch(digits) for pattern in _GROUPS):
        return None
    return re.sub(r"\D", "", digits)


_FINEST = Decimal("1e-9")


def _fraction(folded: str, start: int) -> NumberSpan | None:
    found = _FRACTION.match(folded, start)
    if found is None:
        return None
    whole, above, below = int(found[1] or 0), int(found[2]), int(found[3])
    if below not in _DENOMINATORS or above >= below:
        return None
    part = Decimal(above) / below
    return NumberSpan(start, found.end(), Number(whole + (part if part == round(part, 9) else part.quantize(_FINEST))))


def _power(folded: str, start: int, decimal: DecimalMark | None) -> NumberSpan | None:
    """Read ``10³`` and ``2.5 × 10^6``."""
    base = _digits(folded, start, decimal)
    alone = _POWER.match(folded, start)
    found = alone or (_POWER.match(folded, base.end) if base else None)
    if found is None:
        return None
    exponent = int(found[1] or found[2].translate(_NORMAL_DIGITS))
    factor = base.number.value if base and not alone else Decimal(1)
    return NumberSpan(start, found.end(), Number((factor * Decimal(10) ** exponent).normalize() + 0))


_HAN_DIGITS = {
    c: n
    for n, group in enumerate(
        ("零〇", "一壹壱", "二贰弐两兩", "三叁参", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
    )
    for c in group
}
_HAN_UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_HAN_MYRIADS = {**dict.fromkeys("万萬", 10**4), **dict.fromkeys("亿億", 10**8)}
_HAN = "".join((*_HAN_DIGITS, *_HAN_UNITS, *_HAN_MYRIADS))
_HAN_RUN = re.compile(rf"[{_HAN}]+")


def _han_number(folded: str, start: int) -> NumberSpan | None:
    found = _HAN_RUN.match(folded, start)
    value = han_value(found[0]) if found else None
    return NumberSpan(start, found.end(), Number(Decimal(value))) if found and value is not None else None


def han_value(numerals: str) -> int | None:
    """Return the number of Chinese numerals, with digits among them as in ``3万5千``; None if they are none.

    >>> han_value("三百二十"), han_value("3万5千"), han_value("二〇二四"), han_value("千")
    (320, 35000, 2024, None)
    """
    if not any(c in _HAN_DIGITS or c.isdigit() or c in "十拾" for c in numerals):
        return None
    total = section = 0
    pending = ""
    for c in numerals:
        if c in _HAN_UNITS:
            section += int(pending or 1) * _HAN_UNITS[c]
            pending = ""
        elif c in _HAN_MYRIADS:
            larger = total if total < _HAN_MYRIADS[c] else 0  # 三万亿: the myriads before it count too
            total += (larger + section + int(pending or 0)) * _HAN_MYRIADS[c] - larger
            section, pending = 0, ""
        else:
            pending += str(_HAN_DIGITS.get(c, c))
    return total + section + int(pending or 0)
