"""The text that describes a product, with its paragraphs, and its list of selling points."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from lxml import html

from reader.evidence import Page, keys_with
from reader.text import anywhere, paragraphs, squash
from reader.visible import Run, Visible, words

__all__ = ["find_description", "find_features"]

_SHORTEST = 25
"""Characters of the shortest description."""
_CERTAIN = 1.0
"""Score of a named place with so much text that scripts, which may hold more than the page shows, are not asked."""
_LETTERS = 18
"""Letters of the shortest description; a rating has fewer."""
_LONGEST = 20_000
"""Characters of a description that is kept."""
_HEADING_WORDS = 4
_LONGEST_TAB = 200
"""Characters of a heading with the white space of its markup."""
_HEADING = 45
"""Characters of the longest heading that names a place."""
_FEATURES = 50
_SHORT = re.compile(r"short|excerpt|summary|teaser|intro|lead|kurz", re.IGNORECASE)
_NO_PLACE = re.compile(
    r"meta|variant|shipping|deliver|review|rating|category|collection|seller|vendor|tab-?title|nav|btn|button|price|title"
)
_SAME = 0.8
"""Share of the words of a description in markup that a place with the whole of it shows."""
_MAX_MORE = 12
"""Largest number of times that the whole may be as long as what markup states of it."""


class _Place(NamedTuple):
    score: float
    start: int
    end: int


def find_description(page: Page) -> tuple[str, str] | None:
    """Return the description and its origin: as the page shows it, else as markup states it.

    What markup states is often cut off; then the smallest place of the page with all its words is the description.
    """
    stated = next(((one.description, one.origin) for one in page.marked if one.description), None)
    if stated is not None and stated[1] != "opengraph":
        shown = _whole_of(page, stated[0])
        return (shown, "html:description") if shown else (stated[0][:_LONGEST], stated[1])
    named = sorted((one for one in _places(page) if one.score > 0), key=lambda one: (-one.score, one.start))
    held = next((text for text in _in_state(page) if len(text) >= _SHORTEST), None)
    if held is not None and not any(one.score >= _CERTAIN for one in named):
        shown = _whole_of(page, held)
        return (shown, "html:description") if shown else (held[:_LONGEST], "state")
    for place in named or _prose(page):
        text = _text(page.seen, place.start, place.end)
        if sum(map(str.isalpha, text)) >= _LETTERS:
            return text[:_LONGEST], "html:description"
    return None


def find_features(page: Page) -> list[str]:
    """Return the entries of the first list of selling points."""
    for element, span in page.seen.spans.items():
        if element.tag not in ("ul", "ol") or not _names_features(page.seen, element, span[0]):
            continue
        entries = [page.seen.text_of(item) for item in element.iterchildren("li")]
        if found := [entry for entry in entries if entry]:
            return list(dict.fromkeys(found))[:_FEATURES]
    return []


def _names_features(seen: Visible, element: html.HtmlElement, start: int) -> bool:
    names = [_own_names(one) for one in [element, *list(element.iterancestors())[:2]]]
    before = [span for span in seen.headings if span[1] <= start][-1:]
    names += [seen.text(*span) for span in before if span[1] == start and seen.letters(*span) <= _HEADING]
    return any(_says("feature_places", name) for name in names)


def _own_names(element: html.HtmlElement) -> str:
    get = element.get
    return words(f"{get('class', '')} {get('id', '')} {get('data-testid', '')} {get('itemprop', '')}")


@lru_cache(maxsize=4096)
def _says(vocabulary: str, names: str) -> bool:
    return len(names) > 2 and bool(anywhere(vocabulary).search(squash(names)))


def _places(page: Page) -> Iterator[_Place]:
    """Yield the places named as a description, and those behind a heading that is one."""
    seen = page.seen
    for element, (start, end) in seen.spans.items():
        if seen.letters(start, end) < _SHORTEST or element.tag in _NO_BLOCKS:
            continue
        names = _own_names(element)
        if _says("description_places", names) and not _NO_PLACE.search(names):
            yield _Place(_score(page, start, end) + (1.5 if _SHORT.search(names) else 0.5), start, end)
    for heading, span in _headings(seen):
        if (behind := _behind(seen, heading, span)) is not None:
            yield _Place(_score(page, *behind) + 0.6, *behind)
    for start, end in _panels(page):
        yield _Place(_score(page, start, end) + 0.6, start, end)


def _panels(page: Page) -> Iterator[tuple[int, int]]:
    """Yield the elements that a tab called a description shows, by their ids."""
    known = page.document.attributes
    ids = {name: span for element, span in page.seen.spans.items() if (name := known[element].get("id"))}
    for tab in page.document.tree.iter("a", "button"):
        shown = known[tab].get("aria-controls") or known[tab].get("href", "").partition("#")[2]
        if shown in ids and _is_heading(tab.text_content()) and page.seen.letters(*ids[shown]) >= _SHORTEST:
            yield ids[shown]


def _is_heading(text: str) -> bool:
    """Return whether a text of few words names a description, such as "Product description"."""
    short = len(text) <= _LONGEST_TAB and len(text.split()) <= _HEADING_WORDS
    return short and bool(anywhere("description_places").search(squash(text)))


def _prose(page: Page) -> list[_Place]:
    """Return the element behind the product's name whose own paragraphs have the most text; none if all are short."""
    seen = page.seen
    best = max(
        (
            (
                sum(seen.letters(*seen.spans[child]) for child in element.iterchildren("p") if child in seen.spans),
                -start,
                end,
            )
            for element, (start, end) in seen.spans.items()
            if start >= seen.title_span[1] and element.tag in ("div", "section", "article", "td")
        ),
        default=(0, 0, 0),
    )
    return [_Place(0.0, -best[1], best[2])] if best[0] >= _PROSE else []


