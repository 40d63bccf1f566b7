"""Sitemaps: the URLs that a shop lists itself (sitemaps.org), read despite the flaws of real files."""

import re
import zlib
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from html.entities import html5
from io import BytesIO
from itertools import islice
from urllib.parse import urlsplit

from lxml import etree

from core.texts import decode_xml
from core.urls import normalise
from crawler.crawl.languages import language_tag
from crawler.crawl.scope import Scope, rehost, without_order
from crawler.net.content_coding import GZIP_MAGIC, gunzip

__all__ = ["MAX_URLS", "Sitemap", "is_sitemap_url", "looks_like_sitemap", "read_sitemap", "sitemap_urls"]

MAX_URLS = 200_000
"""Most URLs read from one file. The protocol allows 50,000; real files exceed it."""
_HEAD = 4_096
_MAX_LAYERS = 2
"""Times that a file is unpacked: servers compress files that are compressed already."""
_ROOT = re.compile(rb"<(?:[\w.-]+:)?(?:urlset|sitemapindex)[\s>/]", re.IGNORECASE)
_MARKUP = re.compile(r"<(?:[\w.-]+:)?(?:urlset|sitemapindex|rss|feed|rdf)[\s>/]", re.IGNORECASE)
"""Roots of XML forms: RSS and Atom are allowed too."""


@dataclass(frozen=True, slots=True)
class Sitemap:
    """The URLs that one file lists, as written, in file order."""

    urls: tuple[str, ...] = ()
    """Pages."""
    sitemaps: tuple[str, ...] = ()
    """Further files that an index lists."""
    modified: Mapping[str, str] = field(default_factory=dict)
    """Page -> date of its last change (``lastmod``), ISO 8601, UTC; only pages with a readable one."""
    languages: Mapping[str, str] = field(default_factory=dict)
    """Page -> its language, for pages that the file lists in several languages (``hreflang``)."""
    first_left_out: str = ""
    """The first URL beyond the number that is read; empty: all were."""


def is_sitemap_url(url: str) -> bool:
    """Return whether a URL is that of a sitemap, judged by its name."""
    return urlsplit(url).path.lower().endswith((".xml", ".xml.gz"))


def looks_like_sitemap(body: bytes) -> bool:
    """Return whether the first bytes are those of a sitemap, gzip or not; content types are often wrong."""
    head = body[:_HEAD]
    if head.startswith(GZIP_MAGIC):
        try:
            head = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(head, _HEAD)
        except zlib.error:
            return False
    if b"\0" in head:  # UTF-16
        head = decode_xml(head).text.encode("utf-8", "replace")
    return _ROOT.search(head) is not None


def read_sitemap(body: bytes, max_bytes: int, content_type: str = "") -> Sitemap:
    """Read a sitemap or an index, an RSS or Atom feed, or a list of plain URLs; each may be compressed with gzip.

    Args:
        body: the file as received.
        max_bytes: largest size of the unpacked file.
        content_type: its ``Content-Type`` header.

    Returns:
        The readable part: of a broken file, everything before the break.

    Raises:
        ValueError: longer than ``max_bytes``, or broken gzip.
    """
    for _ in range(_MAX_LAYERS):
        body = gunzip(body, max_bytes).body if body.startswith(GZIP_MAGIC) else body
    text = decode_xml(body, content_type).text
    root = _MARKUP.search(text[:_HEAD])
    if root is None:
        lines = (line.strip() for line in text.splitlines())
        return _collect(_Entry("url", line) for line in lines if line.startswith(("http://", "https://")))
    return _collect(_entries(_repair(text[root.start() :])))


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    """``url`` or ``sitemap``."""
    url: str
    modified: str = ""
    alternates: tuple[tuple[str, str], ...] = ()
    """URL and language."""


def _collect(entries: Iterable[_Entry]) -> Sitemap:
    entries = iter(entries)
    found = list(islice(entries, MAX_URLS))
    pages = [entry for entry in found if entry.name == "url"]
    more = next(entries, None)
    return Sitemap(
        urls=tuple(entry.url for entry in pages),
        sitemaps=tuple(entry.url for entry in found if entry.name == "sitemap"),
        modified={entry.url: date for entry in pages if (date := _utc(entry.modified))},
        languages={url: tag for entry in found for url, tag in entry.alternates},
        first_left_out=more.url if more else "",
    )


