"""One page, decoded and parsed once; every reader works on this."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from lxml import etree, html

from crawler.pages.address import absolute
from crawler.pages.charset import decode_page
from crawler.pages.text import fold
from m5data.errors import PageError

__all__ = ["MAX_BYTES", "Document", "Headers", "read_document"]

Headers = Mapping[str, str] | Iterable[tuple[str, str]]
"""HTTP headers as a mapping, or as the pairs that a stored page has."""

MAX_BYTES = 16 * 1024 * 1024
"""Longest page parsed, bytes; the longest real product page met was under 2 MB."""


@dataclass(frozen=True)
class Document:
    """A parsed page."""

    url: str
    """Address it was fetched from."""
    tree: html.HtmlElement
    """Root element, ``html``. Shared: readers must not change it."""
    text: str
    """The decoded page."""
    utf8: bytes
    """The decoded page as UTF-8: asking it whether a word occurs at all costs a tenth of asking ``text``."""
    headers: Mapping[str, str]
    """Names in lower case; several values of one name joined by ``, ``."""
    encoding: str
    """Python's name of the encoding that the page was decoded with."""

    @cached_property
    def base_url(self) -> str:
        """Address that relative addresses on the page start from."""
        hrefs = self.tree.xpath("/html/head/base/@href")
        return (absolute(self.url, str(hrefs[0])) if hrefs else None) or self.url

    @cached_property
    def title(self) -> str:
        """Text of the ``title`` element, white space folded; empty where there is none. Drawings have titles too."""
        titles = (
            one for one in self.tree.iter("title") if one.getparent() is None or one.getparent().tag in ("head", "body")
        )
        return fold(next((one.text or "" for one in titles), ""))

    @cached_property
    def meta(self) -> Mapping[str, tuple[str, ...]]:
        """``name`` or ``property`` of the meta elements, lower case -> contents in page order."""
        found: dict[str, list[str]] = {}
        for element in self.tree.iter("meta"):
            name = element.get("property") or element.get("name")
            content = (element.get("content") or "").strip()
            if name and content:
                found.setdefault(name.strip().lower(), []).append(content)
        return {name: tuple(contents) for name, contents in found.items()}

    def absolute(self, reference: str) -> str | None:
        """Resolve an address found on the page; None unless it becomes http or https."""
        return absolute(self.base_url, reference)


def read_document(body: bytes, url: str, headers: Headers | None = None) -> Document:
    """Decode and parse a page.

    Args:
        body: The page as it came, any content coding already removed.
        url: Address it was fetched from, absolute.
        headers: Its HTTP headers; only ``Content-Type`` is needed, for the charset.

    Raises:
        PageError: ``page_too_large``, ``page_too_deep``, ``page_empty`` or ``bad_url``.
    """
    if absolute(url, url) is None:
        raise PageError("bad_url", f"page address: expected an absolute http(s) address, got {url[:200]!r}")
    if len(body) > MAX_BYTES:
        raise PageError("page_too_large", f"{url}: page of {len(body)} bytes, at most {MAX_BYTES} are parsed")
    named = _join_headers(headers)
    text, encoding = decode_page(body, named.get("content-type", ""))
    utf8 = text.encode("utf-8", "replace")
    return Document(url=url, tree=_parse(utf8, url), text=text, utf8=utf8, headers=named, encoding=encoding)


def _join_headers(headers: Headers | None) -> dict[str, str]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    joined: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return joined


def _parse(utf8: bytes, url: str) -> html.HtmlElement:
    # libxml2 stops at 2,048 nested elements with huge_tree (256 without, which real pages pass).
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        tree = html.document_fromstring(utf8, parser=parser)
    except etree.ParserError:
        raise PageError("page_empty", f"{url}: page holds no markup and no text") from None
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise PageError("page_too_deep", f"{url}: page nests elements too deeply to be parsed")
    return tree
