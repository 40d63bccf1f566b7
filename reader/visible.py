"""The visible text of the main part of a page, its titles, and the tiles of other products in it."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import accumulate, islice, takewhile
from urllib.parse import unquote, urlsplit

from lxml import html

from core.currencies import CODE, SIGN, UNIT
from reader.document import Document
from reader.text import anywhere, fold, key_of, plain, squash

__all__ = [
    "HIDDEN_STYLE",
    "MAX_RUNS",
    "MONEY",
    "SKIPPED_TAGS",
    "Run",
    "Visible",
    "find_title",
    "is_aside",
    "other_pages",
    "page_titles",
    "pictured_links",
    "read_visible",
    "squashed_slug",
    "tiles",
    "words",
]

SKIPPED_TAGS = frozenset(
    (
        *("script", "style", "noscript", "template", "nav", "footer", "select", "option", "datalist"),
        *("iframe", "object", "textarea", "head", "path", "use", "defs"),
    )
)
"""Elements whose text does not describe the product."""

HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@lru_cache(maxsize=4096)
def words(names: str) -> str:
    """Split class and id names into lower-case words: ``productSpecs`` becomes ``product-specs``."""
    return _CAMEL.sub("-", names).lower()


@lru_cache(maxsize=4096)
def is_aside(names: str) -> bool:
    """Return whether class and id names mean a menu, footer, recommendations, reviews or the like."""
    return bool(anywhere("aside_places").search(words(names)))


MAX_RUNS = 20_000
"""Maximum runs read on one page; the richest real page seen had 1,100."""

_INLINE = frozenset(
    (
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font"),
        *("i", "img", "ins", "kbd", "label", "mark", "meter", "nobr", "output", "q", "s", "samp", "small"),
        *("span", "strike", "strong", "sub", "sup", "svg", "text", "time", "tt", "u", "var", "wbr", "button"),
        *("input",),
    )
)
_CONTAINERS = frozenset(
    ("div", "section", "aside", "ul", "ol", "form", "header", "article", "center", "tbody", "table", "dl")
)
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6", "caption", "legend", "summary"))


@dataclass(slots=True, eq=False)
class Run:
    """Text between two tags."""

    text: str
    """White space collapsed, never empty."""
    element: html.HtmlElement
    """Element that contains it."""
    line: int
    """Number of the line. Block elements and ``br`` start a new line."""
    glued: bool
    """Whether no white space separates it from the run before."""
    hidden: bool
    """Whether the style of an enclosing element hides it."""


@dataclass(eq=False)
class Visible:
    """Runs of the main part in page order, and the runs of each element."""

    runs: list[Run] = field(default_factory=list)
    spans: dict[html.HtmlElement, tuple[int, int]] = field(default_factory=dict)
    """Element with text -> its first run and the one after its last. Children come before their parents."""
    title: html.HtmlElement | None = None
    """Heading that names the product."""
    is_named: bool = True
    """Whether the title or the URL of the page has the heading's words, or it is an ``h1``."""

    def text(self, start: int, end: int) -> str:
        """Return the runs from ``start`` up to ``end`` as one line."""
        text = self.runs[start].text if end > start else ""
        for run in self.runs[start + 1 : end]:
            # Words in separate elements, as in <a>Nike</a><span>Running shoe</span>, may be separated by style only.
            apart = not run.glued or (text[-1].islower() and run.text[0].isupper())
            text += f" {run.text}" if apart else run.text
        return text

    def text_of(self, element: html.HtmlElement) -> str:
        """Return the text of an element as one line; empty if it is not in the main part."""
        span = self.spans.get(element)
        return self.text(*span) if span else ""

    def letters(self, start: int, end: int) -> int:
        """Return the number of characters of the runs from ``start`` up to ``end``, without joining them."""
        return self._letters[end] - self._letters[start]

    @property
    def title_span(self) -> tuple[int, int]:
        """Runs of the heading of the product; (0, 0) if the main part has none."""
        return self.spans.get(self.title, (0, 0)) if self.title is not None else (0, 0)

    @cached_property
    def _letters(self) -> list[int]:
        return list(accumulate((len(run.text) for run in self.runs), initial=0))

    @cached_property
    def headings(self) -> list[tuple[int, int]]:
        """Spans of headings, in page order."""
        return sorted(span for element, span in self.spans.items() if element.tag in _HEADINGS)


def read_visible(document: Document) -> Visible:
    """Read the body in one walk, without menus, footers, recommendations, reviews and scripts.

    Elements around the heading of the product are never left out, whatever their class.
    """
    body = document.tree.find("body")
    root = document.tree if body is None else body
    title, is_named = _heading(document, root)
    around = frozenset(title.iterancestors()) if title is not None else frozenset()
    walk = _Walk(Visible(title=title, is_named=is_named), around, document.attributes)
    walk.run(root)
    return walk.seen


