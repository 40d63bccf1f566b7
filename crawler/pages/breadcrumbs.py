"""Category paths from breadcrumbs in markup and in plain HTML."""

import re
from collections.abc import Iterable, Iterator, Sequence

from lxml import html

from crawler.pages.document import Document
from crawler.pages.facts import breadcrumb, types_of
from crawler.pages.markup import Node
from crawler.pages.text import as_a_whole, fold, squash
from crawler.pages.visible import words

__all__ = ["find_breadcrumb", "marked_breadcrumb"]

Crumb = tuple[str, str]
"""Name and absolute URL of one step; the URL may be empty."""

_NAMED = re.compile(r"bread-?crumbs?|(?:^|[\s_-])crumbs?(?:$|[\s_-])", re.IGNORECASE)
_CANDIDATES = "//@class[contains(., 'rumb')]/.. | //@id[contains(., 'rumb')]/.. | //@aria-label[contains(., 'rumb')]/.."
_BETWEEN = re.compile(r"\s*[>›»/→⟩＞]\s*|\s+[-–·]\s+|\s{3,}")
_LEAD = re.compile(
    r"^(?:您的位置|当前位置|您现在的位置|目前位置|you are here|sie sind hier|vous êtes ici|вы здесь)\s*[:：]?\s*",
    re.IGNORECASE,
)
_MAX = 12


def marked_breadcrumb(document: Document, nodes: Iterable[Node], names: Sequence[str]) -> tuple[str, ...]:
    """Return the path of the first ``BreadcrumbList`` that has one besides the home page and the product."""
    for node in nodes:
        if "breadcrumblist" in types_of(node):
            crumbs = [(name, document.absolute(url) or "") for name, url in breadcrumb(node)]
            if path := _path(document, crumbs, names):
                return path
    return ()


def find_breadcrumb(document: Document, names: Sequence[str]) -> tuple[str, ...]:
    """Return the path of a breadcrumb in plain HTML: an element of that name, else a line that starts at the home page.

    Args:
        document: The page.
        names: Names of the product. A last step with one of them is the product itself.
    """
    for place in [*_named_elements(document), *_after_home(document)]:
        if path := _path(document, list(_crumbs(document, place)), names):
            return path
    return ()


def _named_elements(document: Document) -> Iterator[html.HtmlElement]:
    for element in document.tree.xpath(_CANDIDATES) if b"rumb" in document.utf8 else ():
        called = f"{element.get('class', '')} {element.get('id', '')} {element.get('aria-label', '')}"
        if element.tag not in ("a", "li", "i", "svg", "script", "style") and _NAMED.search(words(called)):
            yield element


def _after_home(document: Document) -> Iterator[html.HtmlElement]:
    for link in document.tree.iter("a"):
        text = fold(link.text or "")
        parent = link.getparent()
        if not text or len(text) > 20 or parent is None or not _is_home(text):
            continue
        rest = (link.tail or "").strip() or fold(parent.text_content())[len(text) :].strip()
        if _BETWEEN.match(rest) or _LEAD.match(fold(parent.text or "")):
            yield parent


def _crumbs(document: Document, place: html.HtmlElement) -> Iterator[Crumb]:
    """Yield the steps of a breadcrumb: its list items, else its links and the text around them."""
    items = [item for item in place.iter("li") if not any(True for _ in item.iterdescendants("li"))]
    if items and all(any(True for _ in link.iterancestors("li")) for link in place.iter("a")):
        for item in items[:_MAX]:
            link = next(item.iter("a"), None)
            yield from _split(item.text_content(), document, link)
        return
    yield from _split(place.text or "", document, None)
    for element in place.iterdescendants():
        if not isinstance(element.tag, str) or element.tag in ("script", "style", "svg"):
            continue
        link = element if element.tag == "a" else next(element.iterancestors("a"), None)
        yield from _split(element.text or "", document, link)
        yield from _split(element.tail or "", document, None)


def _split(text: str, document: Document, link: html.HtmlElement | None) -> Iterator[Crumb]:
    url = document.absolute(link.get("href") or "") if link is not None else None
    for piece in _BETWEEN.split(text.strip()) if link is None else [text]:
        name = fold(piece).strip(">›»/→＞· ")
        if name:
            yield name, url or ""


def _path(document: Document, crumbs: list[Crumb], names: Sequence[str]) -> tuple[str, ...]:
    """Remove the home page from the start and the product from the end."""
    home = (document.absolute("/") or "").rstrip("/")
    said = {name.casefold() for name in names}
    kept = [(_LEAD.sub("", name), url) for name, url in crumbs[:_MAX]]
    kept = [(name, url) for name, url in kept if name and len(name) <= 100]
    while kept and (_is_home(kept[0][0]) or kept[0][1].rstrip("/") == home):
        kept.pop(0)
    here = document.url.partition("?")[0]
    while kept and (kept[-1][0].casefold() in said or kept[-1][1].partition("?")[0] == here):
        kept.pop()
    return tuple(name for name, _ in kept)


def _is_home(name: str) -> bool:
    return as_a_whole("homes").fullmatch(squash(name)) is not None
