"""Prices and currencies as shops write them."""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import pairwise

from reader.text import anywhere, squash

__all__ = [
    "CODE",
    "ISO_CODES",
    "NAME",
    "SHARED",
    "SIGN",
    "UNIT",
    "Money",
    "currency_code",
    "currency_of_country",
    "currency_sql",
    "local_currency",
    "marked_price",
    "read_money",
    "shown_price",
]

_NAMES = {
    "EUR": "€ euro euros eur.",
    "GBP": "£ gb£",
    "RUB": "₽ руб руб. р. rur рублей",
    "INR": "₹ rs rs. रु रू",
    "KRW": "₩ 원",
    "ILS": "₪ nis ש\"ח ש''ח ש״ח",
    "UAH": "₴ грн грн.",
    "TRY": "₺ tl",
    "THB": "฿ บาท",
    "VND": "₫ đ vnđ đồng",
    "CNY": "元 人民币 rmb ￥ cn¥",
    "JPY": "円 jp¥",
    "USD": "us$ us_$ usd$",
    "CAD": "c$ c_$ ca$ cad$",
    "AUD": "a$ au$ au_$",
    "TWD": "nt$ nt",
    "HKD": "hk$",
    "SGD": "s$",
    "NZD": "nz$",
    "BRL": "r$",
    "MXN": "mx$ mxn$",
    "CLP": "clp$",
    "COP": "col$ cop$",
    "ARS": "ar$ ars$",
    "UYU": "$u",
    "PEN": "s/ s/.",
    "BOB": "bs bs.",
    "PYG": "₲ gs gs.",
    "CRC": "₡",
    "PLN": "zł zl",
    "CZK": "kč",
    "HUF": "ft",
    "RON": "lei",
    "BGN": "лв лв.",
    "HRK": "kn",
    "MKD": "ден ден.",
    "RSD": "дин дин. din din. рсд",
    "BAM": "km",
    "ALL": "lekë lek",
    "BYN": "б.р. br бел.руб.",
    "KZT": "₸ тг тг. теңге",
    "UZS": "so'm so‘m сум сўм",
    "AMD": "֏ դր",
    "GEL": "₾ ლარი",
    "AZN": "₼ манат",
    "MNT": "₮",
    "NGN": "₦",
    "GHS": "₵ gh₵ gh¢",
    "KES": "ksh ksh. kshs",
    "TZS": "tsh",
    "UGX": "ush",
    "ZAR": "r",
    "XOF": "fcfa cfa f_cfa",
    "PHP": "₱",
    "IDR": "rp rp.",
    "MYR": "rm",
    "BDT": "৳ tk টাকা",
    "LAK": "₭",
    "KHR": "៛",
    "SAR": "ر.س ر.س. sr ريال",
    "AED": "د.إ د.إ. درهم dhs",
    "QAR": "ر.ق ر.ق. qr",
    "OMR": "ر.ع. ر.ع",
    "BHD": "د.ب د.ب. bd",
    "KWD": "د.ك د.ك. kd",
    "JOD": "د.أ د.ا jd",
    "EGP": "ج.م ج.م. جنيه le l.e.",
    "MAD": "د.م. د.م dh",
    "TND": "د.ت د.ت. dt",
    "DZD": "د.ج د.ج. da",
    "IRR": "﷼ ریال",
    "CHF": "fr. sfr. sfr",
}
"""ISO 4217 code -> signs and words that mean this currency alone, in lower case; ``_`` is a space."""

SHARED = {
    "$": (
        "USD",
        "CAD",
        "AUD",
        "NZD",
        "SGD",
        "HKD",
        "TWD",
        "MXN",
        "CLP",
        "COP",
        "ARS",
        "UYU",
        "DOP",
        "BND",
        "JMD",
        "TTD",
    ),
    "¥": ("CNY", "JPY"),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
    "kr.": ("DKK", "SEK", "NOK", "ISK"),
}
"""Sign shared by several currencies -> these. It means money, but only a country or a code tells which."""

_CODE_OF = {name.replace("_", " "): code for code, names in _NAMES.items() for name in names.split()}
_SYMBOLS = "".join(name for name in _CODE_OF if len(name) == 1 and unicodedata.category(name) == "Sc")
_ARABIC = "|".join(re.escape(name) for name in _CODE_OF if "." in name and unicodedata.bidirectional(name[0]) == "AL")