_NAMED_TITLE = re.compile(r"title|name|heading", re.IGNORECASE)
_MAX_HEADINGS = 150
_MAX_HEADING = 10_000
"""Maximum characters of a heading, white space included; one that its page never closes is longer."""


def _heading(document: Document, root: html.HtmlElement) -> tuple[html.HtmlElement | None, bool]:
    """Return the heading that names the subject of the page, and whether something besides its place says so.

    One that agrees with the URL is preferred, then one at the start of the page's title, then one inside it; ``h1`` is
    preferred to other headings, and these to elements that are only named as a title. Headings in page headers, menus
    and footers, such as logos, rank lower.
    """
    slug = squashed_slug(document.url)
    titles = [key_of(title) for title in (document.title, *document.meta.get("og:title", ())[:1]) if title]
    best: tuple[tuple[int, ...], html.HtmlElement, bool] | None = None
    for place, (element, rank) in enumerate(islice(_headings(document, root), _MAX_HEADINGS)):
        text = element.text_content()
        if len(text) > _MAX_HEADING:
            continue
        key = key_of(text)
        # A book may be titled "C", but a number next to a cart is not the heading.
        if not (rank < 3) < len(key) < 400:
            continue
        plain = key_of(squash(text))
        agrees = bool(slug) and (
            plain == slug
            or (
                len(plain) > 5
                and (plain in slug or slug in plain)
                and 2 * min(len(slug), len(plain)) > max(len(slug), len(plain))
            )
        )
        leads = any(title.startswith(key) for title in titles)
        inside = leads or any(key in title for title in titles)
        outer = any(one.tag in ("header", "nav", "footer") for one in element.iterancestors())
        if rank == 0 and not (agrees or leads):
            continue
        score = (2 * agrees + leads + inside + (rank == 3) + (rank >= 2) - 2 * outer, rank, -place)
        if best is None or score > best[0]:
            best = (score, element, agrees or inside or rank == 3)
    return best[1:] if best and (best[0][1] or best[0][0] > 0) else (None, False)


def _headings(document: Document, root: html.HtmlElement) -> Iterator[tuple[html.HtmlElement, int]]:
    """Yield headings, and short elements named as a title, with their rank."""
    headings = frozenset(root.iter(*_RANKS))
    titled = frozenset(filter(_NAMED_TITLE.search, document.classes))
    for element, attributes in document.attributes.items():
        if element in headings:
            yield element, _RANKS[element.tag]
        elif attributes and attributes.get("class") in titled and _may_be_title(element):
            yield element, 0


def _may_be_title(element: html.HtmlElement) -> bool:
    return element.tag in ("div", "span", "p", "strong") and len(element) < 3 and bool(element.text)


_RANKS = {"h1": 3, "h2": 2, "h3": 1, "h4": 1}


def squashed_slug(url: str) -> str:
    """Return the key of the last part of a URL's path that has letters; empty if none has."""
    try:
        parts = unquote(urlsplit(url).path).split("/")
    except ValueError:
        return ""
    named = [re.sub(r"\.\w{2,5}$", "", part) for part in parts]
    named = [part for part in named if any(c.isalpha() for c in part) and part != "index"]
    return key_of(squash(named[-1])) if named else ""


