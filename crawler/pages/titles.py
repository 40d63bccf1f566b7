"""Titles of a page without the name of the shop, and the caption of the product."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from lxml import html

from crawler.pages.document import Document
from crawler.pages.text import plain
from crawler.pages.visible import Visible

Text = tuple[str, str]
"""A title and its origin."""

__all__ = ["choose_caption", "find_title", "page_titles"]

_BETWEEN = re.compile(r"(\s+[|\-–—:·•»]+\s+|\s*[|｜_]\s*|(?<=[\u3000-\u9fff】」])-(?=\S))")
_MAX_CAPTION = 500
"""Longest caption, characters; captions of M5Product have 20 to 40 words."""
_FULL_NAME = 15
"""Characters from which a heading is a full name, even if the name in the markup is much longer."""
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


def choose_caption(marked: Sequence[Text], titles: Sequence[Text]) -> Text | None:
    """Choose the caption from the names in the markup and the titles of the page.

    The first name of the markup leads, else the heading. A shorter name that is part of the leading one replaces it
    if it is the heading and the start of it, or if it is at least half of it and is the heading or two titles agree
    on it. The rest is then a slogan ("… - buy cheap at …") or a label ("Details about …").
    """
    named = [(text, origin) for text, origin in (*marked, *titles) if len(text) <= _MAX_CAPTION]
    if not named:
        return None
    lead = named[0]
    said = [text.casefold() for text, _ in named]
    for text, origin in named[1:]:
        short, long = text.casefold(), lead[0].casefold()
        if len(short) < len(long) and short in long:
            half = len(short) * 2 >= len(long)
            starts = long.startswith(short) and len(short) >= _FULL_NAME
            if (origin == "html:h1" and (half or starts)) or (half and said.count(short) > 1):
                return text, origin
    return lead


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