SIGN = f"(?:[$¥{_SYMBOLS}]|{_ARABIC})"
"""Pattern of signs that mean money wherever they occur."""
CODE = (
    "(?:USD|EUR|GBP|CNY|RMB|JPY|CAD|AUD|CHF|SEK|NOK|DKK|PLN|CZK|HUF|RON|BRL|MXN|INR|KRW|TWD|HKD|SGD|AED|SAR|ILS|TRY|RUB"
    "|VND|THB|IDR|MYR|PHP|ZAR|NZD|CLP|COP|ARS|PEN|UAH|KZT|KWD|QAR|BHD|OMR|EGP|MAD|TND|NGN|KES|PKR|BDT|LKR|BGN|RSD|ISK|Rs)"
)
"""Pattern of codes that pages write next to amounts; others (``ALL``, ``TOP``) are words as well."""
UNIT = r"(?:元|円|원|руб|р\.|грн|zł|Kč|Ft\b|kr\b|TL\b|[Ll]ei\b|лв|б\.\s?р)"
"""Pattern of words that mean money after a number. Others of ``_NAMES`` (``br``, ``rm``) have further meanings."""

_ISO = (
    "AED ALL AMD AOA ARS AUD AZN BAM BDT BGN BHD BND BOB BRL BWP BYN CAD CHF CLP CNY COP CRC CZK DKK DOP DZD EGP "
    "ETB EUR GBP GEL GHS GTQ HKD HNL HRK HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KRW KWD KZT LAK LBP "
    "LKR LYD MAD MDL MKD MMK MNT MOP MUR MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PHP PKR PLN PYG QAR RON "
    "RSD RUB RWF SAR SEK SGD THB TJS TMT TND TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND XAF XOF ZAR ZMW "
)
ISO_CODES = frozenset(_ISO.split())
"""Codes of currencies that shops sell in."""

_LETTER = r"[^\W\d_]"


def _pattern(names: list[str]) -> str:
    """Return a pattern of names; those of letters match whole words only, except in scripts without spaces."""
    found = []
    for name in sorted(names, key=lambda n: (-len(n), n)):
        text = re.escape(name).replace(r"\ ", r"\s?")
        word = name[0].isalpha() and ord(name[0]) < 0x0E00
        ends = name[-1].isalpha() and ord(name[-1]) < 0x0E00
        found.append((rf"(?<!{_LETTER})" if word else "") + text + (rf"(?!{_LETTER})" if ends else ""))
    return "|".join(found)


NAME = re.compile(
    rf"(?<!{_LETTER})(?-i:{'|'.join(sorted(ISO_CODES))})(?!{_LETTER})|{_pattern([*_CODE_OF, *SHARED])}", re.IGNORECASE
)
"""Pattern of everything that means a currency next to a number."""


def currency_code(published: str | None) -> str | None:
    """Return the ISO 4217 code of a published currency; if ambiguous or unknown, the text as published."""
    text = (published or "").strip()
    if not text:
        return None
    code = _CODE_OF.get(text.lower())
    if code is None and re.fullmatch(r"[A-Za-z]{3}", text):
        return text.upper()
    return code or text[:12]


def currency_sql(text: str) -> str:
    """Return a DuckDB expression: ``currency_code`` of the SQL expression ``text``, which must be trimmed."""
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in _CODE_OF)
    codes = ", ".join(f"'{code}'" for code in _CODE_OF.values())
    known = f"list_extract([{codes}], list_position([{names}], lower({text})))"
    other = f"CASE WHEN regexp_full_match({text}, '[A-Za-z]{{3}}') THEN upper({text}) ELSE {text}[:12] END"
    return f"coalesce({known}, {other})"


