"""Links of a page."""

import re
from dataclasses import dataclass

from lxml import html

from core.urls import absolute, same_site
from reader.document import Document

__all__ = ["Link", "links", "next_link", "refresh_target"]

_NEXT_TEXT = re.compile(
    r"(?:next(?: page)?|下一页|下一頁|下页|下頁|次へ|次のページ|다음|siguiente|suivante?|nächste(?: seite)?|weiter"
    r"|próxim[ao]|successiv[ao]|avanti|volgende|następna|далее|следующая|вперед|التالي|הבא|sonraki|nästa|seuraava)?\s*[»›>→]*",
    re.IGNORECASE,
)
_NEXT_CLASS = re.compile(r"(?:^|[\s_-])next(?:$|[\s_-])", re.IGNORECASE)
_PAGER = re.compile(r"pag(?:er|ing|ination|es?\b)|分页", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a page."""

    url: str
    """Absolute, http or https, without fragment."""
    text: str
    """Text, white space collapsed; empty for an image."""
    nofollow: bool
    """Whether every link to the URL has ``rel="nofollow"``."""


def links(document: Document) -> tuple[Link, ...]:
    """Return the links of a page in page order, each URL once with its first text that is not empty."""
    found: dict[str, Link] = {}
    for element in document.tree.iter("a", "area"):
        url = document.absolute(element.get("href") or "")
        if url is None:
            continue
        text = " ".join(element.text_content().split())
        nofollow = "nofollow" in _tokens(element, "rel")
        before = found.get(url)
        if before is None:
            found[url] = Link(url, text, nofollow)
        else:
            found[url] = Link(url, before.text or text, before.nofollow and nofollow)
    return tuple(found.values())


def next_link(document: Document) -> str | None:
    """Return the URL of the next page of a listing; None on the last page and on other pages.

    Order of trust: ``link rel=next``, ``a rel=next``, an element of class ``next``, then a link in a pager whose
    whole text is "next" or an arrow.
    """
    for element in document.tree.iter("link", "a"):
        if "next" in _tokens(element, "rel") and (url := _other(document, element)):
            return url
    for element in document.tree.iter("a"):
        parent = element.getparent()
        if _says_next(element) or (parent is not None and parent.tag == "li" and _says_next(parent)):
            url = _other(document, element)
            if url and (_in_pager(element) or _has_next_text(element)):
                return url
    for element in document.tree.iter("a"):
        if _has_next_text(element) and _in_pager(element) and (url := _other(document, element)):
            return url
    return None


_REFRESH = re.compile(
    r"""\s*(?:\d+(?:\.[\d.]*)?|(?=\.\d)[\d.]+)\s*[;,\s]\s*(?:url\s*=\s*)?+(?:"([^"]*)"?|'([^']*)'?|([^"'\s].*))""",
    re.IGNORECASE | re.DOTALL,
)


def refresh_target(document: Document) -> str | None:
    """Return the URL that a page leads to by itself; None if it only reloads itself, or says nothing.

    Sources: the header ``Refresh`` and ``meta http-equiv`` (HTML standard, "shared declarative refresh steps"). A meta
    element inside ``noscript`` counts only where the page has no scripts: it is for browsers without them.
    """
    said = document.headers.get("refresh", "").split("\n")
    for element in document.tree.iter("meta"):
        hidden = bool(document.scripts) and next(element.iterancestors("noscript"), None) is not None
        if (element.get("http-equiv") or "").strip().lower() == "refresh" and not hidden:
            said.append(element.get("content") or "")
    for text in said:
        found = _REFRESH.match(text)
        url = document.absolute(next(filter(None, found.groups()), "")) if found else None
        if url and url != absolute("", document.url):
            return url
    return None


def _other(document: Document, element: html.HtmlElement) -> str | None:
    """Return the URL of a link unless it leads to this page or to another site."""
    url = document.absolute(element.get("href") or "")
    return url if url and url != document.url.partition("#")[0] and same_site(url, document.url) else None


def _tokens(element: html.HtmlElement, attribute: str) -> list[str]:
    return (element.get(attribute) or "").lower().split()


def _says_next(element: html.HtmlElement) -> bool:
    return bool(_NEXT_CLASS.search(element.get("class") or ""))


def _has_next_text(element: html.HtmlElement) -> bool:
    text = " ".join((element.text_content() or element.get("aria-label") or element.get("title") or "").split())
    return bool(text) and bool(_NEXT_TEXT.fullmatch(text))


def _in_pager(element: html.HtmlElement) -> bool:
    """Return whether an enclosing element is named as a pager."""
    for step, outer in enumerate(element.iterancestors()):
        if step > 5:
            return False
        if _PAGER.search(" ".join((outer.get("class") or "", outer.get("id") or "", outer.get("aria-label") or ""))):
            return True
    return False
