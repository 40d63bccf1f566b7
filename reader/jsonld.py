"""JSON-LD of a page as schema.org nodes, in the forms that JSON-LD 1.1 defines as equal.

A node is one thing wherever its ``@id`` stands, in any script of the page; names may be terms, prefixed
(``schema:name``), full IRIs or aliases of the ``@context``; values may be wrapped (``@value``, ``@list``, ``@set``);
relations may be stated from the other end (``itemOffered``, ``isVariantOf``, ``@reverse``). Contexts are not fetched:
terms without a definition are schema.org's.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urljoin

from reader.document import Document
from reader.jsonld_context import Context
from reader.loose_json import read_json
from reader.markup import Node

__all__ = ["embedded", "jsonld_nodes", "schema_nodes"]

_MAX_NODES = 5000
"""Maximum nodes read on one page; the richest real page seen had 700."""
_DEPTH = 60
"""Levels of nesting that are read."""
_OTHER_PRODUCTS = frozenset(
    ("isrelatedto", "issimilarto", "isaccessoryorsparepartfor", "isconsumablefor", "review", "reviews")
)
_LISTED = _OTHER_PRODUCTS | {"itemlistelement", "potentialaction", "isvariantof", "hasvariant"}
"""Properties whose values are other products."""
_INVERSES = {"itemOffered": "offers", "isVariantOf": "hasVariant"}
"""Property -> the one that states the same from the other end."""
_WANTED = {
    "offers": frozenset(("offer", "aggregateoffer", "demand")),
    "brand": frozenset(("brand", "organization")),
    "manufacturer": frozenset(("organization", "brand")),
    "seller": frozenset(("organization", "person", "store", "onlinestore")),
    "image": frozenset(("imageobject",)),
    "hasVariant": frozenset(("product", "productmodel", "individualproduct")),
    "isVariantOf": frozenset(("productgroup", "productmodel")),
    "itemOffered": frozenset(("product", "productgroup", "individualproduct")),
    "priceSpecification": frozenset(("pricespecification", "unitpricespecification")),
}
"""Property -> types of its value, where nodes of several types share an ``@id``; its texts may be ids."""
_MAX_TWINS = 20
_OWN = ("name", "sku", "price", "lowPrice", "url", "gtin13", "gtin", "contentUrl", "productGroupID")
"""Properties with one value. Nodes of one ``@id`` that differ in one of them are different things."""
_AVAILABILITY = re.compile(r"""["']availability["']\s*:\s*["'](?:https?:(?:\\?/)+schema\.org\\?/|schema:)?(\w+)["']""")


def jsonld_nodes(document: Document) -> list[Node]:
    """Return all typed objects of the page's JSON-LD in page order, ``@graph`` and nested ones included.

    Objects below a list of other products (``isRelatedTo``, ``itemListElement``) or of variants are left out; they
    stay inside their parents. Of a script that is damaged beyond repair, the objects that can be read count, and the
    availability where it states only one.
    """
    values: list[object] = []
    for script in document.scripts:
        if "ld+json" in script.kind:
            found, is_whole = read_json(script.text)
            values += found
            if not is_whole and "availability" not in str(found):
                said = set(_AVAILABILITY.findall(script.text))
                values += [{"@type": "Offer", "availability": said.pop()}] if len(said) == 1 else []
    return schema_nodes(values, document)


def embedded(value: object) -> Iterator[object]:
    """Yield the outermost objects with an ``@type`` or ``@graph`` inside a value that holds other things too."""
    waiting: list[object] = [value]
    steps = 0
    while waiting and steps < _MAX_NODES * 4:
        steps += 1
        item = waiting.pop()
        if isinstance(item, list):
            waiting += reversed(item)
        elif isinstance(item, dict):
            if "@type" in item or "@graph" in item:
                yield item
            else:
                waiting += [inner for inner in reversed(item.values()) if isinstance(inner, dict | list)]


def schema_nodes(values: Iterable[object], document: Document) -> list[Node]:
    """Return the typed nodes of decoded JSON-LD, outermost first, each ``@id`` once and references resolved."""
    graph = _Graph(document)
    roots = [graph.build(value, Context(), 0) for value in values]
    graph.link(roots)
    return list(_typed_nodes(roots))


