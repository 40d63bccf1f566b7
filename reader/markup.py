"""JSON-LD and microdata of a page as schema.org nodes.

Both readers accept common mistakes of shops. Broken JSON is repaired where possible. Microdata follows the HTML Living
Standard, section 5, but a ``content`` attribute counts on any element, and an item without a type belongs to the item
around it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import html

from reader.document import Document
from reader.text import fold

__all__ = ["Node", "jsonld_nodes", "microdata_nodes", "typed_nodes"]

Node = dict[str, object]
"""One object of schema.org data: property -> text, number, node, or a list of these; ``@type`` names its types."""

_OPENINGS = (("/*", "*/"), ("//", "\n"), ("<!--", ""), ("<![CDATA[", ""), (";", ""))
_ENDINGS = (("*/", "/*"), ("-->", ""), ("]]>", ""), ("//", ""), (";", ""))
"""Marks around scripts, each with the mark that closes or opens it, if any."""
_DECODER = json.JSONDecoder(strict=False)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_MAX_NODES = 5000
"""Maximum nodes read on one page; the richest real page seen had 700."""
_OTHER_PRODUCTS = frozenset(
    ("isrelatedto", "issimilarto", "isaccessoryorsparepartfor", "isconsumablefor", "review", "reviews")
)
_LISTED = _OTHER_PRODUCTS | {"itemlistelement", "potentialaction", "isvariantof", "hasvariant"}
"""Properties whose values are other products."""


def jsonld_nodes(document: Document) -> list[Node]:
    """Return all typed objects of the page's JSON-LD in page order, ``@graph`` and nested ones included.

    Objects below a list of other products (``isRelatedTo``, ``itemListElement``) or of variants are left out; they
    stay inside their parents.
    """
    nodes: list[Node] = []
    for script in document.scripts:
        if "ld+json" in script.kind:
            for value in _loads(script.text):
                nodes += typed_nodes(value, _MAX_NODES - len(nodes))
    return nodes


def _loads(text: str) -> list[object]:
    """Decode a script that may be wrapped in comments, or have trailing commas or several values."""
    inner = _unwrapped(text)
    for attempt in (text, inner, _TRAILING_COMMA.sub(r"\1", inner)):
        try:
            return [_DECODER.decode(attempt)]
        except (ValueError, RecursionError):
            continue
    return list(_several(inner))


def _unwrapped(text: str) -> str:
    """Return a script without the comments and marks around it, in one pass."""
    start, end = 0, len(text)
    while True:
        while start < end and text[start].isspace():
            start += 1
        behind = (_behind(text, start, end, mark, closing) for mark, closing in _OPENINGS)
        after = next((place for place in behind if place is not None), None)
        if after is None:
            break
        start = after
    while True:
        while start < end and text[end - 1].isspace():
            end -= 1
        mark, opening = next(((m, o) for m, o in _ENDINGS if text.endswith(m, start, end)), ("", ""))
        before = text.rfind(opening, start, end - len(mark)) if opening else end - len(mark)
        if not mark or before < 0:
            return text[start:end]
        end = before


def _behind(text: str, start: int, end: int, mark: str, closing: str) -> int | None:
    """Return the position after a mark and its closing, or None if the text does not start with both."""
    if not text.startswith(mark, start, end):
        return None
    if not closing:
        return start + len(mark)
    place = text.find(closing, start + len(mark), end)
    return None if place < 0 else place + len(closing)


def _several(text: str) -> Iterator[object]:
    at = 0
    while at < len(text):
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        yield value
        while at < len(text) and text[at] in " \t\r\n,;":
            at += 1


def typed_nodes(value: object, limit: int = _MAX_NODES) -> list[Node]:
    """Return the objects with an ``@type`` inside a value, outermost first."""
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


_SOURCES = ("audio", "embed", "iframe", "img", "source", "track", "video")
_ADDRESS = {
    **dict.fromkeys(("a", "area", "link"), "href"),
    **dict.fromkeys(_SOURCES, "src"),
    "object": "data",
    "data": "value",
    "meter": "value",
    "time": "datetime",
}
"""Element -> attribute that holds its value."""
_LAZY = ("data-src", "data-original", "data-lazy-src")
_MAX_TEXT = 5_000
"""Longest text of a property, in characters."""
_MAX_PROPERTIES = 5_000
"""Maximum properties read on one page; the richest real page seen had 900."""


@dataclass
class _Items:
    nodes: list[Node] = field(default_factory=list)
    scopes: dict[html.HtmlElement, Node] = field(default_factory=dict)


def microdata_nodes(document: Document) -> list[Node]:
    """Return the page's microdata items in page order; nested ones appear in their parents and on their own.

    Products that are values of ``isRelatedTo`` and the like are left out.
    """
    items = _Items()
    if "itemscope" not in document.attribute_names:
        return []
    for element in document.tree.xpath("//*[@itemscope or @itemprop]")[:_MAX_PROPERTIES]:
        _read(items, element)
    for element, node in list(items.scopes.items()):
        for reference in (element.get("itemref") or "").split()[:20]:
            _refer(items, document, node, reference)
    return [node for node in items.nodes if "@type" in node]


def _read(items: _Items, element: html.HtmlElement) -> None:
    names = (element.get("itemprop") or "").split()
    value: object
    if element.get("itemscope") is not None:
        node: Node = {}
        if types := (element.get("itemtype") or "").split():
            node["@type"] = types if len(types) > 1 else types[0]
        if itemid := element.get("itemid"):
            node["@id"] = itemid.strip()
        items.scopes[element] = node
        if not any(name.lower() in _OTHER_PRODUCTS for name in names):
            items.nodes.append(node)
        value = node
    else:
        value = _property_value(element)
    owner = _owner(items, element)
    if (owner is not None and value not in ("", {})) or (isinstance(value, dict) and owner is not None):
        for name in names:
            _add(owner, name, value)


def _owner(items: _Items, element: html.HtmlElement) -> Node | None:
    outer = element.getparent()
    while outer is not None:
        if outer in items.scopes:
            return items.scopes[outer]
        outer = outer.getparent()
    return None


def _add(node: Node, name: str, value: object) -> None:
    before = node.get(name)
    if before is None:
        node[name] = value
    elif isinstance(before, list):
        before.append(value)
    else:
        node[name] = [before, value]


def _property_value(element: html.HtmlElement) -> str:
    content = element.get("content")
    if content is not None:
        return str(content).strip()
    attribute = _ADDRESS.get(element.tag)
    if attribute:
        found = next((lazy for name in _LAZY if element.tag == "img" and (lazy := element.get(name))), None)
        found = found or element.get(attribute)
        if found is not None and not found.startswith("data:"):
            return str(found).strip()
        if element.tag in ("img", "link", "iframe", "source"):
            return ""
    return _element_text(element)


def _element_text(element: html.HtmlElement) -> str:
    """Return the start of the text of an element. Reading all of it would take quadratic time on nested items."""
    texts: list[str] = []
    length = 0
    for text in element.itertext():
        texts.append(text)
        length += len(text)
        if length > _MAX_TEXT:
            break
    return fold("".join(texts)[:_MAX_TEXT])


def _refer(items: _Items, document: Document, node: Node, reference: str) -> None:
    """Add the properties of the element that ``itemref`` names, unless they belong to another item."""
    found = document.tree.xpath("//*[@id=$name]", name=reference)
    if not found:
        return
    inside = found[0].xpath("descendant-or-self::*[@itemprop]")
    for element in inside:
        if _owner(items, element) is None:
            value: object = items.scopes.get(element) or _property_value(element)
            for name in (element.get("itemprop") or "").split():
                _add(node, name, value)