class _Walk:
    """Walk over a page. It visits every element, so its steps are inlined for speed."""

    def __init__(
        self,
        seen: Visible,
        around_title: frozenset[html.HtmlElement],
        attributes: Mapping[html.HtmlElement, Mapping[str, str]],
    ) -> None:
        self.seen = seen
        self.around_title = around_title
        self.attributes = attributes
        self.line = 0
        self.spaced = True

    def run(self, root: html.HtmlElement) -> None:
        # One entry per open element: itself, its remaining children, its first run, whether it is a block, hidden.
        stack: list[tuple[html.HtmlElement, Iterator[html.HtmlElement], int, bool, bool]] = []
        self.open(root, stack, hidden=False)
        while stack:
            element, children, start, block, hidden = stack[-1]
            child = next(children, None)
            if child is None:
                stack.pop()
                end = len(self.seen.runs)
                if end > start:
                    self.seen.spans[element] = (start, end)
                if block:
                    self.break_line()
                if stack and element.tail:
                    self.add(element.tail, stack[-1][0], hidden=stack[-1][4])
            elif self.skips(child):
                if child.tag == "br":
                    self.break_line()
                if child.tail:
                    self.add(child.tail, element, hidden=hidden)
            else:
                self.open(child, stack, hidden=hidden)

    def open(
        self,
        element: html.HtmlElement,
        stack: list[tuple[html.HtmlElement, Iterator[html.HtmlElement], int, bool, bool]],
        *,
        hidden: bool,
    ) -> None:
        block = element.tag not in _INLINE
        if block:
            self.break_line()
        if not hidden and (attributes := self.attributes[element]):
            style = attributes.get("style")
            hidden = (style is not None and bool(HIDDEN_STYLE.search(style))) or "hidden" in attributes
        stack.append((element, iter(element), len(self.seen.runs), block, hidden))
        if element.text:
            self.add(element.text, element, hidden=hidden)

    def add(self, raw: str, element: html.HtmlElement, *, hidden: bool) -> None:
        text = "" if raw.isspace() else fold(raw)
        if not text or len(self.seen.runs) >= MAX_RUNS:
            self.spaced = True
            return
        glued = not self.spaced and not raw[0].isspace()
        self.seen.runs.append(Run(text, element, self.line, glued, hidden))
        self.spaced = raw[-1].isspace()

    def break_line(self) -> None:
        self.line += 1
        self.spaced = True

    def skips(self, element: html.HtmlElement) -> bool:
        tag = element.tag
        if tag in _CONTAINERS:
            get = self.attributes[element].get
            names = f"{get('class', '')} {get('id', '')} {get('role', '')}"
            aside = tag == "header" or (len(names) > 2 and is_aside(names))
            return aside and element not in self.around_title
        return (tag in SKIPPED_TAGS and element not in self.around_title) or tag == "br" or not isinstance(tag, str)


_BETWEEN = re.compile(r"(\s+[|\-–—:·•»]+\s+|\s*[|｜_]\s*|(?<=[\u3000-\u9fff】」])-(?=\S))")
_GENERIC = frozenset(
    (
        *("www", "shop", "store", "de", "com", "net", "org", "co", "uk", "html", "product", "products"),
        *("online", "m", "en"),
    )
)


def page_titles(document: Document, seen: Visible) -> list[tuple[str, str]]:
    """Return the titles of a page and their origins: heading, ``og:title``, ``title``."""
    titles: list[tuple[str, str]] = []
    if seen.title is not None and (text := seen.text_of(seen.title)):
        titles.append((text, "html:h1"))
    shared = document.meta.get("og:title", ())[:1]
    titles += [(_without_shop(plain(content), document), "opengraph") for content in shared]
    titles.append((_without_shop(document.title, document), "html:title"))
    return [(text, origin) for text, origin in titles if text]


def find_title(document: Document, seen: Visible) -> html.HtmlElement | None:
    """Return the element whose text is a title of the page or most of one, for pages without ``h1``."""
    titles = [text.casefold() for text, _ in page_titles(document, seen)]
    for run in seen.runs:
        text = run.text.casefold()
        if len(text) > 3 and any(text == title or (text in title and len(text) * 2 > len(title)) for title in titles):
            return run.element
    return None


def _without_shop(title: str, document: Document) -> str:
    """Remove the name of the shop from both ends of a title."""
    pieces = _BETWEEN.split(title)
    shop = {_key(name) for name in document.meta.get("og:site_name", ())}
    hosts = [
        label
        for label in (urlsplit(document.url).hostname or "").split(".")
        if label not in _GENERIC and len(label) > 2
    ]
    while len(pieces) > 2 and _is_shop(pieces[-1], shop, hosts):
        del pieces[-2:]
    while len(pieces) > 2 and _is_shop(pieces[0], shop, hosts):
        del pieces[:2]
    return "".join(pieces).strip()


