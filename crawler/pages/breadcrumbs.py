"""Category paths from breadcrumbs in markup and in plain HTML."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from lxml import html

from crawler.pages.document import Document
from crawler.pages.facts import breadcrumb, types_of
from crawler.pages.markup import Node
from crawler.pages.text import as_a_whole, fold, squash
from crawler.pages.visible import words

__all__ = ["Crumb", "crumbs_of", "is_home", "marked_breadcrumbs", "named_breadcrumbs", "rows_after_home"]

Crumb = tuple[str, str]
"""Name and absolute URL of one step; the URL may be empty."""

_NAMED = re.compile(r"bread-?crumbs?|(?:^|[\s_-])crumbs?(?:$|[\s_-])", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*[>›»/→⟩＞]\s*|\s+[-–·]\s+|\s{3,}")
_LEAD = re.compile(
    r"^(?:您的位置|当前位置|您现在的位置|目前位置|you are here|sie sind hier|vous êtes ici|вы здесь)\s*[:：]?\s*",
    re.IGNORECASE,
)
_LONGEST_HOME = 20
_MAX = 12
_START = 1_000
"""Characters of an element that are looked at for a separator behind its first link."""


def marked_breadcrumbs(document: Document, nodes: Iterable[Node]) -> Iterator[list[Crumb]]:
    """Yield the steps of each ``BreadcrumbList``."""
    for node in nodes:
        if "breadcrumblist" in types_of(node):
            yield [(name, document.absolute(url) or "") for name, url in breadcrumb(node)]


def named_breadcrumbs(document: Document) -> Iterator[html.HtmlElement]:
    """Yield the elements that are called breadcrumb, and elements inside them of that name."""
    for element, attributes in document.attributes.items() if b"rumb" in document.utf8 else ():
        get = attributes.get
        called = f"{get('class', '')} {get('id', '')} {get('aria-label', '')}" if attributes else ""
        if (
            "rumb" in called
            and element.tag not in ("a", "li", "i", "svg", "script", "style")
            and _NAMED.search(words(called))
        ):
            yield element


def rows_after_home(document: Document) -> Iterator[html.HtmlElement]:
    """Yield the elements in which a link to the home page is followed by a separator."""
    texts: dict[html.HtmlElement, str] = {}
    for link in document.tree.iter("a"):
        text = fold(link.text or "")
        parent = link.getparent()
        if not text or len(text) > _LONGEST_HOME or parent is None or not is_home(text):
            continue
        if parent not in texts:
            texts[parent] = fold(parent.text_content()[:_START])
        rest = (link.tail or "").strip() or texts[parent][len(text) :].strip()
        if _BETWEEN.match(rest) or _LEAD.match(fold(parent.text or "")):
            yield parent


def crumbs_of(document: Document, place: html.HtmlElement) -> Iterator[Crumb]:
    """Yield the steps of a breadcrumb: its list items, else its links and the text around them."""
    items = [item for item in place.iter("li") if not any(True for _ in item.iterdescendants("li"))]
    if items and all(any(True for _ in link.iterancestors("li")) for link in place.iter("a")):
        for item in items[:_MAX]:
            link = next(item.iter("a"), None)
            yield from _split(item.text_content(), document, link, whole=len(items) > 1)
        return
    yield from _split(place.text or "", document, None)
    for element in place.iterdescendants():
        if not isinstance(element.tag, str) or element.tag in ("script", "style", "svg"):
            continue
        link = element if element.tag == "a" else next(element.iterancestors("a"), None)
        yield from _split(element.text or "", document, link)
        yield from _split(element.tail or "", document, None)


def _split(text: str, document: Document, link: html.HtmlElement | None, *, whole: bool = False) -> Iterator[Crumb]:
    """Yield the steps of a text; a link, or an item of a list of several, is one step."""
    url = document.absolute(link.get("href") or "") if link is not None else None
    for piece in _BETWEEN.split(text.strip()) if link is None and not whole else [text]:
        name = _LEAD.sub("", fold(piece)).strip(">›»/→＞· ")
        if name:
            yield name, url or ""


@lru_cache(maxsize=4096)
def is_home(name: str) -> bool:
    """Return whether a step is the home page, or the root of all categories."""
    return as_a_whole("homes").fullmatch(squash(name)) is not None
