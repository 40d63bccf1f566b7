"""Candidates for the price, the list price and the currency."""

import re
import unicodedata
from collections import Counter
from decimal import Decimal
from urllib.parse import urlsplit

from lxml import html

from crawler.pages.currencies import CODE, SIGN, UNIT, currency_code
from crawler.pages.evidence import Candidate, Page, Pool, bucket
from crawler.pages.prices import marked_price, shown_price
from crawler.pages.state import key_words
from crawler.pages.text import anywhere, squash
from crawler.pages.visible import Run

__all__ = ["currencies", "prices"]

_SIGNS = "".join(chr(code) for code in range(0x20, 0x20D0) if unicodedata.category(chr(code)) == "Sc")
_MONEY = re.compile(rf"{SIGN}|[{_SIGNS}]|(?<![A-Za-z]){CODE}\b|\d\s*{UNIT}|\d,-(?:\s|$)")
_UP_TO_CENTS = re.compile(rf"(?:[\d.,\s]|{SIGN})*\d[.,]?")
_PER = re.compile(r"/\s*(?:m(?:o|onth)|(?:100\s?)?(?:g|kg|ml|l|oz|lb)\b)|x\s*\d", re.IGNORECASE)
_PLAIN = re.compile(r"[^\w\n]*\d[\d.,'’\s]*(?:[-–~—]\s*\d[\d.,'’\s]*)?[^\w\n]*")
_STRUCK = frozenset(("del", "s", "strike"))
_MAX_RUNS = 80
_MAX_PROPERTIES = 120
_KEYS = re.compile(r"price|amount|cost|(?:^|-)value$")
_CENT = Decimal("0.01")


def prices(page: Page) -> list[Candidate]:
    """Return candidates for the amount that the buyer pays now."""
    pool = Pool()
    for one in page.marked:
        for place, amount in enumerate(one.prices or ([one.price] if one.price is not None else [])):
            evidence = [f"m:{one.origin}", f"m:place:{bucket(place)}", f"m:of:{bucket(len(one.prices))}"]
            evidence += ["m:lowest"] if one.prices and amount == min(one.prices) else []
            pool.add(amount.quantize(_CENT), amount, one.origin, evidence)
    found = _amount_runs(page)
    shapes = Counter((run.element.tag, run.element.get("class")) for _, run in found)
    amounts = [(index, shown_price(_whole(page, index))[0]) for index, _ in found]
    behind = 0
    for place, (index, run) in enumerate(found):
        amount = amounts[place][1]
        if amount is not None:
            behind += index >= page.seen.title_span[1]
            evidence = [*_shown_evidence(page, index), f"nth:{bucket(behind)}"]
            evidence += _beside(amounts, place)
            evidence.append(f"alike:{bucket(shapes[run.element.tag, run.element.get('class')])}")
            pool.add(amount.quantize(_CENT), amount, "html:price", evidence)
    _from_state(page, pool)
    return pool.candidates()


def _beside(amounts: list[tuple[int, Decimal | None]], place: int) -> list[str]:
    """Return evidence of the amounts just before and after: a price stands beside the higher one that it replaced."""
    index, amount = amounts[place]
    found = []
    for name, other in (("before", place - 1), ("behind", place + 1)):
        beside = amounts[other][1] if 0 <= other < len(amounts) and abs(amounts[other][0] - index) <= 5 else None
        if beside is None or amount is None:
            found.append(f"{name}:none")
        else:
            found.append(f"{name}:{'same' if beside == amount else 'higher' if beside > amount else 'lower'}")
    return [*found, "+".join(found)]


def _amount_runs(page: Page) -> list[tuple[int, Run]]:
    """Return short texts with an amount of money, or with only a number in an element that is called a price."""
    title = page.seen.title_span
    found: list[tuple[int, Run]] = []
    for index, run in enumerate(page.seen.runs):
        text = run.text
        if len(text) > 60 or title[0] <= index < title[1] or not any(c.isdigit() for c in text):
            continue
        if _MONEY.search(text) or (_PLAIN.fullmatch(text) and _called_price(page, index)):
            found.append((index, run))
            if len(found) >= _MAX_RUNS:
                break
    return found