_COUNTRIES = (
    "EUR:at,be,cy,de,ee,es,fi,fr,gr,hr,ie,it,lt,lu,lv,mt,nl,pt,si,sk,eu GBP:gb,uk USD:us CAD:ca AUD:au NZD:nz "
    "SGD:sg HKD:hk TWD:tw MXN:mx CLP:cl COP:co ARS:ar UYU:uy DOP:do BND:bn JMD:jm TTD:tt BRL:br PEN:pe BOB:bo "
    "PYG:py CRC:cr CNY:cn JPY:jp KRW:kr INR:in PKR:pk LKR:lk NPR:np MUR:mu BDT:bd VND:vn THB:th IDR:id MYR:my "
    "PHP:ph SEK:se NOK:no DKK:dk ISK:is CHF:ch PLN:pl CZK:cz HUF:hu RON:ro MDL:md BGN:bg RSD:rs BAM:ba MKD:mk "
    "ALL:al RUB:ru BYN:by UAH:ua KZT:kz UZS:uz KGS:kg GEL:ge AMD:am AZN:az TRY:tr ILS:il SAR:sa AED:ae QAR:qa "
    "OMR:om BHD:bh KWD:kw JOD:jo EGP:eg MAD:ma TND:tn DZD:dz IRR:ir IQD:iq NGN:ng KES:ke TZS:tz GHS:gh ZAR:za "
)
_OF_COUNTRY = {
    country: code
    for code, _, countries in (entry.partition(":") for entry in _COUNTRIES.split())
    for country in countries.split(",")
}
"""Country code, as in hosts and language tags -> its currency."""
_LANGUAGES = "ja:JPY zh:CNY sv:SEK da:DKK nb:NOK nn:NOK no:NOK is:ISK"
_OF_LANGUAGE = dict(pair.split(":") for pair in _LANGUAGES.split())
"""Language -> the currency among ``SHARED`` that its speakers mean if no country is known."""


def currency_of_country(country: str) -> str | None:
    """Return the code of a country's currency, by the country's code in hosts and language tags."""
    return _OF_COUNTRY.get(country.lower())


def local_currency(sign: str | None, *, language: str = "", host: str = "") -> str | None:
    """Return the code of a sign that several currencies share, by language and host of the page.

    The country of the host takes precedence over that of the language tag, and this over the language. A sign that
    none of them explains is returned unchanged.

    Args:
        sign: Result of ``currency_code``.
        language: Language tag, such as ``es-MX`` or ``zh_TW``.
        host: Host of the page, such as ``shop.example.com.au``.
    """
    shared = SHARED.get((sign or "").lower())
    if shared is None:
        return sign
    tongue, _, rest = language.replace("_", "-").lower().partition("-")
    countries = (host.lower().rstrip(".").rpartition(".")[2], rest.rpartition("-")[2])
    likely = [*(_OF_COUNTRY.get(country) for country in countries), _OF_LANGUAGE.get(tongue)]
    return next((code for code in likely if code in shared), sign)


_MAX = Decimal(10) ** 13
"""Lowest amount that is an id and not a price; tables hold 14 digits before the point."""
_FINEST = Decimal("0.0001")
"""Smallest unit that tables hold."""
_LONGEST = 200
"""Maximum characters of a text that are read."""
_PLAIN = re.compile(r"\d+(?:\.\d+)?")
_THREE = re.compile(r"\d{1,3}\.\d{3}")
_POINT_BEFORE_THREE = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))
"""Currencies with three decimals."""
_COMMA_BEFORE_THREE = frozenset(("LYD", "TND"))
"""Of these, the currencies whose countries write a comma before decimals."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as a text states it."""

    amount: Decimal
    """The amount, or the lower end of a range."""
    currency: str | None = None
    """ISO 4217 code; a sign that several currencies share stays as published."""
    upper: Decimal | None = None
    """Upper end of a range."""
    per: str | None = None
    """Unit that the amount is for, as published, such as ``100 g``."""


