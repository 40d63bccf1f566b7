"""JSON-LD as shops write it: broken ones mended where a browser's reader would, others left out."""

import json
import re
from collections.abc import Iterator

from crawler.pages.document import Document

__all__ = ["Node", "jsonld_nodes"]

Node = dict[str, object]
"""One object of schema.org data: property -> text, number, node, or a list of these; ``@type`` names its types."""

_WRAPPING = re.compile(
    r"^\s*(?:/\*.*?\*/|<!--|<!\[CDATA\[|//[^\n]*\n|;)+\s*|\s*(?:/\*.*?\*/|-->|\]\]>|//\s*\]\]>|;)+\s*$", re.DOTALL
)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_MAX_NODES = 5000
"""Nodes looked at on one page; the busiest real page met had 700."""
_LISTED = frozenset(
    [
        "isrelatedto",
        "issimilarto",
        "isaccessoryorsparepartfor",
        "isconsumablefor",
        "review",
        "reviews",
        "itemlistelement",
        "potentialaction",
        "isvariantof",
        "hasvariant",
    ]
)
"""Properties whose products are other products."""


def jsonld_nodes(document: Document) -> list[Node]:
    """Return all typed objects of the page's JSON-LD in page order, ``@graph`` and nested ones included.

    Objects below a list of other products (``isRelatedTo``, ``itemListElement``) or of variants are left out here:
    they keep their place inside their parents.
    """
    nodes: list[Node] = []
    for script in document.tree.iter("script"):
        if "ld+json" in (script.get("type") or "").lower() and script.text:
            for value in _loads(script.text):
                nodes += _typed(value, _MAX_NODES - len(nodes))
    return nodes


def _loads(text: str) -> list[object]:
    """Decode a script that may be wrapped in comments, have trailing commas, or hold several values."""
    for attempt in (text, _WRAPPING.sub("", text), _TRAILING_COMMA.sub(r"\1", _WRAPPING.sub("", text))):
        try:
            return [json.loads(attempt, strict=False)]
        except (ValueError, RecursionError):
            continue
    return list(_several(_WRAPPING.sub("", text)))


def _several(text: str) -> Iterator[object]:
    decoder, at = json.JSONDecoder(strict=False), 0
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        yield value
        while at < len(text) and text[at] in " \t\r\n,;":
            at += 1


def _typed(value: object, limit: int) -> list[Node]:
    found: list[Node] = []
    waiting: list[object] = [value]
    steps = 0
    while waiting and len(found) < limit and steps < _MAX_NODES * 4:
        steps += 1
        item = waiting.pop()
        if isinstance(item, list):
            waiting += reversed(item)
        elif isinstance(item, dict):
            if "@type" in item:
                found.append(item)
            waiting += [inner for name, inner in reversed(item.items()) if _may_hold(name, inner)]
    return found


def _may_hold(name: object, inner: object) -> bool:
    return isinstance(inner, dict | list) and str(name).lower() not in _LISTED
