"""Candidates for the price and its currency."""

import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice, permutations, takewhile
from urllib.parse import urlsplit

from lxml import html

from core.currencies import ISO_CODES, SHARED, currency_code, currency_of_country, local_currency
from core.money import is_other_price, stored_price
from reader.amounts import MONEY_OR_SIGN, Amount
from reader.evidence import Page, bucket, keys_with
from reader.model import Candidate, Pool
from reader.state import key_words
from reader.text import anywhere, squash
from reader.visible import MONEY

__all__ = ["UNSTATED", "currencies", "is_struck", "label_of", "prices", "shown_sign"]

UNSTATED = "sum:"
"""Prefix of telling evidence from other amounts and texts on pages whose markup states no price."""
_TELLING = frozenset(
    (
        *("cut:now", "cut:before", "cut:saving", "instalment", "ahead:instalment", "then:instalment"),
        *("then:conditional", "section:decoy"),
    )
)

_PER = re.compile(r"/\s*(?:m(?:o|onth)|(?:100\s?)?(?:g|kg|ml|l|oz|lb)\b)|x\s*\d", re.IGNORECASE)
_STRUCK = frozenset(("del", "s", "strike"))
_MAX_PROPERTIES = 120
_PRICE_KEYS = keys_with(r"price|amount|cost|(?:^|-)value$")
_CENT = Decimal("0.01")
_NEAR = 120
"""Runs after the heading within which the product's button stands."""
_LONGEST = 40
"""Length from which a text in state is not a price, in characters."""


def prices(page: Page) -> list[Candidate]:
    """Return candidates for the amount that the buyer pays now."""
    pool = Pool()
    shown_amounts = {amount.amount for amount in page.amounts}
    stated_amounts = {amount for one in page.marked for amount in (*one.prices, one.price)}
    for one in page.marked:
        stated = one.prices or ([one.price] if one.price is not None else [])
        for place, amount in enumerate([_as_shown(amount, shown_amounts) for amount in stated]):
            evidence = [f"m:{one.origin}", f"m:place:{bucket(place)}", f"m:of:{bucket(len(one.prices))}"]
            evidence += ["m:lowest"] if one.prices and place == stated.index(min(stated)) else []
            pool.add(amount.quantize(_CENT), amount, one.origin, evidence)
    shapes = Counter((one.run.element.tag, one.run.element.get("class")) for one in page.amounts)
    behind, button, relations = 0, _button(page), _relations(page)
    is_marked = any(one.prices or one.price is not None for one in page.marked)
    for place, (index, run, shown, _) in enumerate(page.amounts):
        if shown is not None and (shown in stated_amounts or not _is_stated_otherwise(run.element)):
            behind += index >= page.seen.title_span[1]
            evidence = [*_shown_evidence(page, index), f"nth:{bucket(behind)}"]
            evidence.append(f"button:{'none' if button is None else bucket(button - index)}")
            evidence += _beside(page.amounts, place)
            related = (*relations.get(shown, ()), *_context(page, index))
            evidence += [f"{UNSTATED}{one}" if one in _TELLING and not is_marked else one for one in related]
            evidence.append(f"alike:{bucket(shapes[run.element.tag, run.element.get('class')])}")
            pool.add(shown.quantize(_CENT), shown, "html:price", evidence)
    _from_state(page, pool)
    return pool.candidates()


_PERCENT = re.compile(r"(\d{1,2})\s?[%％]")
_INSTALMENT = re.compile(r"(\d{1,2})\s?[x×]")
_PARTS = re.compile(r"\bx\s(?:de|à|of)\b")
_RELATED = 12
"""Amounts of a product among which one may be computed from others."""


