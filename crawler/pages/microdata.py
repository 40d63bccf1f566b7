"""Microdata (HTML Living Standard, section 5), in one walk, as nodes of the shape that JSON-LD has.

Kinder than the standard where shops err: a ``content`` attribute counts on any element, and an item
whose type is missing takes part in the item around it.
"""

from dataclasses import dataclass, field

from lxml import html

from crawler.pages.document import Document
from crawler.pages.jsonld import Node
from crawler.pages.text import fold

__all__ = ["microdata_nodes"]

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
_OTHERS = frozenset(["isrelatedto", "issimilarto", "isaccessoryorsparepartfor", "isconsumablefor", "review", "reviews"])
_MAX_TEXT = 5_000
"""Longest text of a property, characters."""
_MAX_PROPERTIES = 5_000
"""Properties read on one page; the busiest real page met had 900."""


@dataclass
class _Reading:
    nodes: list[Node] = field(default_factory=list)
    scopes: dict[html.HtmlElement, Node] = field(default_factory=dict)


def microdata_nodes(document: Document) -> list[Node]:
    """Return the page's microdata items in page order; nested ones stand in their parents and again on their own.

    Products that are values of ``isRelatedTo`` and the like are left out.
    """
    reading = _Reading()
    if b"itemscope" not in document.utf8:
        return []
    for element in document.tree.xpath("//*[@itemscope or @itemprop]")[:_MAX_PROPERTIES]:
        _read(reading, element)
    for element, node in list(reading.scopes.items()):
        for reference in (element.get("itemref") or "").split()[:20]:
            _refer(reading, document, node, reference)
    return [node for node in reading.nodes if "@type" in node]


def _read(reading: _Reading, element: html.HtmlElement) -> None:
    names = (element.get("itemprop") or "").split()
    value: object
    if element.get("itemscope") is not None:
        node: Node = {}
        if types := (element.get("itemtype") or "").split():
            node["@type"] = types if len(types) > 1 else types[0]
        if itemid := element.get("itemid"):
            node["@id"] = itemid.strip()
        reading.scopes[element] = node
        if not any(name.lower() in _OTHERS for name in names):
            reading.nodes.append(node)
        value = node
    else:
        value = _value(element)
    owner = _owner(reading, element)
    if (owner is not None and value not in ("", {})) or (isinstance(value, dict) and owner is not None):
        for name in names:
            _add(owner, name, value)


def _owner(reading: _Reading, element: html.HtmlElement) -> Node | None:
    outer = element.getparent()
    while outer is not None:
        if outer in reading.scopes:
            return reading.scopes[outer]
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


def _value(element: html.HtmlElement) -> str:
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
    return _text(element)


def _text(element: html.HtmlElement) -> str:
    """Return an element's text, cut off early: items nested a thousand deep must not cost a million."""
    texts: list[str] = []
    length = 0
    for text in element.itertext():
        texts.append(text)
        length += len(text)
        if length > _MAX_TEXT:
            break
    return fold("".join(texts)[:_MAX_TEXT])


def _refer(reading: _Reading, document: Document, node: Node, reference: str) -> None:
    """Add the properties of the element that ``itemref`` names, where they belong to no other item."""
    found = document.tree.xpath("//*[@id=$name]", name=reference)
    if not found:
        return
    inside = found[0].xpath("descendant-or-self::*[@itemprop]")
    for element in inside:
        if _owner(reading, element) is None:
            value: object = reading.scopes.get(element) or _value(element)
            for name in (element.get("itemprop") or "").split():
                _add(node, name, value)
