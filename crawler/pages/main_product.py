"""Which of the products that markup describes is the one the page is about, or that there is none."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from crawler.pages.document import Document
from crawler.pages.jsonld import Node
from crawler.pages.schemaorg import text_of, types_of

__all__ = ["Choice", "choose_product"]

_PRODUCT = frozenset(
    [
        "product",
        "individualproduct",
        "productmodel",
        "productgroup",
        "someproducts",
        "vehicle",
        "car",
        "motorcycle",
        "book",
    ]
)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen product node; None where there is none, or where the page lists several."""

    node: Node | None
    listed: int
    """Products of different names on the page: many without a chosen one mean a listing."""


def choose_product(document: Document, nodes: Sequence[Node], titles: Sequence[str]) -> Choice:
    """Choose by address, by name against the page's titles, by having an offer, by coming first.

    An offer that stands alone counts as a product where there is no product. Of three and more products
    of different names, one is chosen only if the page's titles or address name it.
    """
    products = [node for node in nodes if types_of(node) & _PRODUCT]
    if not products:
        offers = [node for node in nodes if types_of(node) & {"offer", "aggregateoffer"}]
        return Choice({"offers": offers[0]} if len(offers) == 1 else None, 0)
    names = {text_of(node.get("name")).casefold() for node in products}
    scores = [_score(document, node, titles) for node in products]
    best = max(range(len(products)), key=lambda place: (scores[place], -place))
    if len(names) > 2 and scores[best] < _NAMED:
        return Choice(None, len(names))
    return Choice(products[best], len(names))


_NAMED = 3.0


def _score(document: Document, node: Node, titles: Sequence[str]) -> float:
    score = 1.5 if node.get("offers") or node.get("hasVariant") else 0.0
    score += 0.5 if node.get("image") else 0.0
    addresses = [
        document.absolute(str(address)) for address in (node.get("url"), node.get("@id")) if isinstance(address, str)
    ]
    score += 0.75 if any(text_of(node.get("name")).casefold() == title.casefold() for title in titles) else 0.0
    score += _NAMED if document.url.partition("?")[0] in {(a or "").partition("?")[0] for a in addresses} else 0.0
    name = text_of(node.get("name"))
    return score + _NAMED * max((_alike(name, title) for title in titles), default=0.0)


def _alike(one: str, other: str) -> float:
    """Return the share of words of the shorter text that the longer has, 1.0 where one holds the other."""
    first, second = one.casefold().strip(), other.casefold().strip()
    if not first or not second:
        return 0.0
    if first in second or second in first:
        return 1.0
    words = [set(_WORD.findall(first)), set(_WORD.findall(second))]
    fewer = min(len(words[0]), len(words[1]))
    share = len(words[0] & words[1]) / fewer if fewer else 0.0
    return share if share >= 0.6 else 0.0
