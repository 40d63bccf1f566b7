"""Specifications of a product in plain HTML."""

import re
from collections.abc import Sequence
from functools import lru_cache

from lxml import html

from crawler.pages.currencies import CODE, SIGN, UNIT
from crawler.pages.spec_candidates import SpecGroup, SpecPair
from crawler.pages.text import anywhere, as_a_whole, squash
from crawler.pages.visible import Visible, words

__all__ = ["find_specs"]


def find_specs(seen: Visible, groups: Sequence[SpecGroup]) -> list[tuple[str, str]]:
    """Return names and values of the specifications as published, in page order, each pair once.

    Candidates are groups of pairs: rows of a table, a definition list, siblings of the same shape, lines with a
    colon. Each group is scored as a whole, because size charts, deliveries, prices and reviews have the same shapes.
    """
    found: list[tuple[int, str, str]] = []
    for group in groups:
        pairs = _properties(group)
        if _score(seen, group, pairs) >= 1.0:
            found += [(pair.start, pair.name, pair.value) for pair in pairs]
    found.sort(key=lambda pair: pair[0])
    return list({(name.casefold(), value.casefold()): (name, value) for _, name, value in reversed(found)}.values())[
        ::-1
    ]


_AMOUNT = re.compile(
    rf"^\W*(?:US|C|A|HK|NT|R)?\s?(?:{SIGN}|{CODE})\s*\d[\d.,\s]*$"
    rf"|^\W*\d[\d.,\s]*(?:{SIGN}|{CODE}\b|{UNIT})"
)
_SIZE = re.compile(
    r"^(?:(?:\d?x{0,4}[sml]|x{1,4}l|one size|uk|us|eu|fr|it|de|jp|cm|inch)\b[\s/-]*)+[\d.,/\s-]*$"
    r"|^[\d.,/½¼¾\s-]+(?:cm|mm|m|in|inch|\"|kg|g)?$",
    re.IGNORECASE,
)
_DATE = re.compile(r"\b(?:19|20)\d\d\b.*\d|^\d{1,2}[./:]\d{2}")
_NO_NAME = re.compile(r"[!?！？]$|^\d+[).]\s|^(?:[a-z]+(?:[A-Z][a-z]+)+|[a-z]+(?:_[a-z]+)+|https?)$|://|[{}<>=]")
_PROSE = re.compile(r"[^\W\d_]{2}[.!?]\s+[^\W\d_]|[。！？]\s*[^\W\d_]")
_BEFORE_DECOY = re.compile(r"^(?:product|item|total|our|your|estimated|产品|商品|預計|预计)\s*")
_BEYOND_LATIN = "\u0370"
"""First script whose decoy words count anywhere in a name. There they are rarely part of another word."""
_MOST = 1.6
"""Highest score of the surroundings; property names weigh more."""
_ANCESTORS = 6
"""Enclosing elements whose class and id count; farther ones enclose too much."""


def _properties(group: SpecGroup) -> list[SpecPair]:
    """Return the pairs of a group without prices, deliveries, sellers, sizes and names that are not words."""
    pairs = [pair for pair in group.pairs if _is_property(pair)]
    if group.kind == "list" and len(pairs) <= 2:
        # An id with its label beside the heading is not a list of properties.
        return [pair for pair in pairs if not as_a_whole("own_ids").fullmatch(squash(pair.name))]
    return pairs


def _is_property(pair: SpecPair) -> bool:
    name, value = pair.name, pair.value
    if not any(c.isalpha() for c in name) or not any(c.isalnum() or c in "+-✓✔✗×√" for c in value):
        return False
    if _NO_NAME.search(name) or _SIZE.match(name) or _DATE.search(name) or _is_decoy(name):
        return False
    return not _AMOUNT.match(value) and not (len(value) > 120 and _PROSE.search(value))


def _is_decoy(name: str) -> bool:
    """Return whether a name starts with a word of prices, deliveries and the like, or contains one beyond Latin."""
    found = anywhere("decoy_names").search(_BEFORE_DECOY.sub("", squash(name), count=1))
    return found is not None and (found.start() == 0 or found[0][0] >= _BEYOND_LATIN)


def _score(seen: Visible, group: SpecGroup, pairs: Sequence[SpecPair]) -> float:
    """Return the score of a group as specifications. It is accepted from 1 on.

    Known property names, a heading, class or id of specifications, a table or definition list, and short names
    raise the score. Other headings, long values and dropped rows lower it.
    """
    if not pairs:
        return -1.0
    known = sum(bool(anywhere("property_names").search(squash(pair.name))) for pair in pairs) / len(pairs)
    left_out = 1 - len(pairs) / len(group.pairs)
    score = 1.6 * known - 1.2 * left_out
    score += {"table": 0.4, "dl": 0.4, "list": 0.0}[group.kind]
    score += 0.2 if sum(pair.colon for pair in pairs) * 2 > len(pairs) else 0.0
    score += 0.3 if len(pairs) >= 4 else -0.3 if len(pairs) == 1 else 0.0
    context = _context(seen, group.container, pairs[0].start)
    if len(pairs) == 1 and group.kind == "list" and context < 0.8:
        return -1.0
    return score + context - _wordiness(pairs)


def _wordiness(pairs: Sequence[SpecPair]) -> float:
    """Return the penalty for long names and values, as in letters, questions and descriptions."""
    names = sum(len(pair.name.split()) > 7 or len(pair.name) > 45 for pair in pairs) / len(pairs)
    values = sum(len(pair.value) > 300 for pair in pairs) / len(pairs)
    return 1.5 * names + 1.0 * values


def _context(seen: Visible, container: html.HtmlElement, start: int) -> float:
    """Score the surroundings of a group: class and id of enclosing elements, and the headings in them before it.

    The nearest words decide. At equal distance, words against specifications win.
    """
    titles = [span for span in seen.headings if span[0] <= start][-3:]
    score = 0.0
    element: html.HtmlElement | None = container
    for step in range(_ANCESTORS):
        if element is None or element.tag in ("body", "html"):
            break
        names = words(f"{element.get('class', '')} {element.get('id', '')} {element.get('data-testid', '')}")
        first = seen.spans[element][0]
        inside = [seen.text(*span) for span in titles if span[0] >= first]
        if not score and (_says_decoy(names) or any(map(_names_decoy, inside[-1:]))):
            return -1.5 + 0.15 * step
        if _says_specs(names) or any(map(_says_specs, inside)):
            score = min(score + 1.0 - 0.1 * step, _MOST)
            titles = [span for span in titles if span[0] < first]
        element = element.getparent()
    return score


@lru_cache(maxsize=4096)
def _says_specs(names: str) -> bool:
    return len(names) > 2 and bool(anywhere("spec_places").search(squash(names)))


@lru_cache(maxsize=4096)
def _says_decoy(names: str) -> bool:
    return len(names) > 2 and bool(anywhere("decoy_places").search(squash(names)))


def _names_decoy(heading: str) -> bool:
    return len(heading) < 120 and _says_decoy(heading) and not _says_specs(heading)
