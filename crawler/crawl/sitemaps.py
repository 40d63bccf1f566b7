"""Sitemaps: the URLs that a shop lists itself (sitemaps.org), read despite the flaws of real files."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from urllib.parse import urlsplit

from lxml import etree

from core.urls import normalise
from crawler.crawl.languages import language_tag
from crawler.crawl.scope import Scope, rehost, without_order

__all__ = ["Sitemap", "is_sitemap_url", "looks_like_sitemap", "read_sitemap", "sitemap_urls"]

_MAX_URLS = 50_000
"""The protocol's own limit per file."""
_ROOTS = (b"<urlset", b"<sitemapindex")
_HEAD_BYTES = 4_096
_DAY_LENGTH = len("2024-01-01")


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


def is_sitemap_url(url: str) -> bool:
    """Return whether a URL is that of a sitemap, judged by its name."""
    return urlsplit(url).path.lower().endswith((".xml", ".xml.gz"))


def looks_like_sitemap(body: bytes) -> bool:
    """Return whether the first bytes are those of a sitemap, gzip or not; content types are often wrong."""
    head = body[:_HEAD_BYTES]
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(31).decompress(head, _HEAD_BYTES)
        except zlib.error:
            return False
    return any(root in head for root in _ROOTS)


def read_sitemap(body: bytes, max_bytes: int) -> Sitemap:
    """Read a sitemap or an index, also compressed with gzip, or a list of plain URLs.

    Args:
        body: the file as received.
        max_bytes: largest size of the unpacked file.

    Returns:
        The readable part: of a broken file, everything before the break.

    Raises:
        ValueError: longer than ``max_bytes``, or broken gzip.
    """
    text = _unpack(body, max_bytes)
    if not any(root in text[:_HEAD_BYTES] for root in _ROOTS):
        lines = (line.strip() for line in text.decode("utf-8", "replace").splitlines())
        return Sitemap(urls=tuple(line for line in lines if line.startswith(("http://", "https://")))[:_MAX_URLS])
    found = _entries(text)[:_MAX_URLS]
    if not text.rstrip().endswith(b">"):
        found = found[:-1]  # cut off: the last URL may be incomplete
    pages = tuple(entry.url for entry in found if entry.name == "url")
    dates = {entry.url: date for entry in found if entry.name == "url" and (date := _utc(entry.modified))}
    languages = {url: tag for entry in found for url, tag in entry.alternates}
    return Sitemap(pages, tuple(entry.url for entry in found if entry.name == "sitemap"), dates, languages)


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    url: str
    modified: str
    alternates: tuple[tuple[str, str], ...]
    """URL and language."""


def _entries(text: bytes) -> list[_Entry]:
    """Return all entries, including those after a stray ``&``."""
    # Nothing outside the file is ever read: no entities, no DTD, no network.
    events = etree.iterparse(
        BytesIO(text), events=("end",), resolve_entities=False, no_network=True, load_dtd=False, recover=True
    )
    found: list[_Entry] = []
    for _, element in events:
        name = _local_name(element)
        if name in {"url", "sitemap"}:
            said = {_local_name(c): (c.text or "").strip() for c in reversed(element)}
            if said.get("loc"):
                found.append(_Entry(name, said["loc"], said.get("lastmod", ""), _alternates(element)))
            element.clear(keep_tail=False)
    return found


def _alternates(entry: etree._Element) -> tuple[tuple[str, str], ...]:
    links = [(link.get("href") or "", language_tag(link.get("hreflang") or "")) for link in entry.iter("{*}link")]
    return tuple((url, tag) for url, tag in links if url and tag)


def _utc(text: str) -> str | None:
    """Return a W3C date or time as ISO 8601 in UTC; None if it is neither.

    A day without a time means its very end, anywhere on Earth.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) <= _DAY_LENGTH:
        moment += timedelta(days=1, hours=12)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat()


def sitemap_urls(listed: tuple[str, ...], sitemap_url: str, scope: Scope) -> Mapping[str, str]:
    """Return each normalised URL once, in order -> the URL as listed.

    If none of them is on a host of the source, the shop's software does not know its own host
    (``example.com``, ``localhost``): it is replaced by the sitemap's own host.
    """
    urls = [(without_order(url), text) for text in listed if (url := normalise(text, sitemap_url))]
    if urls and not any(scope.holds(url) for url, _ in urls):
        urls = [(rehost(url, sitemap_url), text) for url, text in urls]
    found: dict[str, str] = {}
    for url, text in urls:
        found.setdefault(url, text)
    return found


def _local_name(element: etree._Element) -> str:
    tag: object = element.tag  # a function, if the element is a comment
    return etree.QName(tag).localname if isinstance(tag, str) else ""


def _unpack(body: bytes, max_bytes: int) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body
    unpacker = zlib.decompressobj(31)
    try:
        text = unpacker.decompress(body, max_bytes)
    except zlib.error as error:
        raise ValueError(f"broken gzip: {error}") from None
    if unpacker.unconsumed_tail:
        raise ValueError(f"more than {max_bytes} bytes when unpacked")
    return text
