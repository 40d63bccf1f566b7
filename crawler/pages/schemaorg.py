"""A schema.org product, from JSON-LD or microdata, as facts."""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal

from crawler.pages.document import Document
from crawler.pages.facts import Facts
from crawler.pages.jsonld import Node
from crawler.pages.price import currency_code, marked_price
from crawler.pages.text import plain
from m5data.records import Availability

__all__ = ["breadcrumb", "product_facts", "types_of"]

_GTINS = ("gtin13", "gtin", "gtin14", "gtin12", "gtin8", "ean", "isbn")
_IN_STOCK = frozenset(
    [
        "instock",
        "onlineonly",
        "instoreonly",
        "limitedavailability",
        "preorder",
        "presale",
        "backorder",
        "madetoorder",
        "reserved",
    ]
)
_OUT_OF_STOCK = frozenset(["outofstock", "soldout", "discontinued"])
_OLD_PRICE = re.compile(r"list|strike|regular|suggested|msrp|srp", re.IGNORECASE)
_PATH = re.compile(r"\s*(?:[>›»|]|(?<!\s)/(?!\s))\s*")
_CODE = re.compile(r"[a-z]+[A-Z]\w*|\w+_\w+")


def types_of(node: Node) -> frozenset[str]:
    """Return a node's types in lower case, without the address of their vocabulary."""
    return frozenset(str(name).rstrip("/").rpartition("/")[2].lower() for name in _list(node.get("@type")))


def product_facts(document: Document, node: Node, origin: str) -> Facts:
    """Read one product node: its own properties, then its offers', then its variants'."""
    variants = [variant for variant in _list(node.get("hasVariant")) if isinstance(variant, dict)][:200]
    whole = [node, *variants]
    offers = [offer for one in whole for offer in _offers(one)]
    facts = Facts(origin=origin)
    facts.caption = text_of(node.get("name")) or None
    facts.brand = _brand(whole)
    facts.sku = _sku(whole)
    facts.mpn = _first(text_of(one.get("mpn")) for one in whole)
    facts.gtin = _first(_gtin(one) for one in [*whole, *offers])
    facts.currency = currency_code(_first(_currency(offer) for offer in offers))
    prices = (price for offer in offers for price in _prices(offer, facts.currency))
    facts.prices = list(dict.fromkeys(prices))
    facts.price = facts.prices[0] if facts.prices else None
    facts.availability = _availability(offers)
    facts.merchant_name = _first(text_of(_name(offer.get("seller") or offer.get("offeredBy"))) for offer in offers)
    facts.category = _category(node)
    facts.image_urls = list(_addresses(document, (one.get("image") for one in whole), ("contentUrl", "url")))
    facts.video_urls = list(_videos(document, node))
    facts.specs = list(_properties(node))
    return facts


def text_of(value: object) -> str:
    """Return the text of a property: its first value, entities and tags gone."""
    first = next(iter(_list(value)), None)
    if isinstance(first, dict):
        first = first.get("@value") or first.get("name")
    return plain(str(first)) if isinstance(first, str | int | float) else ""


def breadcrumb(node: Node) -> list[tuple[str, str]]:
    """Return the names and addresses of a ``BreadcrumbList``, outermost first."""
    entries: list[tuple[float, str, str]] = []
    for place, item in enumerate(_list(node.get("itemListElement"))[:50]):
        if not isinstance(item, dict):
            continue
        target = item.get("item")
        inner = target if isinstance(target, dict) else {}
        name = text_of(item.get("name")) or text_of(inner.get("name"))
        address = str(inner.get("@id") or inner.get("url") or (target if isinstance(target, str) else ""))
        entries.append((_position(item.get("position"), place), name, address))
    return [(name, address) for _, name, address in sorted(entries, key=lambda entry: entry[0]) if name]


def _position(value: object, default: int) -> float:
    try:
        return float(str(value))
    except ValueError:
        return default


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _first(values: Iterable[str]) -> str | None:
    return next((value for value in values if value), None)


def _name(value: object) -> object:
    first = next(iter(_list(value)), None)
    return first.get("name") if isinstance(first, dict) else first