def _called_price(page: Page, index: int) -> bool:
    names = page.own_names(page.seen.runs[index].element)
    return any("price" in name or "amount" in name for name in names) or bool(_MONEY.search(_line(page, index)))


def _shown_evidence(page: Page, index: int) -> list[str]:
    run = page.seen.runs[index]
    found = [*page.around(run.element), *page.distance(index), page.from_title(run.element)]
    outer: html.HtmlElement | None = run.element
    for _ in range(4):
        if outer is None:
            break
        if outer.tag in _STRUCK or "line-through" in (outer.get("style") or ""):
            found.append("struck")
        if outer.tag == "a":
            found.append("in-link")
        outer = outer.getparent()
    label = _label_of(page, index)
    found += [f"label:{word}" for word in squash(label).split()[:4]]
    if anywhere("old_prices").search(squash(label)):
        found.append("says:old")
    if _PER.search(label):
        found.append("says:per")
    if run.hidden:
        found.append("hidden")
    found.append("money" if _MONEY.search(run.text) else "bare")
    start, end = page.seen.title_span
    if index >= end > 0:
        found.append("after-title")
    return found


def _label_of(page: Page, index: int) -> str:
    """Return a run with its neighbours that have no digits, on the line or ending in a colon."""
    runs = page.seen.runs
    texts = [runs[index].text]
    if index and not any(c.isdigit() for c in runs[index - 1].text) and len(runs[index - 1].text) < 30:
        texts.insert(0, runs[index - 1].text)
    if index + 1 < len(runs) and runs[index + 1].line == runs[index].line and len(runs[index + 1].text) < 30:
        texts.append(runs[index + 1].text)
    return " ".join(texts)


def _line(page: Page, index: int) -> str:
    start, end = _line_span(page.seen.runs, index)
    return page.seen.text(start, end) if end - start < 8 else page.seen.runs[index].text


def _line_span(runs: list[Run], index: int) -> tuple[int, int]:
    start, end = index, index + 1
    while start and runs[start - 1].line == runs[index].line and index - start < 8:
        start -= 1
    while end < len(runs) and runs[end].line == runs[index].line and end - index < 8:
        end += 1
    return start, end


def _whole(page: Page, index: int) -> str:
    """Return the text of a price. Decimals in their own element (``173<sup>34</sup> Lei``) get a point."""
    runs = page.seen.runs
    text = runs[index].text
    start, end = _line_span(runs, index)
    following = runs[index + 1] if index + 1 < end else None
    if following is not None and following.element is not runs[index].element and _UP_TO_CENTS.fullmatch(text):
        cents = re.fullmatch(r"[.,]?(\d{2})\b(.*)", following.text)
        if cents and not re.search(r"[.,]\d{2}$", text):
            text = f"{text.rstrip('.,')}.{cents[1]} {cents[2]}"
    signs = " ".join(
        run.text for run in runs[start:end] if len(run.text) <= 4 and not any(c.isdigit() for c in run.text)
    )
    return f"{signs} {text}" if signs and not _MONEY.search(text) else text


def _from_state(page: Page, pool: Pool) -> None:
    """Add prices in state. Whole numbers may be cents, so they stand for two candidates."""
    count = 0
    for one in page.objects:
        for key, value in one.values.items():
            words = key_words(key)
            if (
                not _KEYS.search(words)
                or isinstance(value, bool)
                or value in (None, "", 0, "0")
                or count > _MAX_PROPERTIES
            ):
                continue
            amount = marked_price(value) if not isinstance(value, str) or len(value) < 40 else None
            if amount is None:
                continue
            count += 1
            evidence = page.of_object(one, key)
            pool.add(amount.quantize(_CENT), amount, "state", evidence)
            if amount == amount.to_integral_value() and amount >= 100 and "." not in str(value):
                pool.add(
                    (amount / 100).quantize(_CENT),
                    (amount / 100).quantize(_CENT),
                    "state",
                    [f"c-{one}" for one in evidence],
                )


