"""Amounts of money as people write them. Pages, feeds and specifications are read with these functions.

| function | reads |
|---|---|
| ``read_money`` | a text that a person wrote: ``ab 1.299,90 € inkl. MwSt.``, ``Pack of 6 $24`` |
| ``marked_price`` | a value of schema.org markup, where the point comes before decimals |
| ``stored_price`` | a value of a shop's own data: a number, or a text that a person wrote |
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise

from core.currencies import NAME, SHARED, currency_code, decimals_of
from core.numbers import DecimalMark, Number, NumberSpan, find_numbers, fold_number, han_value, read_number
from core.vocabulary import anywhere_pattern, squash

__all__ = ["Money", "is_other_price", "marked_price", "read_money", "stored_price"]

_MAX = Decimal(10) ** 13
"""Lowest amount that is an id and not a price; tables hold 14 digits before the point."""
_FINEST = Decimal("0.0001")
"""Smallest unit that tables hold."""
_LONGEST = 200
"""Maximum characters of a text that are read."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as a text states it."""

    amount: Decimal
    """The amount, or the lower end of a range."""
    currency: str | None = None
    """ISO 4217 code; a sign that several currencies share, or that has no code, stays as published."""
    upper: Decimal | None = None
    """Upper end of a range."""
    per: str | None = None
    """Unit that the amount is for, as published, such as ``100 g``."""


def marked_price(value: object, currency: str | None = None) -> Decimal | None:
    """Return a price of schema.org markup: a number, or text with a point before decimals; None if there is none.

    schema.org/price wants ``.`` as decimal sign and nothing else, so ``19.999`` has three decimals, except in
    currencies without decimals (``24.990`` CLP). Text that breaks the rule is read as people write (``1.299,00``).
    Zero means "not for sale" and yields None.
    """
    if isinstance(value, str):
        text = fold_number(value)
        number = read_number(text, "." if decimals_of(currency) else ",")
        written = number is not None and "," not in text and " " not in text
        return _positive(number.value) if number and written else _amount(text, currency)
    return _of_number(value)


def stored_price(value: object, currency: str | None = None) -> Decimal | None:
    """Return a price of a shop's own data, where texts are written as people do: ``24.990`` is 24990.

    Zero means "not for sale" and yields None.
    """
    return _amount(value, currency) if isinstance(value, str) else _of_number(value)


def _of_number(value: object) -> Decimal | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return _positive(Decimal(str(value))) if is_number else None


def _amount(text: str, currency: str | None) -> Decimal | None:
    found = read_money(text, currency)
    return found.amount if found else None


def _positive(amount: Decimal) -> Decimal | None:
    """Return an amount rounded to the smallest unit of tables, None if it is none."""
    if not amount.is_finite() or not 0 < amount < _MAX:
        return None
    rounded = amount.quantize(_FINEST)
    return (amount if amount == rounded else rounded) if rounded else None


_TIMES = {
    **dict.fromkeys(("万", "萬", "만"), 4), **dict.fromkeys(("億", "亿", "억"), 8),
    **dict.fromkeys(("lakh", "lakhs", "lac"), 5), **dict.fromkeys(("crore", "cr"), 7),
    **dict.fromkeys(("k", "rb", "ribu", "тыс", "тыс.", "тис", "тис.", "tys", "tys."), 3),
    **dict.fromkeys(("jt", "juta", "triệu", "tr", "млн", "млн.", "mio", "mio."), 6),
}  # fmt: skip
"""Word after a number -> number of zeros that it means."""
_TIMES_WORD = re.compile(
    rf" ?({'|'.join(map(re.escape, sorted(_TIMES, key=lambda w: -len(w))))})(?![A-Za-zÀ-ӿ\d])", re.IGNORECASE
)
_SIGNS = "€£$₹₽₪₴₺฿₫¥￥"
_PREFIXES = frozenset("$£¥￥₹₩₦₱฿₪")
"""Signs that stand before their amount where both sides are possible."""