def marked_price(value: object, currency: str | None = None) -> Decimal | None:
    """Read a price from structured data: a number, or text with one.

    A point before exactly three digits separates thousands (``24.990``), except in currencies with three decimals.
    Zero means "not for sale" and yields None.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _positive(str(value))
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _PLAIN.fullmatch(text) and not (_THREE.fullmatch(text) and currency not in _POINT_BEFORE_THREE):
        return _positive(text)
    found = read_money(text, currency)
    return found.amount if found else None


def shown_price(text: str) -> tuple[Decimal | None, str | None]:
    """Return the amount that a buyer pays and its currency from a visible text, or None twice."""
    found = read_money(text)
    return (found.amount, found.currency) if found else (None, None)


def _positive(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 < amount < _MAX:
        return None
    rounded = amount.quantize(_FINEST)
    return (amount if amount == rounded else rounded) if rounded else None


_NUMBER = re.compile(r"\d{1,3}(?: \d{3})+(?!\d)(?:[.,٫]\d{1,3}(?!\d))?|\d[\d.,'٬٫]*|(?<![\w.,])[.,]\d\d(?!\d)")
_TIMES = {
    **dict.fromkeys(("万", "萬", "만"), 4), **dict.fromkeys(("億", "亿", "억"), 8),
    **dict.fromkeys(("lakh", "lakhs", "lac"), 5), **dict.fromkeys(("rb", "ribu", "тыс", "тыс."), 3),
    **dict.fromkeys(("jt", "juta", "triệu", "tr", "млн", "млн."), 6), **dict.fromkeys(("crore", "cr"), 7),
}  # fmt: skip
"""Word after a number -> number of zeros that it means."""
_TIMES_WORD = re.compile(
    rf" ?({'|'.join(map(re.escape, sorted(_TIMES, key=lambda w: -len(w))))})(?![A-Za-zÀ-ӿ\d])", re.IGNORECASE
)
_MYRIADS = re.compile(r"(\d+)万(\d{4})(?=\s?[円元])|(\d+)만(\d{4})(?=\s?원)")
_CENTS_BEHIND = re.compile(r"(\d) ?([€£$])(\d\d)(?![\d.,])")
_DASH = re.compile(r"(?<=\d)(?:[.,]|:)[-–—]{1,2}")
_RANGE = re.compile(r"\s*(?:-|–|—|~|～|〜|to|bis|à|a|до|至|đến|hasta|até|till|tot|do)\s*", re.IGNORECASE)
_PER = re.compile(
    r"\s*(?:/|per\b|pro\b|je\b|le\b|la\b|por\b|za\b|за\b|每|毎)\s*(?P<unit>(?:\d+(?:[.,]\d+)?\s?)?(?:"
    r"kg|kilo|g|gr|mg|l|lt|ltr|liter|litre|ml|cl|m²|m2|m|cm|oz|lb|lbs|fl oz|кг|г|л|мл|м|公斤|斤|kus|ks|st|stk|stück|"
    r"pcs?|piece|each|unit|ea|mo|month|monat|mois|mes|mån|мес|week|day|tag|night|year)\b\.?)",
    re.IGNORECASE,
)
_INSTALMENT = re.compile(
    r"(?:\d+\s?[x×](?:\s?de)?|payments? of|raten (?:von|à)|mensualit[ée]s? de|cuotas? de|mal)\W*$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Amount:
    start: int
    end: int
    amount: Decimal
    currency: str | None
    per: str | None


@lru_cache(maxsize=4096)
def read_money(text: str, currency: str | None = None) -> Money | None:
    """Return the amount of money in a text that a buyer pays; None if there is none.

    Of several amounts, one next to a currency is preferred, one that includes tax to one that does not, a price to a
    unit price or an instalment. Percentages and negative amounts do not count.

    Args:
        text: A short text, such as ``ab 1.299,90 € inkl. MwSt.``; only its beginning is read.
        currency: Currency known from elsewhere; it decides what a separator before three digits means.
    """
    plain = _plain_text(text[:_LONGEST])
    found = _amounts(plain, currency)
    if not found:
        return None
    priced = [one for one in found if one.currency] or found
    best = _choose(plain, priced)
    upper = next((one.amount for one in found if one.start > best.start), None)
    lower = next((one for one in reversed(found) if one.end < best.start), None)
    code = best.currency or next((currency_code(name[0]) for name in NAME.finditer(plain)), None)
    if upper is not None and upper > best.amount and _between(plain, best, found):
        return Money(best.amount, code, upper, best.per)
    if lower is not None and not lower.currency and lower.amount < best.amount and _between(plain, lower, found):
        return Money(lower.amount, code, best.amount, best.per)
    return Money(best.amount, code, None, best.per)


def _plain_text(text: str) -> str:
    """Return a text with ASCII digits, uniform spaces and apostrophes, and decimals before the currency sign."""
    text = text.replace("￥", " CN¥ ")  # the full-width sign is the yuan's, and NFKC would merge it with the yen's
    text = unicodedata.normalize("NFKC", text)
    digits = "".join(str(unicodedata.decimal(c, c)) for c in text) if not text.isascii() else text
    digits = " ".join(digits.replace("’", "'").replace("ʼ", "'").replace("`", "'").replace("\u066b", "٫").split())
    digits = _MYRIADS.sub(lambda m: f"{m[1] or m[3]}{m[2] or m[4]}", digits)
    return _CENTS_BEHIND.sub(r"\1.\3 \2", _DASH.sub("", digits))


def _amounts(text: str, hint: str | None) -> list[_Amount]:
    """Return all amounts above zero with the currency next to each."""
    names = [(name.start(), name.end(), name[0]) for name in NAME.finditer(text)]
    before = {end: name for _, end, name in names} | {
        end + 1: name for _, end, name in names if text[end : end + 1] == " "
    }
    before |= {end + 1: name for _, end, name in names if text[end : end + 1] in ":." and end + 1 not in before}
    behind = {start: (end, name) for start, end, name in names}
    found: list[_Amount] = []
    for number in _NUMBER.finditer(text):
        digits = number[0].rstrip(".,'٬٫")
        end = number.start() + len(digits)
        times = _TIMES_WORD.match(text, end)
        end = times.end() if times else end
        lead = before.get(number.start())
        tail = behind.get(end) or (behind.get(end + 1) if text[end : end + 1] == " " else None)
        code = currency_code(_clearer(lead, tail[1] if tail else None))
        amount = _positive(_decimal(digits, code or hint))
        after = tail[0] if tail and not lead else end
        if amount is None or text[after : after + 2].lstrip()[:1] == "%" or _is_negative(text, number.start()):
            continue
        amount = amount.scaleb(_TIMES[times[1].lower()]) if times else amount
        per = _PER.match(text, after)
        found.append(_Amount(number.start(), after, amount, code, per["unit"] if per else None))
    return found


def _clearer(before: str | None, behind: str | None) -> str | None:
    """Return the currency before an amount, or the one after it if the first is shared (``$5 CAD``) or also a word."""
    if before and behind and (before.lower() in SHARED or (before.isalpha() and len(before) < 3)):
        return behind
    return before or behind


def _decimal(digits: str, currency: str | None) -> str:
    """Return a number as ``Decimal`` reads it: without thousands separators, with a point before decimals."""
    digits = digits.replace("'", "").replace(" ", "").replace("٬", "")
    marks = [c for c in digits if c in ".,٫"]
    if not marks:
        return digits
    last = marks[-1]
    whole, _, rest = digits.rpartition(last)
    if len(set(marks)) > 1:
        decimal = marks.count(last) == 1
    elif len(marks) > 1:
        decimal = False
    else:
        decimal = len(rest) != 3 or not 0 < len(whole) <= 3 or whole == "0" or last == "٫" or _three(last, currency)
    whole = re.sub(r"[.,٫]", "", whole)
    return f"{whole}.{rest}" if decimal else whole + rest


def _three(mark: str, currency: str | None) -> bool:
    return currency in (_POINT_BEFORE_THREE if mark == "." else _COMMA_BEFORE_THREE)


def _is_negative(text: str, start: int) -> bool:
    """Return whether a minus sign precedes an amount, rather than separating two."""
    if "-" not in text[:start] and "−" not in text[:start]:
        return False
    before = NAME.sub("", text[:start]).rstrip()
    return before[-1:] in ("-", "−") and not any(c.isdigit() for c in before)


def _choose(text: str, amounts: list[_Amount]) -> _Amount:
    """Return the amount that is paid: with tax, for the whole product, at once, and now."""
    first = amounts[0]
    for one, behind in pairwise(amounts):
        between, tail = squash(text[one.end : behind.start]), squash(text[behind.end :])
        said = [word.start() for word in anywhere("tax_included").finditer(between)]
        opens = bool(said) and said[-1] > between.rfind(")")
        without = anywhere("tax_excluded")
        if opens or (without.search(between) and not without.search(tail)):
            return behind
    whole = [
        one
        for one in amounts
        if not one.per and not _INSTALMENT.search(text[: one.start].removesuffix("R$").rstrip("€$£ "))
    ]
    old = anywhere("old_prices").search(squash(text[: first.start]))
    if old and len(whole) > 1 and whole[0] is first:
        return whole[1]
    return whole[0] if whole else first


def _between(text: str, one: _Amount, amounts: list[_Amount]) -> bool:
    """Return whether only a word for "to" separates an amount from the next."""
    behind = next((other for other in amounts if other.start > one.start), None)
    return behind is not None and bool(_RANGE.fullmatch(NAME.sub("", text[one.end : behind.start]) or " "))
