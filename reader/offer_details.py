"""The price before a reduction, the ratings and the condition that a page shows."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache

from lxml import html

from core.money import stored_price
from core.records import Condition
from reader.evidence import Page, keys_with
from reader.facts import condition_of
from reader.price_candidates import is_struck, label_of
from reader.text import anywhere, squash
from reader.visible import words

__all__ = ["find_condition", "find_list_price", "find_rating"]

_NEAR = 6
"""Runs between a price and the one that it replaced."""
_MAX = 20
"""A price is at least this part of the one that it replaced."""
_FORMER_KEYS = keys_with(
    r"^(?:compare-at|list|old|original|regular|was|strike|retail|base)-?price|^(?:msrp|uvp|rrp)$|compare-at-price|price-(?:old|before|was)"
)


def find_list_price(page: Page, price: Decimal) -> tuple[Decimal, str] | None:
    """Return the higher price that a price replaces, and its origin: from markup, the text beside it, or scripts."""
    stated = ((one.list_price, one.origin) for one in page.marked if one.list_price is not None)
    for former, origin in [*stated, *_shown(page, price), *_in_state(page, price)]:
        if price < former <= _MAX * price:
            return former, origin
    return None


def _shown(page: Page, price: Decimal) -> Iterator[tuple[Decimal, str]]:
    """Yield the higher amounts beside the price that are struck through or called a former price, nearest first."""
    own = [one.number for one in page.amounts if one.amount == price]
    near: list[tuple[int, Decimal]] = []
    for one in page.amounts:
        distance = min((abs(one.number - number) for number in own), default=_NEAR + 1)
        if one.amount is not None and price < one.amount and distance <= _NEAR and _is_former(page, one.number):
            near.append((distance, one.amount))
    yield from ((amount, "html:price") for _, amount in sorted(near))


def _is_former(page: Page, number: int) -> bool:
    element = page.seen.runs[number].element
    names = [_names(one) for one in (element, *list(element.iterancestors())[:2])]
    return is_struck(element) or _calls_former(label_of(page, number)) or any(map(_says_former, names))


def _calls_former(label: str) -> bool:
    return anywhere("former_prices").search(squash(label)) is not None


def _names(element: html.HtmlElement) -> str:
    return words(f"{element.get('class', '')} {element.get('id', '')}")


_FORMER = re.compile(
    r"(?<![a-z])(?:old|was|original|regular|rrp|msrp|uvp|before|compare|crossed|strike|line-?through|previous|reference|"
    r"retail|market|ori|origin|org|del|list-?price|price-?list)(?![a-z])"
)


@lru_cache(maxsize=4096)
def _says_former(names: str) -> bool:
    return _FORMER.search(names) is not None


def _in_state(page: Page, price: Decimal) -> Iterator[tuple[Decimal, str]]:
    """Yield former prices of the objects in scripts that also hold the price, in its unit or in cents."""
    for one, _, value in page.properties(_FORMER_KEYS):
        amount = stored_price(value) if not isinstance(value, str) or len(value) < 40 else None
        beside = [stored_price(other) for other in one.values.values() if isinstance(other, str | int | float)][:60]
        if amount is not None:
            yield from ((amount / unit, "state") for unit in (1, 100) if price * unit in beside)


_OF_FIVE = re.compile(
    r"\b([0-5](?:[.,]\d{1,2})?)\s*(?:out of|von|sur|de|di|av|af|van|/|z|из)\s*5(?:[.,]0+)?\b", re.IGNORECASE
)
_MEAN = re.compile(r"(?<![\d.,])([0-5][.,]\d{1,2})(?![\d.,%])")
_WORDS = (
    "reviews?|ratings?|votes?|bewertung|rezension|kundenbewertung|avis|reseñas?|valoraci|opiniones|avaliaç|recension|"
    "beoordeling|omdöme|anmeldelse|arvostelu|opinii|ocen|hodnocen|értékelés|отзыв|değerlendirme|đánh giá"
)
_COUNT = re.compile(
    r"\(?\b(\d{1,3}(?:[.,\s]\d{3})+|\d{1,7})\)?\s*(?:customer\s+|verified\s+|global\s+|product\s+)?"
    rf"(?:{_WORDS})|(?:{_WORDS})\w*\s*\((\d{{1,7}})\)",
    re.IGNORECASE,
)
_RATED = re.compile(r"rating|stars?\b|review|score|bewert", re.IGNORECASE)
_LABELS = ("aria-label", "title", "data-rating", "data-score", "data-average-rating", "data-average")
_LONGEST = 120


def find_rating(page: Page) -> tuple[Decimal | None, int | None, str] | None:
    """Return the mean rating of the product from 0 to 5, the number of ratings, and their origin.

    Elements named as a rating come before other text, which may rate the shop.
    """
    for one in page.marked:
        if one.rating is not None or one.rating_count is not None:
            return one.rating, one.rating_count, one.origin
    named = list(_named(page))
    said = [run.text for run in page.seen.runs if len(run.text) <= _LONGEST]
    means = [_OF_FIVE.search(text) or _MEAN.search(text) for text in named]
    rating = next(filter(None, [*means, *map(_OF_FIVE.search, said)]), None)
    if rating is None:
        return None
    mean = Decimal(rating[1].replace(",", ".")).quantize(Decimal("0.01"))
    count = next((found for text in (*named, *said) if (found := _COUNT.search(text))), None)
    number = int(re.sub(r"\D", "", count[1] or count[2])) if count else None
    return (mean, number or None, "html:rating") if 0 < mean <= _BEST else None


_BEST = 5


def _named(page: Page) -> Iterator[str]:
    """Yield the own text and the labels of each element named as a rating, in page order."""
    for element, attributes in page.document.attributes.items():
        if _RATED.search(attributes.get("class", "")):
            texts = (*(attributes.get(name, "") for name in _LABELS), element.text or "")
            yield from (text for text in texts if 0 < len(text) <= _LONGEST)


_CONDITION = frozenset(
    ("condition", "itemcondition", "productcondition", "zustand", "artikelzustand", "état", "condizione")
)


def find_condition(page: Page, specs: Sequence[tuple[str, str, str]]) -> tuple[Condition, str] | None:
    """Return the condition of the product: that of markup, else that of a specification."""
    stated = ((one.condition, one.origin) for one in page.marked)
    named = (
        (condition_of([value]), origin)
        for name, value, origin in specs
        if re.sub(r"\W", "", name).lower() in _CONDITION
    )
    return next(((condition, origin) for condition, origin in (*stated, *named) if condition is not None), None)
