"""Tiles of other products on a page: recommended, related and recently seen ones."""

import re
from functools import lru_cache
from itertools import islice
from urllib.parse import urlsplit

from lxml import html

from crawler.pages.currencies import CODE, SIGN, UNIT
from crawler.pages.document import Document
from crawler.pages.visible import Visible

__all__ = ["MONEY", "tiles"]

MONEY = re.compile(rf"(?:{SIGN}|(?<![A-Za-z]){CODE})\s?\d|\d[\d.,\s]{{0,12}}(?:{SIGN}|{CODE}\b|{UNIT})")
"""An amount of money in a text."""
_LEVELS = 6
"""Elements around a linked image, one of which holds the whole tile."""
_LONGEST = 40
"""Runs of text of a tile."""
_TABLES = ("table", "dl", "h1")
"""Elements of a product's own page, not of a tile."""


def tiles(document: Document, seen: Visible) -> list[range]:
    """Return the runs of text of each other product.

    A tile is the smallest element that holds an image and words that link to one other page of the shop, and an amount
    of money, but no link with an image to a third page, and not the heading.
    """
    title = seen.title
    around = frozenset((title, *title.iterancestors())) if title is not None else frozenset()
    targets = _targets(document)
    found: dict[int, range] = {}
    for image, target in targets.items():
        for element in (image, *islice(image.iterancestors(), _LEVELS)):
            start, end = seen.spans.get(element, (0, 0))
            if element in around or element.tag in ("body", "main") or end - start > _LONGEST:
                break
            if any(targets.get(link, target) != target for link in element.iter("a")):
                break
            if start in found:
                break
            if end > start and _is_tile(document, seen, element, target):
                found.update(dict.fromkeys(range(start, end), range(start, end)))
                break
    return list(dict.fromkeys(found.values()))


def _targets(document: Document) -> dict[html.HtmlElement, str]:
    """Return the links that hold an image -> the page of the shop that they lead to, if it is another one."""
    here, found = _page(document.url), {}
    images = document.tree.iter("img", "picture")
    pictured = {link for image in images for link in islice(image.iterancestors("a"), 1)}
    for link in document.tree.iter("a") if pictured else ():
        if link in pictured and (target := document.absolute(link.get("href") or "")):
            page = _page(target)
            if page[0] == here[0] and page != here and not re.search(r"\.(?:jpe?g|png|webp|avif|gif)$", page[1]):
                found[link] = "".join(page)
    return found


@lru_cache(maxsize=4096)
def _page(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.netloc, parts.path


def _is_tile(document: Document, seen: Visible, element: html.HtmlElement, target: str) -> bool:
    if not MONEY.search(seen.text_of(element)) or next(element.iter(*_TABLES), None) is not None:
        return False
    links = (link for link in element.iter("a") if any(c.isalnum() for c in seen.text_of(link)))
    return any("".join(_page(document.absolute(link.get("href") or "") or "")) == target for link in links)