def _relations(page: Page) -> dict[Decimal, set[str]]:
    """Return evidence of amounts that follow from others: a reduced price, a saving, an instalment.

    ``1080``, ``649`` and "40 % off" are a list price and the price; ``90``, ``70`` and ``20`` those and what is saved.
    """
    start, end = page.seen.title_span
    own = [one for one in page.amounts if one.number >= start and one.number not in page.tile_runs][:_RELATED]
    amounts = list(dict.fromkeys(one.amount for one in own if one.amount))
    said = " ".join(page.seen.runs[index].text for index in range(end, min(len(page.seen.runs), end + _NEAR)))
    percents = {int(number) for number in _PERCENT.findall(said)}
    parts = {int(number) for number in _INSTALMENT.findall(said)} - {0, 1}
    found: dict[Decimal, set[str]] = {}
    for high, low in permutations(amounts, 2):
        if high <= low:
            continue
        if not percents.isdisjoint((math.floor(100 * (1 - low / high)), math.ceil(100 * (1 - low / high)))):
            found.setdefault(low, set()).add("cut:now")
            found.setdefault(high, set()).add("cut:before")
        if high - low in amounts and high - low != low:
            found.setdefault(min(low, high - low), set()).add("cut:saving")
        if any(abs(low * part - high) <= _CENT * part for part in parts):
            found.setdefault(low, set()).add("instalment")
    return found


def _context(page: Page, index: int) -> Iterator[str]:
    """Yield evidence of the heading that an amount stands under, and of the texts between it and the next amounts."""
    seen, runs = page.seen, page.seen.runs
    start, end = seen.title_span
    place = bisect_right(seen.headings, (index, len(runs)))
    heading = seen.headings[place - 1] if place else (0, 0)
    if end:
        section = "before" if index < start else "own" if heading[0] < end else "later"
        decoy = section == "later" and anywhere("decoy_places", "conditional_prices").search(
            squash(seen.text(*heading))
        )
        yield f"section:{'decoy' if decoy else section}"
    texts = {"ahead": runs[max(0, index - 3) : index][::-1], "then": runs[index + 1 : index + 2]}
    for mark, near in texts.items():
        said = " ".join(
            one.text for one in takewhile(lambda one: not MONEY.search(one.text), near) if len(one.text) < 40
        )
        if "%" in said:
            yield f"{mark}:%"
        if anywhere("conditional_prices").search(squash(said)):
            yield f"{mark}:conditional"
        if _INSTALMENT.search(said) or _PARTS.search(said):
            yield f"{mark}:instalment"


def _button(page: Page) -> int | None:
    """Return the first run after the heading that says that the product can be bought; None if none does."""
    end = page.seen.title_span[1]
    said = anywhere("in_stock")
    near = range(end, min(len(page.squashed), end + _NEAR))
    return next((index for index in near if index not in page.tile_runs and said.search(page.squashed[index])), None)


def _is_stated_otherwise(element: html.HtmlElement) -> bool:
    """Return whether a text is the short form of a price that its element states exactly for machines."""
    for outer in (element, *islice(element.iterancestors(), 2)):
        if "price" in (outer.get("itemprop") or outer.get("property") or "").lower().split():
            return outer.get("content" if outer.tag != "data" else "value") is not None
    return False


def _as_shown(amount: Decimal, shown: set[Decimal | None]) -> Decimal:
    """Return a price of markup; one with three decimals that the page shows as thousands alone (1.299 €) is those."""
    thousands = amount * 1000
    wrong = amount.as_tuple().exponent == -3 and thousands in shown and amount not in shown
    return thousands.to_integral_value() if wrong else amount


def _beside(amounts: list[Amount], place: int) -> list[str]:
    """Return evidence of the amounts just before and after: a price is next to the higher one that it replaced."""
    index, amount = amounts[place].number, amounts[place].amount
    found = []
    for name, other in (("before", place - 1), ("behind", place + 1)):
        near = 0 <= other < len(amounts) and abs(amounts[other].number - index) <= 5
        beside = amounts[other].amount if near else None
        if beside is None or amount is None:
            found.append(f"{name}:none")
        else:
            found.append(f"{name}:{'same' if beside == amount else 'higher' if beside > amount else 'lower'}")
    return [*found, "+".join(found)]