_MYRIADS = re.compile(r"(\d+)[万萬](\d,?\d{3})(?= ?[円元])")
_WON = re.compile(
    r"(?<![\d.,])(?=[\d,]+[억만천])(?:(\d+)억 ?)?(?:([\d,]+)만 ?)?(?:(\d)천 ?)?(\d(?:,?\d{3}|\d{0,2}))?(?= ?원)"
)
"""An amount in words of 10^8, 10^4 and 10^3, such as ``12만 9천원``."""
_HAN_AMOUNT = re.compile(
    r"(?<![\d.,])[\d零〇一壹壱二贰弐两兩三叁参四肆五伍六陆七柒八捌九玖十拾百佰千仟万萬亿億]+(?= ?[元円圆圓块塊](?!\d))"
    r"|(?<=[¥￥])[一壹二贰两三叁四肆五伍六陆七柒八捌九玖十拾百佰千仟万萬]+"
)
_SUPERSCRIPT_CENTS = re.compile(r"(?<![\d.,])(\d+)[.,]?([⁰¹²³⁴-⁹]{2})(?![⁰¹²³⁴-⁹])")
_SUPERSCRIPTS = re.compile(r"[⁰¹²³⁴-⁹]+")
_SUPERSCRIPT_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_CENTS_BEHIND = re.compile(rf"(?<![{_SIGNS}\d.,])(?<![{_SIGNS}] )(\d{{1,5}})([€£$])(\d\d)(?![\d.,]|[{_SIGNS}])")
_SMALL_UNIT = re.compile(
    rf"(?<![\d.,])(\d{{1,6}}) ?({NAME.pattern}) ?(\d\d) ?(?:коп\w*\.?|gr|cts?|cents?|centimes?|bani|øre|öre)(?!\w)",
    re.IGNORECASE,
)
_CENTS_ALONE = re.compile(r"(?<![\w.,])(\d{1,2}) ?(?:¢|(p)(?!\w))")
_NO_CENTS = re.compile(r"(?<=\d)(?:[.,]|:)(?:[-–—]{1,2}|=)")
_SPACED_CENTS = re.compile(
    rf"((?:^|[{_SIGNS}] ?)\d[\d.,]*[.,]) (?=\d\d(?![\d.,]))|((?<![\w.,])\d[\d.]*[.,]) (?=\d\d ?(?:{NAME.pattern}))",
    re.IGNORECASE,
)
_DOUBLED_MARK = re.compile(r"(?<![\d.,])[.,]{2,}(?=\d\d(?![\d.,]))")

_COUNT_BEFORE = re.compile(
    r"(?:\b(?:pack|packs|packung|set|box|case|bundle|lot|bag|carton|pair|kit|tray|roll|sleeve|juego|caja|paquete|conjunto|caixa|jogo"
    r"|pacote|confezione|scatola|boîte|paquet|coffret|doos|pak|zestaw|komplet|sada|sæt|förpackning)"
    r"(?: (?:of|de|da|di|à|a|com|con|van|von|mit|med|met|po|с))?|\b(?:набор|комплект|упаковка)(?: (?:из|по))?"
    r"|\b(?:qty|quantity|menge|anzahl|quantité|cantidad|quantidade|quantità|aantal|ilość|počet|antal|кол-во|количество|数量|buy|any)"
    r")\.?:? ?[x×]? ?(?=\d)",
    re.IGNORECASE,
)
_COUNT_BEHIND = re.compile(
    r" ?(?:[x×](?![a-z])|(?:for|für|pour|por|per|voor|za|за)(?= \D{0,4}\d)"
    r"|-?(?:pcs?|pieces?|packs?|pk|pks|ct|count|counts|sets?|pairs?|dozen|dz|rolls?|sheets?|tablets?|capsules?|bottles?|cans?|boxes"
    r"|items?|units?|stk|stück|st|er[ -]?(?:pack|set)|pièces?|piezas?|peças|pezzi|stuks|kom|ks|db|szt|sztuk|шт|уп)\b\.?"
    r"|[个個件只支盒包袋本枚개입](?!\w*元))",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"\s*(?:-|–|—|~|～|〜|\.{2,3}|…|to|bis|à|a|до|至|đến|hasta|até|till|tot|do|and|und)\s*", re.IGNORECASE
)
_PER = re.compile(
    r"\s*(?:/|per\b|pro\b|je\b|le\b|la\b|por\b|za\b|за\b|每|毎)\s*(?P<unit>(?:\d+(?:[.,]\d+)?\s?)?(?:"
    r"kg|kilo|g|gr|mg|l|lt|ltr|liter|litre|ml|cl|m²|m2|m|cm|oz|lb|lbs|fl oz|кг|г|л|мл|м|公斤|斤|kus|ks|st|stk|stück|"
    r"pcs?|piece|each|unit|ea|mo|month|monat|mois|mes|mån|мес|week|day|tag|night|year)\b\.?)",
    re.IGNORECASE,
)
_INSTALMENT = re.compile(
    r"(?:[\d#]+\s?[x×](?:\s?de)?|payments? of|raten (?:von|à)|mensualit[ée]s? de|cuotas? de|mal)\W*$", re.IGNORECASE
)
_DISCOUNT = re.compile(
    r" ?(?:%|(?:off|rabatt|korting|descuento|desconto|de réduction|sconto|rabatu)\b|скидк)", re.IGNORECASE
)
"""What follows a share or an amount that is taken off."""
_NOW = re.compile(
    r"[^\w(]*(?:now|only|sale(?: price)?|jetzt|nur|aktuell|maintenant|ahora|agora|ora|adesso|nu|nyt|teraz|nyní|сейчас"
    r"|теперь|现价|特价|促销价|到手价|今|→|->|=>|>|\||/|,)?[^\w(]*",
    re.IGNORECASE,
)
"""What may stand between an old price and the one that replaces it."""