_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML does not allow."""
_REFERENCE = re.compile(r"<!\[CDATA\[.*?\]\]>|<!--.*?-->|&(?:(?:#\d+|#x[0-9a-fA-F]+|(\w+));)?", re.DOTALL)
_XML_NAMES = frozenset({"amp", "lt", "gt", "quot", "apos"})


def _repair(text: str) -> bytes:
    """Return XML without what stops a parser: bare ampersands, names of HTML, forbidden characters, a cut end."""
    text = _FORBIDDEN.sub("", text)
    if "&" in text:
        text = _REFERENCE.sub(_escape, text)
    if not text.rstrip().endswith(">"):
        text = text[: max(0, text.rfind("<"))]  # cut off: the last tag, or the text before it, may be incomplete
    return text.encode("utf-8", "replace")


def _escape(found: re.Match[str]) -> str:
    if found[0] == "&":
        return "&amp;"
    name = found[1]
    return html5.get(f"{name};", found[0]) if name and name not in _XML_NAMES else found[0]


def _entries(xml: bytes) -> Iterator[_Entry]:
    """Yield all entries, including those after errors."""
    # Nothing outside the file is ever read: no entities, no DTD, no network.
    events = etree.iterparse(
        BytesIO(xml), events=("end",), resolve_entities=False, no_network=True, load_dtd=False, recover=True
    )
    for _, element in events:
        name = _local_name(element)
        inner = element.getparent() is not None and _local_name(element.getparent()) in ("loc", "url", "sitemap")
        if name in ("url", "sitemap") and not inner:
            yield from _listed(element, name)
        elif name in ("item", "entry"):
            yield from _published(element)
        else:
            continue
        element.clear(keep_tail=False)


def _listed(element: etree._Element, name: str) -> Iterator[_Entry]:
    """Yield the URLs of an entry of a sitemap; some have several, the URL without ``loc``, or escape it twice."""
    alternates = _alternates(element)
    said = [(tag, _text(child)) for child in element if (tag := _local_name(child))]
    dates = [text for tag, text in said if tag == "lastmod"]
    places = [at for at, (tag, text) in enumerate(said) if tag == "loc" and text]
    if not places and (text := (element.text or "").strip()).startswith(("http://", "https://")):
        yield _Entry(name, text, dates[0] if dates else "", alternates)
    for at, end in zip(places, [*places[1:], len(said)], strict=False):
        own = dates if len(places) == 1 else [text for tag, text in said[at:end] if tag == "lastmod"]
        yield _Entry(name, said[at][1].replace("&amp;", "&"), own[0] if own else "", alternates)


_DATES = ("pubdate", "updated", "modified", "date", "published")


def _published(item: etree._Element) -> Iterator[_Entry]:
    """Yield the page of an item of RSS or an entry of Atom (RFC 4287, 4.2.7.2)."""
    dates = {_local_name(child): (child.text or "").strip() for child in reversed(item)}
    url = next((found for child in item if _local_name(child) == "link" and (found := _target(child))), "")
    if not url and dates.get("guid", "").startswith(("http://", "https://")):
        url = dates["guid"]
    if url:
        yield _Entry("url", url, next((dates[name] for name in _DATES if dates.get(name)), ""))


def _target(link: etree._Element) -> str:
    if href := (link.get("href") or "").strip():
        return href if (link.get("rel") or "alternate").strip().lower() == "alternate" else ""
    return _text(link)


def _text(element: etree._Element) -> str:
    """Return the text of an element without comments and entities, which are never resolved."""
    parts = (
        part
        for one in element.iter()
        for part in (one.text if _local_name(one) else None, None if one is element else one.tail)
    )
    return "".join(part for part in parts if part).strip()


def _alternates(entry: etree._Element) -> tuple[tuple[str, str], ...]:
    links = [
        (link.get("href") or "", language_tag(link.get("hreflang") or ""))
        for link in entry.iter()
        if _local_name(link) == "link"
    ]
    return tuple((url, tag) for url, tag in links if url and tag)


_MONTH = re.compile(r"(\d{4})(?:-(\d{2}))?")
_DAY_LENGTH = len("2024-01-01")


def _utc(text: str) -> str | None:
    """Return a W3C date, or one of RSS, as ISO 8601 in UTC; None if it is neither.

    A day, month or year without a time means its very end, anywhere on Earth.
    """
    try:
        moment = _moment(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if len(text) <= _DAY_LENGTH:
        moment += timedelta(days=1, hours=12)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat()


def _moment(text: str) -> datetime:
    if found := _MONTH.fullmatch(text):
        year, month = int(found[1]), int(found[2] or 12)
        return datetime(year, month, monthrange(year, month)[1])  # noqa: DTZ001  the caller sets the zone
    try:
        return datetime.fromisoformat(text.replace(" +", "+"))
    except ValueError:
        return parsedate_to_datetime(text)


def sitemap_urls(listed: tuple[str, ...], sitemap_url: str, scope: Scope) -> Mapping[str, str]:
    """Return each normalised URL once, in order -> the URL as listed.

    If none of them is on a host of the source, the shop's software does not know its own host
    (``example.com``, ``localhost``): it is replaced by the sitemap's own host, if that is one of the source's.
    """
    urls = [(without_order(url), text) for text in listed if (url := normalise(text, sitemap_url))]
    if urls and scope.holds(sitemap_url) and not any(scope.holds(url) for url, _ in urls):
        urls = [(rehost(url, sitemap_url), text) for url, text in urls]
    found: dict[str, str] = {}
    for url, text in urls:
        found.setdefault(url, text)
    return found


def _local_name(element: etree._Element) -> str:
    """Return a name in lower case without its prefix, be it declared or not; empty for a comment."""
    tag: object = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""