def _shown_evidence(page: Page, index: int) -> list[str]:
    run = page.seen.runs[index]
    found = [*page.around(run.element), *page.distance(index), page.from_title(run.element)]
    around = _around(run.element)
    found += ["struck"] if is_struck(run.element) else []
    found += ["in-link"] if any(outer.tag == "a" for outer in around) else []
    label = label_of(page, index)
    found += [f"label:{word}" for word in squash(label).split()[:4]]
    if is_other_price(label):
        found.append("says:old")
    if _PER.search(label):
        found.append("says:per")
    if run.hidden:
        found.append("hidden")
    if index in page.tile_runs:
        found.append("tile")
    found.append("money" if MONEY_OR_SIGN.search(run.text) else "bare")
    if index >= page.seen.title_span[1] > 0:
        found.append("after-title")
    return found


def _around(element: html.HtmlElement) -> list[html.HtmlElement]:
    return [element, *islice(element.iterancestors(), 3)]


def is_struck(element: html.HtmlElement) -> bool:
    """Return whether an element, or one of the three around it, is struck through."""
    return any(outer.tag in _STRUCK or "line-through" in (outer.get("style") or "") for outer in _around(element))


def label_of(page: Page, index: int) -> str:
    """Return a run with its short neighbours: the one before if it has no digits, the one after if on the same line."""
    runs = page.seen.runs
    texts = [runs[index].text]
    if index and not any(c.isdigit() for c in runs[index - 1].text) and len(runs[index - 1].text) < 30:
        texts.insert(0, runs[index - 1].text)
    if index + 1 < len(runs) and runs[index + 1].line == runs[index].line and len(runs[index + 1].text) < 30:
        texts.append(runs[index + 1].text)
    return " ".join(texts)


def _from_state(page: Page, pool: Pool) -> None:
    """Add prices in state. Whole numbers may be cents, so each yields two candidates."""
    for count, (one, key, value) in enumerate(page.properties(_PRICE_KEYS)):
        amount = stored_price(value) if not isinstance(value, str) or 0 < len(value) < _LONGEST else None
        if amount is None or isinstance(value, bool) or count > _MAX_PROPERTIES:
            continue
        evidence = page.of_object(one, key)
        pool.add(amount.quantize(_CENT), amount, "state", evidence)
        if amount == amount.to_integral_value() and amount >= 100 and "." not in str(value):
            cents = (amount / 100).quantize(_CENT)
            pool.add(cents, cents, "state", [f"c-{piece}" for piece in evidence])


_SAID = re.compile(rb"""currency(?:_?-?code)?["']?\s{0,4}[:=]\s{0,4}\\?["']([a-z]{3})\\?["']""")
_KANA = re.compile(r"[\u3040-\u30ff]{3}")
_HAN = re.compile(r"[\u4e00-\u9fff]{2}")
_MAX_RUNS = 200
_MAX_TEXT = 2_000_000
_MAX_SAID = 40
_CURRENCY_KEYS = keys_with("currenc")
_COUNTRY_OF_LANGUAGE = {"en": "us", "vi": "vn", "ja": "jp", "zh": "cn", "ko": "kr", "cs": "cz", "sv": "se", "da": "dk"}
"""Language -> country of most shops in it, where the two codes differ."""


def currencies(page: Page) -> list[Candidate]:
    """Return candidates for the currency, as codes. A sign shared by several currencies counts for each of them."""
    pool = Pool()
    for one in page.marked:
        _add(pool, one.currency, one.origin, [f"m:{one.origin}"])
    signs = _from_signs(page, pool)
    for said, key, value in page.properties(_CURRENCY_KEYS):
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
            # en-US is the default of shop software; any other region was chosen.
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
    """Add the currencies next to amounts; return how often each code may be meant."""
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
    """Return the language tag of the page; if it has none, that of its script if Japanese or Chinese."""
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
    """Return the currency of the markup or of the first amount with one: a code, else the sign."""
    signs = [one.currency for one in page.marked]
    signs += [one.sign for one in page.amounts]
    sign = next((sign for sign in signs if sign), None)
    return local_currency(sign, language=_language(page), host=urlsplit(page.document.url).hostname or "")