@dataclass(frozen=True, slots=True)
class _Amount:
    start: int
    end: int
    amount: Decimal
    currency: str | None
    per: str | None


@lru_cache(maxsize=4096)
def read_money(text: str, currency: str | None = None, decimal: DecimalMark | None = None) -> Money | None:
    """Return the amount of money in a text that a buyer pays; None if there is none (``0.00``, ``n/a``, ``20 %``).

    Of several amounts, one next to a currency is preferred, one that includes tax to one that does not, a price to a
    unit price or an instalment, the lower of two side by side. A count (``Pack of 6``, ``3 for``) is no amount.

    >>> read_money("1.299,00 €"), read_money("$12.50 - $20.00")
    (Money(amount=Decimal('1299.00'), currency='EUR', upper=None, per=None), \
Money(amount=Decimal('12.50'), currency='$', upper=Decimal('20.00'), per=None))
    >>> read_money("1.299", "EUR").amount, read_money("12.500", "KWD").amount, read_money("1.299", "EUR", ".").amount
    (Decimal('1299'), Decimal('12.500'), Decimal('1.299'))

    Args:
        text: A short text, such as ``ab 1.299,90 € inkl. MwSt.``; only its first 200 characters are read.
        currency: Code of the currency, known from elsewhere; the text's own takes precedence. Its number of decimals
            decides what a separator before three digits means: thousands, except where three decimals are usual.
        decimal: The mark before decimals in the other texts of the source (``core.numbers.decimal_mark``), if known.
            It decides the same for currencies that have decimals.
    """
    plain = _plain_text(text[:_LONGEST])
    found = _amounts(plain, currency, decimal)
    if not found:
        return None
    priced = [one for one in found if one.currency] or found
    best = _choose(plain, priced)
    upper = next((one.amount for one in found if one.start > best.start), None)
    lower = next((one for one in reversed(found) if one.end < best.start), None)
    code = best.currency or next((currency_code(name[0]) for name in NAME.finditer(plain)), None)
    if upper is not None and upper > best.amount and _is_range(plain, best, found):
        return Money(best.amount, code, upper, best.per)
    if lower is not None and not lower.currency and lower.amount < best.amount and _is_range(plain, lower, found):
        return Money(lower.amount, code, best.amount, best.per)
    return Money(best.amount, code, None, best.per)


@cache
def _words(name: str) -> re.Pattern[str]:
    return anywhere_pattern([files("core").joinpath(f"words/{name}.txt").read_text(encoding="utf-8")])


def is_other_price(text: str) -> bool:
    """Return whether a text has a word for an amount that is not paid now: an old price, shipping, an instalment."""
    return _words("old_prices").search(squash(text)) is not None


