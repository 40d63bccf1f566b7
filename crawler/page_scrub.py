"""Removal of an item's links and their texts from someone else's page or sitemap."""

import html
import re
import zlib
from collections.abc import Callable, Iterator

from core.urls import normalise
from takedown.words import Words

__all__ = ["IsGone", "scrub_page"]

IsGone = Callable[[str], bool]
"""Whether a URL, as ``core.urls.normalise`` spells it, is the item's."""

_QUOTED = re.compile(rb"""("[^"<>]{1,4000}"|'[^'<>]{1,4000}'|=\s*[^\s"'<>`]+)""")
"""Values of attributes, and strings in scripts."""

_PART = re.compile(rb"""[^\s"',=]*[/.?][^\s"',]*""")
"""A possible URL inside a value; a list of images has several."""

_URL = re.compile(rb"""(?:https?:)?(?:\\?/){2}[^\s"'<>\x00-\x1f]+""", re.IGNORECASE)
_ANCHOR = re.compile(rb"<a\b([^>]*)>(.*?)</a\s*>", re.IGNORECASE | re.DOTALL)
_LABEL = re.compile(rb"""(?:alt|title|aria-label)\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)|>([^<>]+)<""", re.IGNORECASE)
_GZIP = b"\x1f\x8b"
_MAX_BYTES = 200_000_000
_MIN_NAME = 8
"""Number of characters from which the text of a link counts as the item's name and is blanked everywhere."""


def scrub_page(body: bytes, url: str, is_gone: IsGone) -> bytes:
    """Return a page without the item's URLs and without the texts of links to them.

    A text of fewer than eight characters is blanked only inside the link: "more" is not a name.

    Args:
        body: HTML or XML in any encoding that is ASCII at its tags; gzipped if it begins with gzip's magic number.
        url: Its own URL, against which relative ones are resolved.
        is_gone: Whether a URL is the item's.
    """
    if body.startswith(_GZIP):
        return _scrub_gzipped(body, url, is_gone)
    labels: list[str] = []

    def is_item(found: bytes) -> bool:
        spelt = html.unescape(found.decode(errors="replace")).replace("\\/", "/").strip("\"' ,")
        found_url = normalise(spelt, url)
        return found_url is not None and (is_gone(found_url) or is_gone(found_url.partition("?")[0]))

    def part(match: re.Match[bytes]) -> bytes:
        return b"" if is_item(match[0]) else match[0]

    def quoted(match: re.Match[bytes]) -> bytes:
        return _PART.sub(part, match[0])

    def anchor(match: re.Match[bytes]) -> bytes:
        if _QUOTED.sub(quoted, match[1]) == match[1]:
            return match[0]
        labels.extend(_labels(match[0]))
        return b"<a></a>"

    body = _ANCHOR.sub(anchor, body)
    body = _QUOTED.sub(quoted, body)
    body = _URL.sub(part, body)
    return Words(texts=[text for text in labels if len(text) >= _MIN_NAME]).blank(body)


def _scrub_gzipped(body: bytes, url: str, is_gone: IsGone) -> bytes:
    """Scrub a gzipped sitemap; a damaged one becomes empty, and one that is too long is cut."""
    decompressor = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        plain = decompressor.decompress(body, _MAX_BYTES)
    except zlib.error:
        return b""
    clean = scrub_page(plain.removeprefix(_GZIP), url, is_gone)
    if clean == plain and not decompressor.unconsumed_tail:
        return body
    compressor = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    return compressor.compress(clean) + compressor.flush()


def _labels(anchor: bytes) -> Iterator[str]:
    for match in _LABEL.finditer(anchor):
        raw = (match[1] or match[2]).strip(b"\"'")
        for encoding in ("utf-8", "gb18030"):
            try:
                text = html.unescape(raw.decode(encoding))
            except UnicodeDecodeError:
                continue
            yield " ".join(text.split())
            break