def _typed_nodes(roots: list[object]) -> Iterator[Node]:
    waiting = list(reversed(roots))
    seen: set[int] = set()
    while waiting and len(seen) < _MAX_NODES:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += reversed(item)
        elif isinstance(item, dict) and id(item) not in seen:
            seen.add(id(item))
            if "@type" in item:
                yield item
            waiting += [inner for name, inner in reversed(item.items()) if _may_hold(name, inner)]


def _may_hold(name: str, inner: object) -> bool:
    return isinstance(inner, dict | list) and name.lower() not in _LISTED


class _Graph:
    """Nodes of a page, by ``@id``."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._language = (document.tree.get("lang") or "").lower()
        self._by_id: dict[str, list[Node]] = {}
        """``@id`` -> the objects that have it, in page order."""
        self._merged: dict[str, list[Node]] = {}
        """``@id`` -> the things that have it; mostly one."""
        self._same: dict[int, Node] = {}
        """Identity of an object -> the node that it was merged into."""
        self._count = 0

    def build(self, value: object, context: Context, depth: int) -> object:
        """Return a value with plain names and without wrappers."""
        if isinstance(value, list):
            return self._list(value, context, depth)
        if not isinstance(value, dict):
            return value
        if depth > _DEPTH or self._count > _MAX_NODES:
            return None
        self._count += 1
        if "@context" in value:
            context = context.extended(value["@context"])
        if "@value" in value:
            inner = value["@value"]
            return inner if not isinstance(inner, dict | list) else None
        for wrapper in ("@list", "@set"):
            if wrapper in value:
                return self.build(value[wrapper], context, depth + 1)
        return self._node(value, context, depth)

    def _list(self, values: list[object], context: Context, depth: int) -> list[object]:
        said = [one.get("@language") if isinstance(one, dict) and "@value" in one else None for one in values]
        if any(said):  # texts in several languages: that of the page first
            values = [v for _, v in sorted(zip(said, values, strict=True), key=lambda pair: not self._is_ours(pair[0]))]
        found: list[object] = []
        for one in values:
            built = self.build(one, context, depth + 1)
            found += built if isinstance(built, list) else [built] if built is not None else []
        return found

    def _is_ours(self, language: object) -> bool:
        return str(language).lower().partition("-")[0] == self._language.partition("-")[0]

    def _node(self, value: Mapping[str, object], context: Context, depth: int) -> Node:
        node: Node = {}
        for key, inner in value.items():
            name = context.name(str(key))
            if name != key and name in value:  # the keyword itself stands beside its alias
                name = str(key)
            if key in context.maps and isinstance(inner, dict):
                self._set(node, name, self._mapped(inner), context, depth + 1)
            else:
                self._set(node, name, inner, context, depth + 1)
        if isinstance(node.get("@id"), str):
            self._by_id.setdefault(self._key(str(node["@id"])), []).append(node)
        return node

    def _set(self, node: Node, name: str, value: object, context: Context, depth: int) -> None:
        """Add a property with a plain name, or what a keyword states, to a node."""
        if name == "@type":
            types = [context.name(one) for one in _listed(value) if isinstance(one, str)]
            node |= {"@type": types if len(types) > 1 else types[0]} if types else {}
        elif name == "@id" and isinstance(value, str):
            node["@id"] = _joined(context.base, value.strip()) if context.base else value.strip()
        elif name == "@reverse" and isinstance(value, dict):
            for back, subjects in value.items():
                self._add_reverse(node, context.name(str(back)), self.build(subjects, context, depth))
        elif name == "@nest":
            for nested in filter(None, map(_mapping, _listed(self.build(value, context, depth)))):
                for part, inner in nested.items():
                    _add(node, part, inner)
        elif name.startswith("^"):
            self._add_reverse(node, name[1:], self.build(value, context, depth))
        elif not name.startswith("@") or name in ("@graph", "@included"):
            _add(node, name, self.build(value, context, depth))

    def _mapped(self, by_language: Mapping[str, object]) -> list[object]:
        return [one for _, one in sorted(by_language.items(), key=lambda pair: not self._is_ours(pair[0]))]

    def _add_reverse(self, node: Node, name: str, subjects: object) -> None:
        """State a relation at its other end: the subjects have the node as ``name``."""
        own = _INVERSES.get(name)
        for subject in _listed(subjects):
            if isinstance(subject, dict):
                _add(node, own or f"^{name}", subject)

    def _key(self, reference: str) -> str:
        """Return an ``@id`` as an absolute URL with its fragment; blank nodes (``_:b1``) as they are."""
        return _joined(self._document.base_url, reference)

    def link(self, roots: list[object]) -> None:
        """Make each node one object wherever it stands, in place, and state relations at both ends."""
        for key, nodes in self._by_id.items():
            for node in nodes:
                if len(node) > 1:
                    self._merge(self._merged.setdefault(key, []), node)
        for node in self._resolve(roots):
            for name, inverse in _INVERSES.items():
                for target in filter(None, map(_mapping, _listed(node.get(name)))):
                    if target is not node:
                        _state_inverse(target, inverse, node)

    def _merge(self, kept: list[Node], node: Node) -> None:
        """Add what a node states to the one that it is, or keep it as another."""
        twin = next((one for one in kept[:_MAX_TWINS] if _is_same(one, node)), None)
        if twin is None:
            kept.append(node)
        else:
            self._same[id(node)] = twin
            for name, value in node.items():
                twin.setdefault(name, value)

    def _resolve(self, roots: list[object]) -> list[Node]:
        """Replace references and copies by their nodes; return all nodes in page order."""
        seen: set[int] = set()
        nodes: list[Node] = []
        roots[:] = [self._meant(one, "") for one in roots]
        waiting = list(reversed(roots))
        while waiting:
            holder = waiting.pop()
            if isinstance(holder, list):
                waiting += reversed([self._meant(one, "") for one in holder])
            elif isinstance(holder, dict) and id(holder) not in seen:
                seen.add(id(holder))
                nodes.append(holder)
                for name, value in holder.items():
                    several = isinstance(value, list)
                    meant = [self._meant(one, name) for one in _listed(value)]
                    holder[name] = meant if several or not meant else meant[0]
                waiting += reversed([one for value in holder.values() for one in _listed(value)])
        return nodes

    def _meant(self, value: object, name: str) -> object:
        """Return the node that a reference means, in a property of this name; other values as they are."""
        if isinstance(value, dict):
            if len(value) > 1 or "@id" not in value:
                return self._same.get(id(value), value)
            reference = value["@id"]
        elif isinstance(value, str) and name in _WANTED and len(value) < 2000:
            reference = value
        else:
            return value
        known = self._merged.get(self._key(str(reference)), [])
        wanted = _WANTED.get(name, frozenset())
        fitting = [node for node in known if not wanted.isdisjoint(_type_names(node))]
        if isinstance(value, str):  # a text is an id only where its node can be the value
            return fitting[0] if fitting and name != "image" else value
        return next(iter(fitting or known), value)


def _joined(base: str, reference: str) -> str:
    if reference.startswith("_:"):
        return reference
    try:
        return urljoin(base, reference)
    except ValueError:
        return reference


def _state_inverse(target: Node, inverse: str, node: Node) -> None:
    stated = _listed(target.get(inverse))
    if all(one is not node for one in stated):
        target[inverse] = [*stated, node]


def _type_names(node: Node) -> set[str]:
    return {str(name).lower() for name in _listed(node.get("@type"))}


def _is_same(one: Node, other: Node) -> bool:
    """Return whether two nodes of one ``@id`` can be one thing: of a common type, and nowhere contradictory."""
    types = _type_names(one), _type_names(other)
    if all(types) and types[0].isdisjoint(types[1]):
        return False
    return all(one[name] == other[name] for name in _OWN if name in one and name in other)


def _add(node: Node, name: str, value: object) -> None:
    if value is None:
        return
    node[name] = value if name not in node else [*_listed(node[name]), *_listed(value)]


def _mapping(value: object) -> Node | None:
    return value if isinstance(value, dict) else None


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]