def _plain_text(text: str) -> str:
    """Return a text in which amounts have digits, decimals before the currency sign, and no count beside them."""
    folded = fold_number(text)
    if not folded.isascii():
        folded = _SUPERSCRIPT_CENTS.sub(lambda m: f"{m[1]}.{m[2].translate(_SUPERSCRIPT_DIGITS)}", folded)
        folded = _SUPERSCRIPTS.sub("", folded)  # marks of footnotes
        folded = _MYRIADS.sub(lambda m: m[1] + m[2].replace(",", ""), folded)
        folded = _WON.sub(_in_won, folded)
        folded = _HAN_AMOUNT.sub(lambda m: m[0] if m[0].isdecimal() else str(han_value(m[0]) or m[0]), folded)
    folded = _without_counts(_DOUBLED_MARK.sub(".", _NO_CENTS.sub("", folded)))
    folded = _CENTS_BEHIND.sub(r"\1.\3 \2", folded)
    folded = _SMALL_UNIT.sub(r"\1.\3 \2", folded)
    folded = _SPACED_CENTS.sub(lambda m: m[1] or m[2], folded)
    return _CENTS_ALONE.sub(lambda m: f"{'£' if m[2] else '$'} 0.{int(m[1]):02d}", folded)


def _in_won(found: re.Match[str]) -> str:
    parts = [int((part or "0").replace(",", "") or 0) for part in found.groups()]
    return str(sum(part * unit for part, unit in zip(parts, (10**8, 10**4, 10**3, 1), strict=True)))


_INTEGER = re.compile(r"(?<![\d.,])\d{1,4}(?![\d.,]*\d)", re.ASCII)


def _without_counts(text: str) -> str:
    """Return a text with counts of pieces replaced by ``#``, so that they are neither amounts nor parts of one."""
    taken: list[tuple[int, int]] = []
    for word in _COUNT_BEFORE.finditer(text):
        number = _INTEGER.match(text, word.end())
        if number and any(c.isdigit() for c in text[number.end() :]):
            taken.append(number.span())
    taken += [
        number.span()
        for number in _INTEGER.finditer(text)
        if text[: number.start()].rstrip()[-1:] not in _PREFIXES and _COUNT_BEHIND.match(text, number.end())
    ]
    for start, end in taken:
        text = f"{text[:start]}{'#' * (end - start)}{text[end:]}"
    return text


def _amounts(text: str, hint: str | None, decimal: DecimalMark | None) -> list[_Amount]:
    """Return all amounts above zero with the currency next to each."""
    numbers = [_with_times(text, one) for one in find_numbers(text)]
    found: list[_Amount] = []
    for one, (lead, tail) in zip(numbers, _currencies_of(text, numbers), strict=True):
        code = currency_code(_clearer(lead and lead[0], tail and tail[0]))
        amount = _positive(_reading(one.number, code or hint, decimal))
        after = tail[1] if tail and not lead else one.end
        if amount is None or _DISCOUNT.match(text, after) or _is_negative(text, one.start):
            continue
        per = _PER.match(text, after)
        found.append(_Amount(one.start, after, amount, code, per["unit"] if per else None))
    return found


def _with_times(text: str, one: NumberSpan) -> NumberSpan:
    """Return a number multiplied by the word behind it."""
    word = _TIMES_WORD.match(text, one.end)
    if word is None:
        return one
    value = min(one.number.value, one.number.other or one.number.value)  # 1.250 million has decimals
    return NumberSpan(one.start, word.end(), Number(value * 10 ** _TIMES[word[1].lower()]))


_Name = tuple[str, int]
"""A currency as written, and where it ends."""


def _currencies_of(text: str, numbers: list[NumberSpan]) -> list[tuple[_Name | None, _Name | None]]:
    """Return the currency before and after each number. One between two numbers belongs to the nearer."""
    leads: list[_Name | None] = [None] * len(numbers)
    tails: list[_Name | None] = [None] * len(numbers)
    names = _names(text)
    starts = {start for start, _, _ in names}
    for start, end, name in names:
        left = next((n for n, one in enumerate(numbers) if _follows(text, one.end, start)), None)
        right = next((n for n, one in enumerate(numbers) if _leads(text, end, one.start)), None)
        if left is not None and right is not None:
            gaps = start - numbers[left].end, numbers[right].start - end
            named_behind = {numbers[right].end, numbers[right].end + 1} & starts
            is_lead = leads[left] is not None or (name in _PREFIXES and not named_behind)
            if gaps[0] > gaps[1] or (gaps[0] == gaps[1] and is_lead):
                left = None
        if left is not None:
            tails[left] = tails[left] or (name, end)
        elif right is not None:
            leads[right] = (name, end)
    return list(zip(leads, tails, strict=True))


