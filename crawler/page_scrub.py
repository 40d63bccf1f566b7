"""Take an item's links, and what they say, out of a page or sitemap of someone else's."""

import html
import re
import zlib
from collections.abc import Callable, Iterator

from crawler.pages.urls import normalise
from takedown.words import Words

__all__ = ["IsGone", "scrub_page"]

IsGone = Callable[[str], bool]
"""Tells whether an address, spelt as ``crawler.pages.urls.normalise`` spells it, is the item's."""

_QUOTED = re.compile(rb"""("[^"<>]{1,4000}"|'[^'<>]{1,4000}'|=\s*[^\s"'<>`]+)""")
"""Values of attributes, and strings in scripts."""

_PART = re.compile(rb"""[^\s"',=]*[/.?][^\s"',]*""")
"""What may be an address inside one; a list of images has several."""

_ADDRESS = re.compile(rb"""(?:https?:)?(?:\\?/){2}[^\s"'<>\x00-\x1f]+""", re.IGNORECASE)
_ANCHOR = re.compile(rb"<a\b([^>]*)>(.*?)</a\s*>", re.IGNORECASE | re.DOTALL)
_SAYING = re.compile(rb"""(?:alt|title|aria-label)\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)|>([^<>]+)<""", re.IGNORECASE)
_GZIP = b"\x1f\x8b"
_MOST = 200_000_000
_TELLING = 8
"""Characters from which what a link says is taken for the item's name, and blanked wherever it stands."""


def scrub_page(body: bytes, url: str, is_gone: IsGone) -> bytes:
    """Return a page without the addresses that are gone and without what links to them say.

    A text of fewer than eight characters is blanked inside the link alone: "more" is no one's name.

    Args:
        body: HTML or XML in any encoding that is ASCII at its tags; gzipped where it begins so.
        url: Its own address, which relative ones are read against.
        is_gone: Which addresses.
    """
    if body.startswith(_GZIP):
        return _scrub_packed(body, url, is_gone)
    said: list[str] = []

    def is_item(found: bytes) -> bool:
        spelt = html.unescape(found.decode(errors="replace")).replace("\\/", "/").strip("\"' ,")
        address = normalise(spelt, url)
        return address is not None and (is_gone(address) or is_gone(address.partition("?")[0]))

    def part(match: re.Match[bytes]) -> bytes:
        return b"" if is_item(match[0]) else match[0]

    def quoted(match: re.Match[bytes]) -> bytes:
        return _PART.sub(part, match[0])

    def anchor(match: re.Match[bytes]) -> bytes:
        if _QUOTED.sub(quoted, match[1]) == match[1]:
            return match[0]
        said.extend(_said(match[0]))
        return b"<a></a>"

    body = _ANCHOR.sub(anchor, body)
    body = _QUOTED.sub(quoted, body)
    body = _ADDRESS.sub(part, body)
    return Words(texts=[text for text in said if len(text) >= _TELLING]).blank(body)


def _scrub_packed(body: bytes, url: str, is_gone: IsGone) -> bytes:
    """Scrub a gzipped sitemap; one that does not unpack, or to more than is sensible, is emptied."""
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        plain = unpacker.decompress(body, _MOST)
    except zlib.error:
        return b""
    clean = scrub_page(plain.removeprefix(_GZIP), url, is_gone)
    if clean == plain and not unpacker.unconsumed_tail:
        return body
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    return packer.compress(clean) + packer.flush()


def _said(anchor: bytes) -> Iterator[str]:
    for match in _SAYING.finditer(anchor):
        raw = (match[1] or match[2]).strip(b"\"'")
        for encoding in ("utf-8", "gb18030"):
            try:
                text = html.unescape(raw.decode(encoding))
            except UnicodeDecodeError:
                continue
            yield " ".join(text.split())
            break