_PROSE = 80
"""Characters of paragraphs that are a description without being called one."""
_STATE_KEYS = keys_with(r"^(?:product-)?(?:description|body-html|desc|long-description|description-html|content)$")


def _in_state(page: Page) -> Iterator[str]:
    """Yield the descriptions of the objects in scripts that are this product."""
    for one, _, value in page.properties(_STATE_KEYS):
        if isinstance(value, str) and one.kind != "meta" and page.match(one) in _THIS:
            yield paragraphs(_CUT_TAG.sub("", value))


_CUT_TAG = re.compile(r"<\w[^<>]*\Z")
"""Tag at which a script cuts a text off."""
_THIS = frozenset(("is", "url", "starts", "begins"))
_NO_BLOCKS = frozenset(("body", "html", "main", "a", "label", "button", "h1", "h2", "h3", "h4", "title", "form"))


def _score(page: Page, start: int, end: int) -> float:
    """Return how well a place reads as prose: long, with few links and cells, without the product's name and prices."""
    seen = page.seen
    letters = seen.letters(start, end)
    links = sum(len(run.text) for run in seen.runs[start:end] if _is_no_prose(run))
    holds_title = _holds(seen.title_span, start, end)
    prices = sum(start <= amount.number < end and len(amount.run.text) < _PRICE for amount in page.amounts)
    return min(letters, 600) / 600 - 1.5 * links / max(letters, 1) - 2.0 * holds_title - min(0.3 * prices, 0.9)


_PRICE = 20
_CELLS = frozenset(("td", "th", "dt", "dd"))
_CELL = 60
"""Characters of the longest text that is one of a table of facts, not prose in a table."""


def _is_no_prose(run: Run) -> bool:
    """Return whether a text is a link or a short cell of a table."""
    parent = run.element.getparent()
    tags = {run.element.tag, parent.tag if parent is not None else ""}
    return "a" in tags or (len(run.text) <= _CELL and not _CELLS.isdisjoint(tags))


def _headings(seen: Visible) -> Iterator[tuple[html.HtmlElement, tuple[int, int]]]:
    """Yield the short elements whose whole text names a description."""
    for element, (start, end) in seen.spans.items():
        is_short = end - start <= 2 and seen.letters(start, end) <= _HEADING and element.tag in _TITLES
        if is_short and _is_heading(seen.text(start, end)):
            yield element, (start, end)


_TITLES = frozenset(
    ("h1", "h2", "h3", "h4", "h5", "h6", "summary", "strong", "b", "button", "dt", "div", "span", "p", "legend")
)
_LEVELS = 4


def _behind(seen: Visible, heading: html.HtmlElement, span: tuple[int, int]) -> tuple[int, int] | None:
    """Return the runs behind a heading, up to the next heading of its kind."""
    outer = heading.getparent()
    for _ in range(_LEVELS):
        if outer is None or outer.tag == "html":
            return None
        end = seen.spans[outer][1]
        following = [one[0] for one in seen.headings if span[1] <= one[0] < end and _rank(seen, one) <= heading.tag]
        if outer.tag == "body" and not following:
            return None
        last = min(following, default=end)
        if seen.letters(span[1], last) >= _SHORTEST:
            return span[1], last
        if last < end:
            return None
        outer = outer.getparent()
    return None


def _rank(seen: Visible, span: tuple[int, int]) -> str:
    """Return the tag of a heading, so that a smaller one is a higher heading."""
    return next((outer.tag for outer in _outwards(seen.runs[span[0]].element) if outer.tag in _RANKED), "h9")


_RANKED = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))


def _outwards(element: html.HtmlElement) -> Iterator[html.HtmlElement]:
    yield element
    yield from element.iterancestors()


def _text(seen: Visible, start: int, end: int) -> str:
    """Return runs as text with a line for each paragraph; a first line that only names the place is left out."""
    lines: list[str] = []
    first = start
    for index in range(start + 1, end + 1):
        if index == end or seen.runs[index].line != seen.runs[first].line:
            lines.append(seen.text(first, index))
            first = index
    while lines and _is_heading(lines[0]):
        del lines[0]
    return "\n".join(lines)


def _whole_of(page: Page, stated: str) -> str | None:
    """Return the text of the smallest place that shows nearly all words of a stated description; None if none does."""
    wanted = Counter(_WORD.findall(stated.casefold().removesuffix("...").removesuffix("…")))
    size = wanted.total()
    seen = page.seen
    if size < _FEW or not wanted - Counter(_WORD.findall(seen.text(*seen.title_span).casefold())):
        return None
    for element, (start, end) in seen.spans.items():  # children come before their parents
        letters = seen.letters(start, end)
        if letters < _SAME * len(stated.replace(" ", "")) * _SAME or letters > _MAX_MORE * len(stated) + 500:
            continue
        if element.tag in _NO_BLOCKS or _holds(seen.title_span, start, end):
            continue
        text = _text(seen, start, end)
        found = Counter(_WORD.findall(text.casefold()))
        if (wanted & found).total() >= _SAME * size and not _TAGS.search(text):
            return text[:_LONGEST]
    return None


def _holds(inner: tuple[int, int], start: int, end: int) -> bool:
    return inner[1] > inner[0] and start <= inner[0] and inner[1] <= end


_WORD = re.compile(r"\w+")
_TAGS = re.compile(r"</\w+>")
"""A description whose tags are shown as text."""
_FEW = 5
"""Words of a description that is too short to be found by them."""
