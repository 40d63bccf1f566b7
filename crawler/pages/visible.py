"""The visible text of the main part of a page, read in one walk for all readers of plain HTML."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import islice
from urllib.parse import unquote, urlsplit

from lxml import html

from crawler.pages.document import Document
from crawler.pages.text import anywhere, fold, key_of, squash

__all__ = [
    "HIDDEN_STYLE",
    "MAX_RUNS",
    "SKIPPED_TAGS",
    "Run",
    "Visible",
    "is_aside",
    "read_visible",
    "squashed_slug",
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
    """Return whether class and id names say menu, footer, recommendations, reviews or the like."""
    return bool(anywhere("aside_places").search(words(names)))


MAX_RUNS = 20_000
"""Runs read on one page; the richest real page seen had 1,100."""

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

    def text(self, start: int, end: int) -> str:
        """Return the runs from ``start`` up to ``end`` as one line."""
        text = self.runs[start].text if end > start else ""
        for run in self.runs[start + 1 : end]:
            # Two words of their own elements, as in <a>Nike</a><span>Running shoe</span>, are separated by style only.
            apart = not run.glued or (text[-1].islower() and run.text[0].isupper())
            text += f" {run.text}" if apart else run.text
        return text

    def text_of(self, element: html.HtmlElement) -> str:
        """Return the text of an element as one line; empty if it is not in the main part."""
        span = self.spans.get(element)
        return self.text(*span) if span else ""

    @property
    def title_span(self) -> tuple[int, int]:
        """Runs of the heading of the product; (0, 0) if the main part has none."""
        return self.spans.get(self.title, (0, 0)) if self.title is not None else (0, 0)

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
    title = _heading(document, root)
    around = frozenset(title.iterancestors()) if title is not None else frozenset()
    walk = _Walk(Visible(title=title), around, document.attributes)
    walk.run(root)
    return walk.seen


_NAMED_TITLE = re.compile(r"title|name|heading", re.IGNORECASE)
_MAX_HEADINGS = 150


def _heading(document: Document, root: html.HtmlElement) -> html.HtmlElement | None:
    """Return the heading that names what the page is about.

    It agrees with the URL, else leads the title of the page, else is part of it; ``h1`` comes before other headings,
    and those before elements that are only called a title. A logo that repeats the name of the shop is none.
    """
    slug = squashed_slug(document.url)
    titles = [key_of(title) for title in (document.title, *document.meta.get("og:title", ())[:1]) if title]
    best: tuple[tuple[int, ...], html.HtmlElement] | None = None
    for place, (element, rank) in enumerate(islice(_headings(document, root), _MAX_HEADINGS)):
        text = element.text_content()
        key = key_of(text)
        # A book may be called "C", but a number beside a cart is not the heading.
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
            best = (score, element)
    return best[1] if best and (best[0][1] or best[0][0] > 0) else None


def _headings(document: Document, root: html.HtmlElement) -> Iterator[tuple[html.HtmlElement, int]]:
    """Yield headings, and short texts that are called a title, with their rank."""
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
        # One entry an open element: itself, its children left, its first run, whether it is a block, hidden.
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
