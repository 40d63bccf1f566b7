"""One page, decoded and parsed once. All readers work on this document."""

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from lxml import etree, html
from w3lib.encoding import resolve_encoding

from core.errors import PageError
from core.urls import absolute, clean_url, same_site
from reader.text import fold

__all__ = ["MAX_BYTES", "Document", "Headers", "canonical_url", "decode_page", "read_document"]

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
    """Names in lower case; several values of one name are joined by ``, ``."""
    encoding: str
    """Python's name of the encoding of the page."""

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
        return (absolute(self.url, str(hrefs[0])) if hrefs else None) or self.url

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
        return absolute(self.base_url, reference)


def read_document(body: bytes, url: str, headers: Headers | None = None) -> Document:
    """Decode and parse a page.

    Args:
        body: Bytes of the page, any content coding already removed.
        url: Absolute URL that it was fetched from.
        headers: Its HTTP headers; only ``Content-Type`` is needed, for the charset.

    Raises:
        PageError: ``page_too_large``, ``page_too_deep``, ``page_empty`` or ``bad_url``.
    """
    if absolute(url, url) is None:
        raise PageError("bad_url", f"{url[:200]!r} is not an absolute http(s) URL")
    if len(body) > MAX_BYTES:
        raise PageError("page_too_large", f"{url}: the page has {len(body)} bytes; at most {MAX_BYTES} are parsed")
    named = _join_headers(headers)
    text, encoding = decode_page(body, named.get("content-type", ""))
    utf8 = text.encode("utf-8", "replace")
    _check_tags(utf8, url)
    return Document(url=url, tree=_parse(utf8, url), text=text, utf8=utf8, headers=named, encoding=encoding)


def _join_headers(headers: Headers | None) -> dict[str, str]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    joined: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return joined


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


_BOMS = ((BOM_UTF8, "utf-8"), (BOM_UTF16_LE, "utf-16-le"), (BOM_UTF16_BE, "utf-16-be"))
_HEAD_BYTES = 65_536
"""Bytes searched for a declaration. Browsers search the whole head; real heads are shorter than this."""
_KNOWN = re.compile(
    r"utf[-_]?8|utf[-_]?16(?:[-_][lb]e)?|gb18030|big5(?:hkscs)?|cp(?:866|874|932|949|125\d)|euc_?(?:jp|kr)|iso2022_jp|koi8[-_][ru]"
    r"|iso8859[-_]\d+|mac[-_](?:roman|cyrillic)"
)
"""Python's names of the encodings in the WHATWG standard."""
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_META = re.compile(rb"<meta[\s/]([^>]*)", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"""(?<![^\s/"'])([A-Za-z-]{1,40})\s{0,20}=\s{0,20}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([^\s"';,]+)""", re.IGNORECASE)
_XML = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


def decode_page(body: bytes, content_type: str = "") -> tuple[str, str]:
    """Decode a page as a browser would.

    The order is that of WHATWG, "determining the character encoding": byte order mark, HTTP header, declaration in
    the head, detection. GBK and GB2312 are read as GB18030, and Latin-1 as Windows-1252. Invalid bytes become
    U+FFFD.

    Args:
        body: Bytes of the page, any content coding already removed.
        content_type: Value of the ``Content-Type`` header, or empty.

    Returns:
        The text, without its byte order mark, and the Python name of the encoding used.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace"), name
    name = _from_header(content_type) or _from_head(body) or _detect(body)
    return body.decode(name, "replace"), name


def _resolve(label: str) -> str | None:
    """Return Python's name of an encoding label as browsers interpret it; None if browsers do not know it.

    Python knows more labels. Some of those codecs take quadratic time or do not decode to text.
    """
    try:
        label.encode("ascii")
        name = resolve_encoding(label.strip()) or resolve_encoding(label.strip().lower().removeprefix("x-"))
    except (UnicodeError, ValueError):
        return None
    return name if name is not None and _KNOWN.fullmatch(name) else None


def _from_header(content_type: str) -> str | None:
    found = _CHARSET.search(content_type)
    return _resolve(found.group(1)) if found else None


def _from_head(body: bytes) -> str | None:
    head = _COMMENT.sub(b"", body[:_HEAD_BYTES])
    for meta in _META.finditer(head):
        label = _declared({m[1].lower(): m[2] or m[3] or m[4] for m in _ATTRIBUTE.finditer(meta[1])})
        name = _resolve(label) if label else None
        if name:
            # The bytes are ASCII so far, so a declared UTF-16 is wrong.
            return "utf-8" if name.startswith(("utf-16", "utf_16")) else name
    declared = _XML.match(head.lstrip())
    return _resolve(declared[1].decode("ascii")) if declared else None


def _declared(attributes: dict[bytes, bytes]) -> str | None:
    """Return the encoding label that a meta element declares."""
    if label := attributes.get(b"charset"):
        return label.decode("latin-1")
    if attributes.get(b"http-equiv", b"").strip().lower() != b"content-type":
        return None
    found = _CHARSET.search(attributes.get(b"content", b"").decode("latin-1"))
    return found.group(1) if found else None


def _detect(body: bytes) -> str:
    """Guess an undeclared encoding: UTF-8, else GB18030 if that gives common Chinese, else Windows-1252."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        # A page that ends inside a character is still UTF-8.
        if error.start >= len(body) - 3 and error.reason == "unexpected end of data":
            return "utf-8"
    else:
        return "utf-8"
    return "gb18030" if _reads_as_chinese(body) else "cp1252"


def _reads_as_chinese(body: bytes) -> bool:
    """Return whether most non-ASCII characters are level-one characters of GB2312 (rows 0xB0-0xD7)."""
    text = body.decode("gb18030", "replace")
    foreign = [c for c in text if c > "\x7f"]
    common = sum("\u4e00" <= c <= "\u9fff" and 0xB0 <= c.encode("gb18030")[0] <= 0xD7 for c in foreign)
    return common * 2 > len(foreign)


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
