"""Currencies as shops write them: the one list of signs, codes and words, and the patterns made from it.

Babel's locale data would cost each process a tenth of a second and lacks much of what shops write (``руб.``,
``RMB``, ``us$``); a test compares the two.
"""

import re
import unicodedata

__all__ = [
    "CODE",
    "ISO_CODES",
    "NAME",
    "SHARED",
    "SIGN",
    "UNIT",
    "currency_code",
    "currency_of_country",
    "currency_sql",
    "local_currency",
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
"""Signs of several currencies -> these. They are money, but only a country or a code says which."""

_CODE_OF = {name.replace("_", " "): code for code, names in _NAMES.items() for name in names.split()}
_SYMBOLS = "".join(name for name in _CODE_OF if len(name) == 1 and unicodedata.category(name) == "Sc")
_ARABIC = "|".join(re.escape(name) for name in _CODE_OF if "." in name and unicodedata.bidirectional(name[0]) == "AL")

SIGN = f"(?:[$¥{_SYMBOLS}]|{_ARABIC})"
"""Pattern of signs that mean money wherever they stand."""
CODE = (
    "(?:USD|EUR|GBP|CNY|RMB|JPY|CAD|AUD|CHF|SEK|NOK|DKK|PLN|CZK|HUF|RON|BRL|MXN|INR|KRW|TWD|HKD|SGD|AED|SAR|ILS|TRY|RUB"
    "|VND|THB|IDR|MYR|PHP|ZAR|NZD|CLP|COP|ARS|PEN|UAH|KZT|KWD|QAR|BHD|OMR|EGP|MAD|TND|NGN|KES|PKR|BDT|LKR|BGN|RSD|ISK|Rs)"
)
"""Pattern of codes that pages write beside amounts; others (``ALL``, ``TOP``) are words as well."""
UNIT = r"(?:元|円|원|руб|р\.|грн|zł|Kč|Ft\b|kr\b|TL\b|[Ll]ei\b|лв|б\.\s?р)"
"""Pattern of words that mean money behind a number. Others of ``_NAMES`` (``br``, ``rm``) have further meanings."""

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
    """Return a pattern of names; those of letters are words of their own, but for scripts without spaces."""
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
"""Whatever means a currency beside a number."""


def currency_code(published: str | None) -> str | None:
    """Return the ISO 4217 code of a published currency; if several are possible, what was published."""
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
"""Country, as hosts and language tags name it -> its currency."""
_LANGUAGES = "ja:JPY zh:CNY sv:SEK da:DKK nb:NOK nn:NOK no:NOK is:ISK"
_OF_LANGUAGE = dict(pair.split(":") for pair in _LANGUAGES.split())
"""Language -> the currency among ``SHARED`` that its speakers mean, where no country is known."""


def currency_of_country(country: str) -> str | None:
    """Return the code of a country's currency, by the country's code in hosts and language tags."""
    return _OF_COUNTRY.get(country.lower())


def local_currency(sign: str | None, *, language: str = "", host: str = "") -> str | None:
    """Return the code of a sign that several currencies share, by language and host of the page.

    The country of the host wins over that of the language tag, and that over the language. A sign that none of them
    explains stays as it is.

    Args:
        sign: What ``currency_code`` returned.
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
