"""Repair of what XML forbids and shops write: HTML's names of characters, lone ampersands, no namespace for ``g:``."""

import re
from collections.abc import Iterator
from html.entities import html5
from itertools import chain

__all__ = ["repaired"]

_KEPT = re.compile(
    rb"<!\[CDATA\[.*?\]\]>|<!--.*?-->|<!DOCTYPE[^\[>]*\[.*?\]\s*>|&(?:#\d+;|#[xX][0-9a-fA-F]+;|([A-Za-z][A-Za-z0-9]*);)?",
    re.DOTALL,
)
_ROOT = re.compile(rb"(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>)*<[^\s/>!?]+", re.DOTALL)
_OPEN = ((b"<![CDATA[", b"]]>"), (b"<!--", b"-->"))
_OF_XML = frozenset((b"amp", b"lt", b"gt", b"quot", b"apos"))
_MAX_WAITING = 16 * 1024 * 1024
"""Most bytes without an end of a tag; what is longer is passed on as it is, and refused by the parser."""


def repaired(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces of an XML file in UTF-8 with ``&nbsp;`` as ``&#160;`` and a lone ``&`` as ``&amp;``.

    CDATA sections, comments and names that HTML does not know stay as they are. The root declares the prefix ``g``.
    """
    waiting = _with_prefix(next(pieces, b""))
    for piece in chain((b"",), pieces):
        waiting += piece
        end = _safe_end(waiting)
        if not end and len(waiting) > _MAX_WAITING:
            end = len(waiting)
        yield _KEPT.sub(_replacement, waiting[:end])
        waiting = waiting[end:]
    yield _KEPT.sub(_replacement, waiting)


def _with_prefix(text: bytes) -> bytes:
    """Declare the prefix of Google's attributes in the root element, if it is used and not declared there."""
    root = _ROOT.match(text)
    if root is None or b"<g:" not in text or b"xmlns:g" in text[root.end() : text.find(b">", root.end())]:
        return text
    return b'%s xmlns:g="http://base.google.com/ns/1.0"%s' % (text[: root.end()], text[root.end() :])


def _safe_end(text: bytes) -> int:
    """Return the end of the last tag that is outside of an open section."""
    end = text.rfind(b">") + 1
    for begin, close in _OPEN:
        start = text.rfind(begin, 0, end)
        if start >= 0 and text.find(close, start, end) < 0:
            end = start
    return end


def _replacement(match: re.Match[bytes]) -> bytes:
    name, whole = match[1], match[0]
    if name is None:
        return b"&amp;" if whole == b"&" else whole
    character = html5.get(f"{name.decode()};") if name not in _OF_XML else None
    return "".join(f"&#{ord(sign)};" for sign in character).encode() if character else whole