_ISO = frozenset(
    [
        "AED",
        "ALL",
        "AMD",
        "ARS",
        "AUD",
        "AZN",
        "BAM",
        "BDT",
        "BGN",
        "BHD",
        "BOB",
        "BRL",
        "BYN",
        "CAD",
        "CHF",
        "CLP",
        "CNY",
        "COP",
        "CRC",
        "CZK",
        "DKK",
        "DOP",
        "DZD",
        "EGP",
        "EUR",
        "GBP",
        "GEL",
        "GHS",
        "GTQ",
        "HKD",
        "HNL",
        "HRK",
        "HUF",
        "IDR",
        "ILS",
        "INR",
        "IQD",
        "IRR",
        "ISK",
        "JMD",
        "JOD",
        "JPY",
        "KES",
        "KGS",
        "KHR",
        "KRW",
        "KWD",
        "KZT",
        "LBP",
        "LKR",
        "MAD",
        "MDL",
        "MKD",
        "MMK",
        "MNT",
        "MOP",
        "MUR",
        "MXN",
        "MYR",
        "NGN",
        "NIO",
        "NOK",
        "NPR",
        "NZD",
        "OMR",
        "PAB",
        "PEN",
        "PHP",
        "PKR",
        "PLN",
        "PYG",
        "QAR",
        "RON",
        "RSD",
        "RUB",
        "SAR",
        "SEK",
        "SGD",
        "THB",
        "TND",
        "TRY",
        "TTD",
        "TWD",
        "TZS",
        "UAH",
        "UGX",
        "USD",
        "UYU",
        "UZS",
        "VES",
        "VND",
        "XAF",
        "XOF",
        "ZAR",
        "ZMW",
    ]
)
_COUNTRY = {
    **dict.fromkeys(
        [
            "at",
            "be",
            "cy",
            "de",
            "ee",
            "es",
            "eu",
            "fi",
            "fr",
            "gr",
            "hr",
            "ie",
            "it",
            "lt",
            "lu",
            "lv",
            "mt",
            "nl",
            "pt",
            "si",
            "sk",
        ],
        "EUR",
    ),
    "uk": "GBP",
    "gb": "GBP",
    "us": "USD",
    "ca": "CAD",
    "au": "AUD",
    "nz": "NZD",
    "mx": "MXN",
    "cl": "CLP",
    "co": "COP",
    "ar": "ARS",
    "br": "BRL",
    "pe": "PEN",
    "uy": "UYU",
    "jp": "JPY",
    "cn": "CNY",
    "tw": "TWD",
    "hk": "HKD",
    "sg": "SGD",
    "kr": "KRW",
    "in": "INR",
    "vn": "VND",
    "th": "THB",
    "my": "MYR",
    "id": "IDR",
    "ph": "PHP",
    "ru": "RUB",
    "ua": "UAH",
    "by": "BYN",
    "kz": "KZT",
    "pl": "PLN",
    "cz": "CZK",
    "hu": "HUF",
    "ro": "RON",
    "bg": "BGN",
    "se": "SEK",
    "no": "NOK",
    "dk": "DKK",
    "is": "ISK",
    "ch": "CHF",
    "tr": "TRY",
    "il": "ILS",
    "ae": "AED",
    "sa": "SAR",
    "eg": "EGP",
    "za": "ZAR",
    "ng": "NGN",
    "ke": "KES",
    "pk": "PKR",
    "bd": "BDT",
    "lk": "LKR",
    "ma": "MAD",
}
"""Country -> its currency; of the country codes that hosts and language tags have."""
_LANGUAGE = {
    "vi": "VND",
    "ja": "JPY",
    "zh": "CNY",
    "ko": "KRW",
    "pl": "PLN",
    "cs": "CZK",
    "hu": "HUF",
    "ro": "RON",
    "bg": "BGN",
    "sv": "SEK",
    "da": "DKK",
    "nb": "NOK",
    "no": "NOK",
    "tr": "TRY",
    "he": "ILS",
    "ru": "RUB",
    "uk": "UAH",
    "th": "THB",
    **dict.fromkeys(("de", "fr", "it", "es", "nl", "pt", "fi", "el", "et", "lv", "lt", "sk", "sl", "hr"), "EUR"),
    "en": "USD",
}
_DOLLARS = ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "CLP", "COP", "ARS", "TWD", "UYU")
_SHARED = {
    "$": _DOLLARS,
    "¥": ("JPY", "CNY"),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
    "kr.": ("DKK", "SEK", "NOK"),
    "£": ("GBP",),
    "₱": ("PHP",),
}
_SAID = re.compile(r"""currency(?:_?-?code)?["']?\s{0,4}[:=]\s{0,4}\\?["']([A-Z]{3})\\?["']""", re.IGNORECASE)