def _brand(nodes: list[Node]) -> str | None:
    """Return the brand, else the manufacturer; what follows ``|`` is the shop's own name."""
    names = (text_of(_name(node.get(key))) for key in ("brand", "manufacturer") for node in nodes)
    return _first(name.split(" | ")[0].strip() for name in names if not name.startswith(("http:", "https:")))


def _sku(nodes: list[Node]) -> str | None:
    """Return ``sku``, else ``productID``, of the whole before its variants; one with white space is a name."""
    keys = ("sku", "productID", "productId", "productGroupID")
    for node in nodes:
        for key in keys:
            value = text_of(node.get(key))
            value = value.partition(":")[2] if value.lower().startswith(("sku:", "mpn:", "id:")) else value
            if value and " " not in value and len(value) <= 64:
                return value
    return None


def _gtin(node: Node) -> str:
    for key in _GTINS:
        digits = re.sub(r"[\s-]", "", text_of(node.get(key)))
        if re.fullmatch(r"\d{8}|\d{12,14}", digits) and digits.strip("0"):
            return digits
    return ""


def _offers(node: Node) -> Iterator[Node]:
    """Yield the offers of a product; an ``AggregateOffer`` counts as one, with the offers inside it behind."""
    for offer in _list(node.get("offers"))[:500]:
        if isinstance(offer, dict):
            yield offer
            yield from (inner for inner in _list(offer.get("offers"))[:500] if isinstance(inner, dict))


def _specifications(offer: Node) -> list[Node]:
    found = [one for one in _list(offer.get("priceSpecification")) if isinstance(one, dict)]
    current = [one for one in found if not _OLD_PRICE.search(str(one.get("priceType") or ""))]
    return current or found


def _currency(offer: Node) -> str:
    sources = [offer, *_specifications(offer)]
    return _first(text_of(one.get("priceCurrency") or one.get("pricecurrency")) for one in sources) or ""


def _prices(offer: Node, currency: str | None) -> Iterator[Decimal]:
    found = next((p for key in ("price", "lowPrice") if (p := marked_price(_scalar(offer.get(key)), currency))), None)
    if found is None:
        prices = (marked_price(_scalar(one.get("price")), currency) for one in _specifications(offer))
        found = next((price for price in prices if price), None)
    if found is not None:
        yield found


def _scalar(value: object) -> object:
    return next(iter(_list(value)), None)


def _availability(offers: list[Node]) -> Availability | None:
    """Return InStock where any offer is, OutOfStock where none is and one says so."""
    said = {
        text_of(offer.get("availability")).rstrip("/").rpartition("/")[2].lower().replace(" ", "") for offer in offers
    }
    said = {word.removeprefix("schema:").replace("_", "") for word in said}
    if said & _IN_STOCK:
        return "InStock"
    return "OutOfStock" if said & _OUT_OF_STOCK else None


def _category(node: Node) -> tuple[str, ...]:
    value = next(iter(_list(node.get("category"))), None)
    text = text_of(value)
    if not text or text.startswith(("http:", "https:")) or len(text) > 500:
        return ()
    return tuple(part for part in _PATH.split(text) if part)


def _addresses(document: Document, values: Iterable[object], keys: tuple[str, ...]) -> Iterator[str]:
    for value in values:
        for item in _list(value)[:200]:
            found = next((item[key] for key in keys if item.get(key)), None) if isinstance(item, dict) else item
            for address in _list(found):
                if isinstance(address, str) and (url := document.absolute(plain(address))):
                    yield url


def _videos(document: Document, node: Node) -> Iterator[str]:
    holders = [node.get("video"), *(_list(node.get("subjectOf")))]
    yield from _addresses(document, holders, ("contentUrl",))


def _properties(node: Node) -> Iterator[tuple[str, str]]:
    """Yield ``additionalProperty`` pairs; names that are code, not words, mean nothing to a reader."""
    for item in _list(node.get("additionalProperty"))[:500]:
        if not isinstance(item, dict):
            continue
        name, value = text_of(item.get("name")), text_of(item.get("value"))
        unit = text_of(item.get("unitText"))
        if name and value and not _CODE.fullmatch(name):
            yield name, f"{value} {unit}" if unit and unit not in value else value
