"""One page, decoded and parsed once. All readers work on this document."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from lxml import etree, html

from core.errors import PageError
from core.texts import decode_html
from core.urls import absolute, clean_url, same_site
from reader.text import fold

__all__ = ["MAX_BYTES", "Document", "Headers", "canonical_url", "headers_by_name", "read_document"]

Headers = Mapping[str, str] | Iterable[tuple[str, str]]
"""HTTP headers as a mapping or as pairs."""

MAX_BYTES = 16 * 1024 * 1024
"""Longest page parsed, in bytes; the longest real product page seen was under 2 MB."""


_NO_ATTRIBUTES: Mapping[str, str] = {}


class Script(NamedTuple):
    """A ``script`` element."""

    kind: str
    """Its ``type`` in lower case."""
    id: str
    text: str


@dataclass(frozen=True)
class Document:
    """A parsed page."""

    url: str
    """URL that it was fetched from."""
    tree: html.HtmlElement
    """Root element, ``html``. Readers share it and must not change it."""
    text: str
    """The decoded page."""
    utf8: bytes
    """The decoded page as UTF-8. A search for a word here takes a tenth of the time of a search in ``text``."""
    headers: Mapping[str, str]
    """As returned by :func:`headers_by_name`."""
    encoding: str
    """Name of the page's encoding in the Encoding standard, in lower case."""

    @cached_property
    def elements(self) -> list[html.HtmlElement]:
        """All elements in page order. Kept in memory, because lxml would create them again for every walk."""
        return list(self.tree.iter())

    @cached_property
    def attributes(self) -> dict[html.HtmlElement, Mapping[str, str]]:
        """Attributes of all elements in page order, read once: look-ups take a third of the time of ``element.get``."""
        return {one: dict(items) if (items := one.items()) else _NO_ATTRIBUTES for one in self.elements}

    @cached_property
    def classes(self) -> frozenset[str]:
        """Values of the ``class`` attributes of the page."""
        return frozenset(one["class"] for one in self.attributes.values() if "class" in one)

    @cached_property
    def scripts(self) -> list["Script"]:
        """Scripts with text in page order."""
        found = self.tree.iter("script")
        return [Script((one.get("type") or "").lower(), one.get("id") or "", one.text) for one in found if one.text]

    @cached_property
    def attribute_names(self) -> frozenset[str]:
        """Names of all attributes of the page, as a cheap test of which are absent."""
        return frozenset().union(*self.attributes.values())

    @cached_property
    def base_url(self) -> str:
        """URL that relative URLs of the page are resolved against."""
        hrefs = self.tree.xpath("/html/head/base/@href")
        return (absolute(self.url, str(hrefs[0]), self.encoding) if hrefs else None) or self.url

    @cached_property
    def title(self) -> str:
        """Text of the ``title`` element, white space collapsed; empty if there is none. Titles of SVGs do not count."""
        titles = (
            one for one in self.tree.iter("title") if one.getparent() is None or one.getparent().tag in ("head", "body")
        )
        return fold(next((one.text or "" for one in titles), ""))

    @cached_property
    def meta(self) -> Mapping[str, tuple[str, ...]]:
        """``name`` or ``property`` of meta elements in lower case -> contents in page order."""
        found: dict[str, list[str]] = {}
        for element in self.tree.iter("meta"):
            name = element.get("property") or element.get("name")
            content = (element.get("content") or "").strip()
            if name and content:
                found.setdefault(name.strip().lower(), []).append(content)
        return {name: tuple(contents) for name, contents in found.items()}

    def absolute(self, reference: str) -> str | None:
        """Resolve a URL found on the page; None unless the result is http or https."""
        return absolute(self.base_url, reference, self.encoding)


def read_document(body: bytes, url: str, headers: Headers | None = None) -> Document:
    """Decode and parse a page.

    Args:
        body: Bytes of the page, any content coding already removed.
        url: Absolute URL that it was fetched from.
        headers: Its HTTP headers. Parsing needs only ``Content-Type``, for the charset.

    Raises:
        PageError: ``page_too_large``, ``page_too_deep``, ``page_empty`` or ``bad_url``.
    """
    if absolute("", url) is None:
        raise PageError("bad_url", f"{url[:200]!r} is not an absolute http(s) URL")
    if len(body) > MAX_BYTES:
        raise PageError("page_too_large", f"{url}: the page has {len(body)} bytes; at most {MAX_BYTES} are parsed")
    named = headers_by_name(headers or ())
    text, encoding = decode_html(body, named.get("content-type", ""), url)
    utf8 = text.encode("utf-8", "replace")
    _check_tags(utf8, url)
    return Document(url=url, tree=_parse(utf8, url), text=text, utf8=utf8, headers=named, encoding=encoding)


def headers_by_name(headers: Headers) -> dict[str, str]:
    """Return name in lower case -> value; a header sent on several lines keeps them, divided by line feeds.

    No header contains a line feed. A comma would make one line of them, and where ``X-Robots-Tag`` begins with a
    crawler's name, only its own line is meant.
    """
    found: dict[str, str] = {}
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        key = name.lower()
        found[key] = f"{found[key]}\n{value}" if key in found else value
    return found


_LONG_TAG = re.compile(rb"<[A-Za-z][^<>]{6000,}")
_VALUE = re.compile(rb"\"[^\"]*\"|'[^']*'")
_MAX_ATTRIBUTES = 1_000
"""Maximum attributes of one tag; libxml2 compares each with all others. The richest real tag seen had 60."""


def _check_tags(utf8: bytes, url: str) -> None:
    """Raise if the attributes of a tag would keep the parser busy for minutes.

    Raises:
        PageError: ``page_too_large``.
    """
    for tag in _LONG_TAG.finditer(utf8):
        count = len(_VALUE.sub(b" ", tag[0]).split())
        if count > _MAX_ATTRIBUTES:
            raise PageError(
                "page_too_large", f"{url}: a tag has {count} attributes; at most {_MAX_ATTRIBUTES} are read"
            )


_ELEMENTS = etree.ElementDefaultClassLookup(element=html.HtmlElement)
"""One class for all elements; the parser of ``lxml.html`` looks up those of forms and the like in Python."""


def _parse(utf8: bytes, url: str) -> html.HtmlElement:
    # libxml2 stops at 2,048 nested elements with huge_tree (256 without, which real pages exceed).
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    parser.set_element_class_lookup(_ELEMENTS)
    try:
        tree = html.document_fromstring(utf8, parser=parser)
    except etree.ParserError:
        raise PageError("page_empty", f"{url}: the page is empty") from None
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise PageError("page_too_deep", f"{url}: the page nests elements too deeply to be parsed")
    return tree


def canonical_url(document: Document) -> str:
    """Return the canonical URL of a page: canonical link, else ``og:url``, else its own URL.

    A canonical URL on another host, or of the home page on a different page, is a common mistake of shops and is
    ignored. Tracking and session parameters are dropped.
    """
    linked = (one for one in document.tree.iter("link") if "canonical" in (one.get("rel") or "").lower().split())
    hrefs = [one.get("href") or "" for one in linked]
    for reference in [*hrefs[:1], *document.meta.get("og:url", ())[:1]]:
        found = document.absolute(reference)
        if found and same_site(found, document.url) and (_path(found) or not _path(document.url)):
            return clean_url(found)
    return clean_url(document.url)


def _path(url: str) -> str:
    """Return the part of a URL after the host; empty for a home page."""
    return url.split("/", 3)[3].strip("/?") if url.count("/") >= 3 else ""
