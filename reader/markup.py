"""Microdata and RDFa Lite of a page as schema.org nodes.

Both readers accept common mistakes of shops. Microdata follows the HTML Living Standard, section 5, but a ``content``
attribute counts on any element. RDFa Lite 1.1 is read by the same steps: ``typeof`` opens an item, ``property`` names.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from lxml import html

from reader.document import Document
from reader.refusals import is_template
from reader.text import fold

__all__ = ["Node", "microdata_nodes"]

Node = dict[str, object]
"""One object of schema.org data: property -> text, number, node, or a list of these; ``@type`` names its types."""

_OTHER_PRODUCTS = frozenset(
    ("isrelatedto", "issimilarto", "isaccessoryorsparepartfor", "isconsumablefor", "review", "reviews")
)


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
_NAMING = frozenset(("name", "brand", "manufacturer", "model", "category", "sku", "mpn"))
"""Properties whose value in a link is its text; the standards take its URL."""
_LAZY = ("data-src", "data-original", "data-lazy-src")
_SCHEMA = re.compile(r"(?:https?://(?:www\.)?schema\.org/|schema:|sdo:)", re.IGNORECASE)
_MAX_TEXT = 5_000
"""Longest text of a property, in characters."""
_MAX_PROPERTIES = 5_000
"""Maximum properties read on one page; the richest real page seen had 900."""


class _Syntax(NamedTuple):
    """Attributes of a syntax."""

    scope: str
    types: str
    property: str
    id: str


_MICRODATA = _Syntax("itemscope", "itemtype", "itemprop", "itemid")
_RDFA = _Syntax("typeof", "typeof", "property", "resource")


@dataclass
class _Items:
    syntax: _Syntax
    nodes: list[Node] = field(default_factory=list)
    scopes: dict[html.HtmlElement, Node] = field(default_factory=dict)


def microdata_nodes(document: Document) -> list[Node]:
    """Return the page's microdata items, then its RDFa Lite items, in page order.

    Nested items appear in their parents and on their own. Products that are values of ``isRelatedTo`` and the like are
    left out.
    """
    found: list[Node] = []
    for syntax in (_MICRODATA, _RDFA):
        if syntax.scope in document.attribute_names:
            found += _nodes(document, syntax)
    return found


def _nodes(document: Document, syntax: _Syntax) -> list[Node]:
    items = _Items(syntax)
    for element in document.tree.xpath(f"//*[@{syntax.scope} or @{syntax.property}]")[:_MAX_PROPERTIES]:
        _read(items, element)
    for element, node in list(items.scopes.items()) if syntax is _MICRODATA else ():
        for reference in (element.get("itemref") or "").split()[:20]:
            _refer(items, document, node, reference)
    return [node for node in items.nodes if "@type" in node]


def _read(items: _Items, element: html.HtmlElement) -> None:
    names = _names(items.syntax, element)
    value: object
    if element.get(items.syntax.scope) is not None:
        node: Node = {}
        if types := _types(items.syntax, element):
            node["@type"] = types if len(types) > 1 else types[0]
        if identifier := element.get(items.syntax.id):
            node["@id"] = identifier.strip()
        items.scopes[element] = node
        if not any(name.lower() in _OTHER_PRODUCTS for name in names):
            items.nodes.append(node)
        value = node
    else:
        value = _property_value(items.syntax, element, names)
    owner = _owner(items, element)
    if (owner is not None and value not in ("", {})) or (isinstance(value, dict) and owner is not None):
        for name in names:
            _add(owner, name, value)


def _names(syntax: _Syntax, element: html.HtmlElement) -> list[str]:
    """Return the schema.org names of a property, without prefix; others (``og:title``) do not count."""
    plain = [_SCHEMA.sub("", name) for name in (element.get(syntax.property) or "").split()]
    return [name for name in plain if ":" not in name]


def _types(syntax: _Syntax, element: html.HtmlElement) -> list[str]:
    """Return the types of an item. In RDFa, a type without prefix is schema.org's under such a ``vocab`` alone."""
    types = (element.get(syntax.types) or "").split()
    if syntax is _RDFA and not all(_SCHEMA.match(name) for name in types):
        vocabulary = next((v for one in (element, *element.iterancestors()) if (v := one.get("vocab"))), "")
        if not _SCHEMA.match(f"{vocabulary.rstrip('/')}/"):
            types = [name for name in types if _SCHEMA.match(name)]
    return [_SCHEMA.sub("", name) if name.startswith("s") else name for name in types]


def _owner(items: _Items, element: html.HtmlElement, top: html.HtmlElement | None = None) -> Node | None:
    """Return the item that an element belongs to, of those inside ``top`` if it is given."""
    outer = element.getparent() if element is not top else None
    while outer is not None:
        if outer in items.scopes:
            return items.scopes[outer]
        outer = outer.getparent() if outer is not top else None
    return None


def _add(node: Node, name: str, value: object) -> None:
    before = node.get(name)
    if before is None:
        node[name] = value
    elif isinstance(before, list):
        before.append(value)
    else:
        node[name] = [before, value]


def _property_value(syntax: _Syntax, element: html.HtmlElement, names: list[str]) -> str:
    content = element.get("content")
    if content is not None:
        return str(content).strip()
    if element.tag == "a" and not _NAMING.isdisjoint(names) and (text := _element_text(element)):
        return text
    attribute = _ADDRESS.get(element.tag)
    if syntax is _RDFA:
        attribute = next((name for name in ("resource", "href", "src") if element.get(name)), attribute)
    if attribute:
        lazy = map(element.get, _LAZY) if element.tag == "img" else ()
        stated = [found for found in (*lazy, element.get(attribute)) if found and not found.startswith("data:")]
        if stated:  # a URL that a script completes is the last resort
            return str(min(stated, key=is_template)).strip()
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
    """Add the properties of the element that ``itemref`` names, unless they belong to an item inside it."""
    found = document.tree.xpath("//*[@id=$name]", name=reference)
    if not found:
        return
    for element in found[0].xpath("descendant-or-self::*[@itemprop]"):
        if _owner(items, element, found[0]) is None and items.scopes.get(element) is not node:
            names = _names(items.syntax, element)
            value: object = items.scopes.get(element)
            value = _property_value(items.syntax, element, names) if value is None else value
            for name in names:
                _add(node, name, value)
