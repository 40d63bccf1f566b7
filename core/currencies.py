"""Currencies as shops write them: codes, signs, words, countries, and the decimals that each has."""

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
    "decimals_of",
    "local_currency",
]

_NAMES = {
    "EUR": "€ euro euros eur.",
    "GBP": "£ gb£ ₤",
    "RUB": "₽ руб руб. р. р rur рубль рубля рублей",
    "INR": "₹ rs rs. रु रू र",
    "KRW": "₩ 원",
    "ILS": "₪ nis ש\"ח ש''ח ש״ח",
    "UAH": "₴ грн грн.",
    "TRY": "₺ tl",
    "THB": "฿ บาท",
    "VND": "₫ đ vnđ đồng",
    "CNY": "元 人民币 rmb ￥ cn¥",
    "JPY": "円 jp¥",
    "USD": "us$ us_$ usd$ $us $_us",
    "CAD": "c$ c_$ ca$ cad$ $ca $_ca",
    "AUD": "a$ au$ au_$ $au",
    "TWD": "nt$ nt",
    "HKD": "hk$ $hk",
    "SGD": "s$",
    "NZD": "nz$ $nz",
    "BRL": "r$",
    "MXN": "mx$ mxn$ $mx",
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
    "RSD": "дин дин. din din. dinara динара рсд",
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
    "CHF": "fr. fr sfr. sfr",
    "AFN": "؋",
    "BBD": "bds$",
    "BIF": "fbu",
    "BZD": "bz$",
    "CUP": "cu$",
    "CVE": "cv$ esc",
    "DOP": "rd$",
    "ERN": "nfk",
    "FJD": "fj$",
    "GNF": "fg",
    "GTQ": "q q.",
    "JMD": "j$ ja$",
    "LRD": "ld ld$",
    "MRU": "um",
    "MVR": "rf rf.",
    "NAD": "n$",
    "PAB": "b/.",
    "PKR": "pk₨ pkrs pkrs.",
    "TOP": "t$",
    "TTD": "tt$",
    "VUV": "vt",
    "XCD": "ec$",
    "ZMW": "zk",
    "ZWL": "z$",
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
    "₨": ("PKR", "INR", "LKR", "NPR", "MUR", "SCR"),
    "ƒ": ("AWG", "ANG"),
    "₣": ("CHF", "XPF"),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
    "kr.": ("DKK", "SEK", "NOK", "ISK"),
}
"""Sign shared by several currencies -> these. It means money, but only a country or a code tells which."""

_UNCODED = ("تومان", "تومن", "toman", "tomans", "₿", "₶", "cuc$")
"""Names of money that ISO 4217 gives no code: the toman (ten rials), bitcoin, pieces that are out of use."""
_CODE_OF = {name.replace("_", " "): code for code, names in _NAMES.items() for name in names.split()}
_SYMBOLS = "".join(
    name for name in (*_CODE_OF, *SHARED, *_UNCODED) if len(name) == 1 and unicodedata.category(name) == "Sc"
)
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
    "AFN ANG AWG BBD BIF BSD BTN BZD CDF CUP CVE DJF ERN FJD GIP GMD GNF GYD HTG KMF KPW KYD LRD LSL MGA MRU MVR "
    "MWK PGK SBD SCR SDG SLE SOS SRD SSP STN SYP SZL TOP VUV WST XCD XPF YER ZWL "
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


_LOWER = (
    "aed|aud|bgn|brl|byn|chf|cny|czk|dkk|eur|gbp|hkd|hrk|huf|idr|ils|inr|jpy|krw|kzt|mxn|myr|nok|nzd|php|pln|rmb|rsd"
    "|sgd|thb|twd|uah|usd|vnd|zar"
)
"""Codes that are no words in lower case either."""

NAME = re.compile(
    rf"(?<!{_LETTER})(?:(?-i:{'|'.join(sorted(ISO_CODES))})|{_LOWER})(?!{_LETTER})"
    rf"|{_pattern([*_CODE_OF, *SHARED, *_UNCODED])}",
    re.IGNORECASE,
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


_NO_DECIMALS = (
    "AFN ALL AMD BIF CLP COP CRC DJF GNF HUF IDR IQD IRR ISK JPY KHR KMF KPW KRW LAK LBP MGA MMK MNT PYG RSD RWF SOS "
    "SYP TZS UGX UZS VND VUV XAF XOF XPF YER"
)
_THREE_DECIMALS = "BHD JOD KWD LYD OMR TND"
_DECIMALS = {**dict.fromkeys(_NO_DECIMALS.split(), 0), **dict.fromkeys(_THREE_DECIMALS.split(), 3)}
"""Currencies without two decimals: the minor units of ISO 4217, as CLDR amends them by use, and by use in cash."""


def decimals_of(currency: str | None) -> int:
    """Return the number of decimals of a currency: 0 for JPY, 3 for KWD; 2 if it is unknown."""
    return _DECIMALS.get(currency or "", 2)
