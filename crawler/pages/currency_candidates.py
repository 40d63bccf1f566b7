"""Candidates for the currency."""

import re
from collections import Counter
from urllib.parse import urlsplit

from crawler.pages.candidates import Candidate, Pool
from crawler.pages.currencies import ISO_CODES, SHARED, currency_code, currency_of_country, local_currency
from crawler.pages.evidence import Page, bucket, keys_with
from crawler.pages.state import key_words

__all__ = ["currencies", "shown_sign"]

_SAID = re.compile(rb"""currency(?:_?-?code)?["']?\s{0,4}[:=]\s{0,4}\\?["']([a-z]{3})\\?["']""")
_KANA = re.compile(r"[\u3040-\u30ff]{3}")
_HAN = re.compile(r"[\u4e00-\u9fff]{2}")
_MAX_RUNS = 200
_MAX_TEXT = 2_000_000
_MAX_SAID = 40
_KEYS = keys_with("currenc")
_COUNTRY_OF_LANGUAGE = {"en": "us", "vi": "vn", "ja": "jp", "zh": "cn", "ko": "kr", "cs": "cz", "sv": "se", "da": "dk"}
"""Language -> the country that most shops in it are in, where the two codes differ; and ``en``."""


def currencies(page: Page) -> list[Candidate]:
    """Return candidates for the currency, as codes. A sign of several currencies stands for each of them."""
    pool = Pool()
    for one in page.marked:
        _add(pool, one.currency, one.origin, [f"m:{one.origin}"])
    signs = _from_signs(page, pool)
    for said, key, value in page.properties(_KEYS):
        path = [f"path:{name}" for name in said.path if name]
        evidence = [f"s:{key_words(key)}", f"s:{said.kind}", *path, f"match:{page.match(said)}"]
        _add(pool, currency_code(str(value)), "state", evidence)
    for place, found in enumerate(_SAID.finditer(page.document.utf8[:_MAX_TEXT].lower())):
        if place < _MAX_SAID:
            _add(pool, found[1].decode().upper(), "script", ["said", f"said:{bucket(place)}"])
    places = _places(page)
    for code in places.values():
        _add(pool, code, "language", [])
    candidates = pool.candidates()
    for candidate in candidates:
        shared = "shared" if candidate.has("sign:shared") else "own" if candidate.has("sign:own") else "unsigned"
        for name, code in places.items():
            # Shop software says en-US where nobody chose; any other region was chosen.
            chosen = "usual" if code == "USD" else "chosen"
            relation = "none" if code is None else f"{'same' if code == candidate.value else 'other'}:{chosen}"
            candidate.evidence |= {f"{name}:{relation}", f"{name}:{relation}:{shared}"}
        most = bool(signs) and signs.get(str(candidate.value)) == max(signs.values())
        candidate.evidence.add(f"most:{most if signs else 'none'}")
    return candidates


def _add(pool: Pool, code: str | None, origin: str, evidence: list[str]) -> None:
    if code in ISO_CODES:
        pool.add(code, code, origin, evidence)


def _from_signs(page: Page, pool: Pool) -> Counter[str]:
    """Add what stands beside amounts; return how often each code may be meant."""
    signs: Counter[str] = Counter()
    for index, _, _, sign in page.amounts:
        shared = (sign or "").lower() in SHARED
        for code in SHARED.get((sign or "").lower(), (sign,)):
            if code in ISO_CODES:
                signs[code] += 1
                where = "after" if "after" in page.distance(index) else "before"
                kind = "shared" if shared else "own"
                _add(pool, code, "html:price", [f"sign:{kind}", where, f"sign:{code}", f"sign:{kind}:{where}"])
    return signs


def _language(page: Page) -> str:
    """Return the language tag of the page; without one, that of its script if Japanese or Chinese."""
    tag = page.document.tree.get("lang") or next(iter(page.document.meta.get("og:locale", ())), "")
    if not tag:
        text = " ".join(run.text for run in page.seen.runs[:_MAX_RUNS])
        tag = "ja" if _KANA.search(text) else "zh" if _HAN.search(text) else ""
    return tag.replace("_", "-").lower()


def _places(page: Page) -> dict[str, str | None]:
    """Return the currencies of the region and the language that the page names, and of its host."""
    language, _, region = _language(page).partition("-")
    host = (urlsplit(page.document.url).hostname or "").rpartition(".")[2]
    spoken = _COUNTRY_OF_LANGUAGE.get(language, language)
    named = (("region", region), ("language", spoken), ("host", host))
    return {name: currency_of_country(where) for name, where in named}


def shown_sign(page: Page) -> str | None:
    """Return what the markup or the first amount of the page gives as its currency: a code, else the sign."""
    signs = [one.currency for one in page.marked]
    signs += [one.sign for one in page.amounts]
    sign = next((sign for sign in signs if sign), None)
    return local_currency(sign, language=_language(page), host=urlsplit(page.document.url).hostname or "")
