"""Titles of a page without the name of the shop."""

import re
from urllib.parse import urlsplit

from lxml import html

from crawler.pages.document import Document
from crawler.pages.text import plain
from crawler.pages.visible import Visible

Text = tuple[str, str]
"""A title and its origin."""

__all__ = ["find_title", "page_titles"]

_BETWEEN = re.compile(r"(\s+[|\-–—:·•»]+\s+|\s*[|｜_]\s*|(?<=[\u3000-\u9fff】」])-(?=\S))")
_GENERIC = frozenset(
    (
        *("www", "shop", "store", "de", "com", "net", "org", "co", "uk", "html", "product", "products"),
        *("online", "m", "en"),
    )
)


def page_titles(document: Document, seen: Visible) -> list[Text]:
    """Return the titles of a page and their origins: heading, ``og:title``, ``title``."""
    titles: list[Text] = []
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