def currencies(page: Page) -> list[Candidate]:
    """Return candidates for the currency, as codes. A sign of several currencies stands for each of them."""
    pool = Pool()
    for one in page.marked:
        if one.currency in _ISO:
            pool.add(one.currency, one.currency, one.origin, [f"m:{one.origin}"])
    region, language = _languages(page)
    host = _COUNTRY.get((urlsplit(page.document.url).hostname or "").rpartition(".")[2])
    signs: Counter[str] = Counter()
    for index, run in _amount_runs(page):
        _, sign = shown_price(_whole(page, index))
        if sign is None:
            continue
        for code in _SHARED.get(sign, (sign,)):
            if code in _ISO:
                signs[code] += 1
                shared = sign in _SHARED
                evidence = ["sign:shared" if shared else "sign:own", *page.distance(index)[1:], f"sign:{code}"]
                where = "after" if "after" in evidence else "before"
                evidence.append(f"sign:{'shared' if shared else 'own'}:{where}")
                pool.add(code, code, "html:price", evidence)
    for one in page.objects:
        for key, value in one.values.items():
            words = key_words(key)
            if "currenc" in words and isinstance(value, str) and (code := currency_code(value)) in _ISO:
                pool.add(
                    code,
                    code,
                    "state",
                    [
                        f"s:{words}",
                        f"s:{one.kind}",
                        *(f"path:{name}" for name in one.path if name),
                        f"match:{page.match(one)}",
                    ],
                )
            elif any("currenc" in name for name in one.path) and isinstance(value, str) and value in _ISO:
                pool.add(value, value, "state", [f"s:in-currency:{words}"])
    for place, said in enumerate(_SAID.finditer(page.document.text[:2_000_000])):
        if place < 40 and (code := said[1].upper()) in _ISO:
            pool.add(code, code, "script", ["said", f"said:{bucket(place)}"])
    for code in (region, language, host):
        if code:
            pool.add(code, code, "language", [])
    for one in pool.candidates():
        code = one.value
        one.evidence |= {
            f"{name}:{'same' if code == mine else 'none' if mine is None else 'other'}"
            for name, mine in (("region", region), ("language", language), ("host", host))
        }
        one.evidence.add(
            f"most:{'none' if not signs else 'yes' if signs.get(str(code)) == max(signs.values()) else 'no'}"
        )
    return pool.candidates()


def _languages(page: Page) -> tuple[str | None, str | None]:
    """Return the currencies of the region and of the language that the page names."""
    tag = (page.document.tree.get("lang") or "").replace("_", "-").lower()
    tag = tag or (page.document.meta.get("og:locale") or ("",))[0].replace("_", "-").lower()
    language, _, region = tag.partition("-")
    return _COUNTRY.get(region), _LANGUAGE.get(language)