def _follows(text: str, end: int, start: int) -> bool:
    """Return whether a currency that starts here stands right behind a number that ends there."""
    return end <= start and text[end:start] in ("", " ")


def _leads(text: str, end: int, start: int) -> bool:
    """Return whether a currency that ends here stands right before a number that starts there."""
    return end <= start and text[end:start] in ("", " ", ":", ".", ": ")


def _names(text: str) -> list[tuple[int, int, str]]:
    """Return start, end and text of each currency; a code beside a shared sign (``NZD $``) is one with it."""
    found: list[tuple[int, int, str]] = []
    for name in NAME.finditer(text):
        start, end = name.span()
        last = found[-1] if found and text[found[-1][1] : start] in ("", " ") else None
        if last and _is_shared(last[2]) != _is_shared(name[0]) and (last[2] + name[0]).replace("$", "").isalpha():
            found[-1] = (last[0], end, name[0] if _is_shared(last[2]) else last[2])
        else:
            found.append((start, end, name[0]))
    return found


def _is_shared(name: str) -> bool:
    return name.lower() in SHARED


def _clearer(before: str | None, behind: str | None) -> str | None:
    """Return the currency before an amount, or the one after it if the first is shared (``$5 CAD``) or also a word."""
    if before and behind and (_is_shared(before) or (before.isalpha() and len(before) < 3)):
        return behind
    return before or behind


_COMMA_BEFORE_THREE = frozenset(("LYD", "TND"))
"""Of the currencies with three decimals, those whose countries write a comma before them, or a point."""


def _reading(number: Number, currency: str | None, decimal: DecimalMark | None) -> Decimal:
    """Return a number; of two readings the one that the currency and the other texts of the source suggest."""
    if number.other is None:
        return number.value
    mark = "." if number.value < number.other else ","
    if decimals_of(currency) == 3 and decimal is None:
        has_decimals = mark == "." or currency in _COMMA_BEFORE_THREE
    else:
        has_decimals = mark == decimal and decimals_of(currency) > 0
    return min(number.value, number.other) if has_decimals else max(number.value, number.other)


def _is_negative(text: str, start: int) -> bool:
    """Return whether a minus stands before a number and its currency, rather than separating two."""
    if "-" not in text[:start]:
        return False
    before = NAME.sub("", text[:start]).rstrip()
    return before[-1:] == "-" and not any(c.isdigit() or c == "#" for c in before)


def _choose(text: str, amounts: list[_Amount]) -> _Amount:
    """Return the amount that is paid: with tax, for the whole product, at once, and now."""
    first = amounts[0]
    for one, behind in pairwise(amounts):
        between, tail = squash(text[one.end : behind.start]), squash(text[behind.end :])
        said = [word.start() for word in _words("tax_included").finditer(between)]
        opens = bool(said) and said[-1] > between.rfind(")")
        without = _words("tax_excluded")
        if opens or (without.search(between) and not without.search(tail)):
            return behind
    whole = [
        one
        for one in amounts
        if not one.per and not _INSTALMENT.search(text[: one.start].removesuffix("R$").rstrip("€$£ "))
    ]
    if len(whole) > 1 and whole[0] is first and (is_other_price(text[: first.start]) or _replaces(text, *whole[:2])):
        return whole[1]
    return whole[0] if whole else first


def _replaces(text: str, old: _Amount, new: _Amount) -> bool:
    """Return whether an amount is the lower one of two side by side: ``$50 $40``, ``50 € → 40 €``."""
    alike = old.currency == new.currency and (old.currency is not None or _has_decimals(old) == _has_decimals(new))
    between = text[old.end : new.start]
    return alike and new.amount < old.amount and _NOW.fullmatch(NAME.sub("", between)) is not None


def _has_decimals(one: _Amount) -> bool:
    return one.amount.as_tuple().exponent != 0


def _is_range(text: str, one: _Amount, amounts: list[_Amount]) -> bool:
    """Return whether only a word for "to" separates an amount from the next."""
    behind = next((other for other in amounts if other.start > one.start), None)
    return behind is not None and bool(_RANGE.fullmatch(NAME.sub("", text[one.end : behind.start]) or " "))