def _key(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def _is_shop(piece: str, shop: set[str], hosts: list[str]) -> bool:
    key = _key(piece)
    return not key or key in shop or (len(key) < 40 and any(_key(host) in key for host in hosts))


MONEY = re.compile(rf"(?:{SIGN}|(?<![A-Za-z]){CODE})\s?\d|\d[\d.,\s]{{0,12}}(?:{SIGN}|{CODE}\b|{UNIT})")
"""An amount of money in a text."""
_TILE_LEVELS = 6
"""Number of elements around a link, one of which contains the whole tile."""
_LONGEST_TILE = 40
"""Maximum runs of text of a tile."""
_TABLES = ("table", "dl", "h1")
"""Elements of a product's own page, not of a tile."""
_ROW = 3
"""Number of similar items beside each other from which they are tiles whether or not their links contain images."""
_ITEMS = ("li", "article")
_MAX_LINKS = 3_000


def tiles(seen: Visible, links: Mapping[html.HtmlElement, str]) -> dict[html.HtmlElement, range]:
    """Return the elements that show other products, each with its runs of text.

    A tile is the smallest element that contains words that link to one other page of the shop, and an amount of money,
    but not the heading. Either the link or one beside it contains an image, and no link with an image leads to a third
    page; or there are several such elements in a row. ``links`` are the ``other_pages``.
    """
    title = seen.title
    around = frozenset((title, *title.iterancestors())) if title is not None else frozenset()
    pictured = {link: links[link] for link in pictured_links(links)}
    found: dict[int, html.HtmlElement] = {}
    for image, target in pictured.items():
        for element in _outwards(seen, image, around):
            start, end = seen.spans.get(element, (0, 0))
            if start in found or any(pictured.get(link, target) != target for link in element.iter("a")):
                break
            if end > start and _is_tile(seen, element, target, links):
                found.update(dict.fromkeys(range(start, end), element))
                break
    for element in _rows(seen, links, around):
        start, end = seen.spans[element]
        if found.keys().isdisjoint(range(start, end)):
            found.update(dict.fromkeys(range(start, end), element))
    return {element: range(*seen.spans[element]) for element in dict.fromkeys(found.values())}


def _outwards(seen: Visible, link: html.HtmlElement, around: frozenset[html.HtmlElement]) -> Iterator[html.HtmlElement]:
    """Yield a link and the elements around it that may be a tile."""
    for element in (link, *islice(link.iterancestors(), _TILE_LEVELS)):
        start, end = seen.spans.get(element, (0, 0))
        if element in around or element.tag in ("body", "main") or end - start > _LONGEST_TILE:
            return
        yield element


def _rows(
    seen: Visible, links: Mapping[html.HtmlElement, str], around: frozenset[html.HtmlElement]
) -> Iterator[html.HtmlElement]:
    """Yield the items of rows: similar elements beside each other, each with its link and an amount of money.

    An item of a list whose text begins with its link needs none beside it.
    """
    priced: dict[html.HtmlElement, html.HtmlElement] = {}
    for link in links:
        for inner in _outwards(seen, link, around) if link in seen.spans else ():
            if _has_money(seen, inner):
                priced.setdefault(inner, link)
                break
    held = Counter(outer for inner in priced for outer in inner.iterancestors())
    rows: dict[tuple[html.HtmlElement, str, str], dict[html.HtmlElement, html.HtmlElement]] = {}
    for inner, link in priced.items():
        outer = [inner, *takewhile(lambda one: held[one] <= 1, _outwards(seen, inner, around))]
        item = next((one for one in outer if one.tag in _ITEMS), outer[-1])
        shape = (item.getparent(), item.tag, (item.get("class") or "").partition(" ")[0])
        rows.setdefault(shape, {}).setdefault(item, link)
    for items in rows.values():
        many = len({links[link] for link in items.values()}) >= _ROW
        yield from (item for item, link in items.items() if many or _leads(seen, item, link))


def _leads(seen: Visible, item: html.HtmlElement, link: html.HtmlElement) -> bool:
    """Return whether the text of a list item begins with its link."""
    return item.tag in _ITEMS and seen.spans[link][0] == seen.spans[item][0]


def _has_money(seen: Visible, element: html.HtmlElement) -> bool:
    return MONEY.search(seen.text_of(element)) is not None


def other_pages(document: Document) -> dict[html.HtmlElement, str]:
    """Return the links to other pages of the shop -> host and path of the page."""
    here, found = _page(document.url), {}
    for link in islice(document.tree.iter("a"), _MAX_LINKS):
        if target := document.absolute(link.get("href") or ""):
            page = _page(target)
            if page[0] == here[0] and page != here and not _IMAGE_FILE.search(page[1]):
                found[link] = "".join(page)
    return found


_IMAGE_FILE = re.compile(r"\.(?:jpe?g|png|webp|avif|gif)$", re.IGNORECASE)


def pictured_links(links: Iterable[html.HtmlElement]) -> list[html.HtmlElement]:
    """Return the links that contain an image."""
    return [link for link in links if next(link.iter("img", "picture"), None) is not None]


@lru_cache(maxsize=4096)
def _page(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.netloc, parts.path


def _is_tile(seen: Visible, element: html.HtmlElement, target: str, links: Mapping[html.HtmlElement, str]) -> bool:
    if not _has_money(seen, element) or next(element.iter(*_TABLES), None) is not None:
        return False
    return any(links.get(link) == target and any(c.isalnum() for c in seen.text_of(link)) for link in element.iter("a"))
