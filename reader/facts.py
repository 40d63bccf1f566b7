"""Facts of a product in markup: schema.org nodes and OpenGraph."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from core.currencies import currency_code
from core.gtin import read_gtin
from core.money import marked_price
from core.records import Availability, Condition
from reader.document import Document
from reader.markup import Node
from reader.refusals import is_template
from reader.text import paragraphs, plain

__all__ = [
    "Facts",
    "MarkedProduct",
    "breadcrumb",
    "choose_product",
    "condition_of",
    "offer_price",
    "product_facts",
    "stated_availability",
    "stock_of",
    "types_of",
]


@dataclass(slots=True)
class Facts:
    """Facts about a product from one kind of markup. None and empty mean that it does not state them."""

    origin: str
    """``json-ld``, ``microdata`` or ``opengraph``."""
    url: str | None = None
    """URL that the markup gives the product itself, absolute."""
    caption: str | None = None
    category: tuple[str, ...] = ()
    """Outermost first."""
    brand: str | None = None
    price: Decimal | None = None
    """Price of the first offer."""
    prices: list[Decimal] = field(default_factory=list)
    """Distinct prices of all offers. The visible page shows which one the buyer pays."""
    currency: str | None = None
    """ISO 4217 code, else the sign."""
    availability: Availability | None = None
    merchant_name: str | None = None
    """Name of the seller. It leaves the page object only as a keyed hash."""
    sku: str | None = None
    """The shop's own id."""
    gtin: str | None = None
    """Digits."""
    mpn: str | None = None
    description: str | None = None
    """A paragraph a line."""
    list_price: Decimal | None = None
    """Price that a specification calls a list price or struck through."""
    rating: Decimal | None = None
    """From 0 to 5."""
    rating_count: int | None = None
    condition: Condition | None = None
    item_group: str | None = None
    """The shop's own id of the group of variants."""
    image_urls: list[str] = field(default_factory=list)
    """Absolute URLs, in page order."""
    video_urls: list[str] = field(default_factory=list)
    """Absolute URLs of files, in page order."""
    specs: list[tuple[str, str]] = field(default_factory=list)
    """Names and values, in page order."""


_GTINS = ("gtin13", "gtin", "gtin14", "gtin12", "gtin8", "ean", "isbn")
IN_STOCK = frozenset(
    (
        *("instock", "onlineonly", "instoreonly", "limitedavailability", "preorder", "presale", "backorder"),
        *("madetoorder", "reserved", "available", "availablefororder", "instorepickup", "lowstock"),
    )
)
OUT_OF_STOCK = frozenset(("outofstock", "soldout", "discontinued", "oos", "unavailable", "notavailable"))
_OLD_PRICE = re.compile(r"list|strike|regular|suggested|msrp|srp", re.IGNORECASE)
_PATH = re.compile(r"\s*(?:[>›»|]|(?<!\s)/(?!\s))\s*")
_CODE = re.compile(r"[a-z]+[A-Z]\w*|\w+_\w+")


def types_of(node: Node) -> frozenset[str]:
    """Return the types of a node in lower case, without the URL of their vocabulary."""
    return frozenset(str(name).rstrip("/").rpartition("/")[2].lower() for name in _list(node.get("@type")))


def product_facts(document: Document, node: Node, origin: str) -> Facts:
    """Read one product node: its own properties, then those of its offers, then those of its variants."""
    variants = [variant for variant in _list(node.get("hasVariant")) if isinstance(variant, dict)][:200]
    whole = [node, *variants]
    offers = [offer for one in whole for offer in _offers(one)]
    facts = Facts(origin=origin)
    facts.url = _first(document.absolute(one) or "" for one in _list(node.get("url")) if isinstance(one, str))
    facts.caption = text_of(node.get("name")) or None
    groups = [group for group in _list(node.get("isVariantOf")) if isinstance(group, dict)]
    facts.brand = _brand([*whole, *groups])
    facts.sku = _sku(whole) or _only(text_of(offer.get("sku")) for offer in offers)
    facts.mpn = _first(text_of(one.get("mpn")) or _identifier(one, "mpn") for one in whole)
    facts.gtin = _first(_gtin(one) for one in [*whole, *offers])
    facts.currency = currency_code(_first(_currency(offer) for offer in offers))
    prices = (offer_price(offer, facts.currency) for offer in offers)
    facts.prices = list(dict.fromkeys(price for price in prices if price is not None))
    facts.price = facts.prices[0] if facts.prices else None
    facts.availability = stated_availability(offers)
    facts.merchant_name = _first(text_of(_name(offer.get("seller") or offer.get("offeredBy"))) for offer in offers)
    facts.category = _category(node)
    facts.image_urls = list(_urls_of(document, (one.get("image") for one in whole), ("contentUrl", "url")))
    facts.video_urls = list(_videos(document, node))
    facts.specs = list(_properties(node))
    facts.description = next(filter(None, (_paragraphs_of(one) for one in [*whole, *groups])), None)
    facts.list_price = next(filter(None, (_list_price(offer, facts.currency) for offer in offers)), None)
    facts.rating, facts.rating_count = next(filter(any, map(_rating, [*whole, *groups])), (None, None))
    facts.condition = condition_of(_reference(one) for holder in [*offers, *whole] for one in _conditions(holder))
    facts.item_group = _item_group(node, groups)
    return facts


def _paragraphs_of(node: Node) -> str:
    text = next(iter(_list(node.get("description"))), None)
    return paragraphs(text) if isinstance(text, str) else ""


def _list_price(offer: Node, currency: str | None) -> Decimal | None:
    """Return the amount of a price specification that is not the price to pay, of the first kind that is stated."""
    said = [one for one in _list(offer.get("priceSpecification")) if isinstance(one, dict)]
    former = (
        one for one in said if _OLD_PRICE.search(text_of(one.get("priceType")) or _reference(one.get("priceType")))
    )
    return next((price for one in former if (price := marked_price(_amount(one), currency))), None)


_MAX_RATINGS = 1_000_000_000


def _rating(node: Node) -> tuple[Decimal | None, int | None]:
    """Return the mean of an ``AggregateRating`` on a scale to 5, and how many ratings it has."""
    found = next((one for one in _list(node.get("aggregateRating")) if isinstance(one, dict)), {})
    value, best = (_number(found.get(key)) for key in ("ratingValue", "bestRating"))
    counts = (_number(found.get(key)) for key in ("ratingCount", "reviewCount"))
    count = next((int(one) for one in counts if one is not None and 0 < one < _MAX_RATINGS), None)
    best = best if best is not None and best > 1 else Decimal(5)
    if value is None or not 0 < value <= best:
        return None, count
    return (value * 5 / best).quantize(Decimal("0.01")), count


def _number(value: object) -> Decimal | None:
    text = text_of(_scalar(value)).replace(",", ".")
    return Decimal(text) if _DECIMAL.fullmatch(text) else None


_DECIMAL = re.compile(r"\d{1,12}(?:\.\d{1,20})?", re.ASCII)


def _conditions(node: Node) -> list[object]:
    return _list(node.get("itemCondition"))


_CONDITIONS: tuple[tuple[Condition, str], ...] = (
    ("Refurbished", r"refurb|renewed|reconditioned"),
    ("Damaged", r"damaged|defect|for ?parts"),
    ("Used", r"used|second ?hand|pre-?owned|pre-?loved|like ?new|open ?box"),
    ("New", r"new"),
)


def condition_of(texts: Iterable[str | None]) -> Condition | None:
    """Return the condition that the first of some texts names, as a URL, a name or a word; None if none does."""
    for text in texts:
        word = re.split(r"[/#:]", (text or "").rstrip("/#: "))[-1].replace("_", " ").lower()
        for condition, pattern in _CONDITIONS:
            if re.match(pattern, word):
                return condition
    return None


def _item_group(node: Node, groups: Sequence[Node]) -> str | None:
    """Return the id of the group of variants that a product is one of, or is itself."""
    found = (
        node.get("inProductGroupWithID"),
        *(one.get("productGroupID") for one in groups),
        node.get("productGroupID"),
    )
    return _first(text_of(one) for one in found)


def text_of(value: object) -> str:
    """Return the text of the first value of a property, without entities and tags."""
    first = next(iter(_list(value)), None)
    if isinstance(first, dict):
        first = next(iter(_list(first.get("name"))), None)
    return plain(str(first)) if isinstance(first, str | int | float) else ""


def breadcrumb(node: Node) -> list[tuple[str, str]]:
    """Return the names and URLs of a ``BreadcrumbList``, outermost first."""
    entries: list[tuple[float, str, str]] = []
    for place, item in enumerate(_list(node.get("itemListElement"))[:50]):
        if not isinstance(item, dict):
            continue
        target = item.get("item")
        inner = target if isinstance(target, dict) else {}
        name = text_of(item.get("name")) or text_of(inner.get("name"))
        url = str(inner.get("@id") or inner.get("url") or (target if isinstance(target, str) else ""))
        entries.append((_position(item.get("position"), place), name, url))
    return [(name, url) for _, name, url in sorted(entries, key=lambda entry: entry[0]) if name]


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


def _only(values: Iterable[str]) -> str | None:
    """Return the value that all have; None if they differ."""
    found = set(values)
    return found.pop() or None if len(found) == 1 else None


def _identifier(node: Node, kind: str) -> str:
    """Return the ``identifier`` of a kind, which a ``PropertyValue`` states."""
    found = (one for one in _list(node.get("identifier")) if isinstance(one, dict))
    kinds = ((one, text_of(one.get("propertyID")) or text_of(one.get("name"))) for one in found)
    return _first(text_of(one.get("value")) for one, said in kinds if said.lower().rpartition("/")[2] == kind) or ""


def _brand(nodes: list[Node]) -> str | None:
    """Return the brand, else the manufacturer. Text after ``|`` is the name of the shop."""
    names = (text_of(_name(node.get(key))) for key in ("brand", "manufacturer") for node in nodes)
    return _first(name.split(" | ")[0].strip() for name in names if not name.startswith(("http:", "https:")))


_SPACES = 2
"""Maximum spaces in an id, as in ``KOBIO SP-12``."""


def _sku(nodes: list[Node]) -> str | None:
    """Return ``sku``, else ``productID``, of the product, then of its variants. A value of many words is a name."""
    keys = ("sku", "productID", "productId", "productGroupID")
    for node in nodes:
        for key in keys:
            value = text_of(node.get(key))
            value = value.partition(":")[2] if value.lower().startswith(("sku:", "mpn:", "id:")) else value
            if value and value.count(" ") <= (_SPACES if key == "sku" else 0) and len(value) <= 64:
                return value
    return _first(_identifier(node, "sku") for node in nodes)


def _gtin(node: Node) -> str:
    """Return the GTIN. One stated as a number may have lost its leading zeros."""
    for key in _GTINS:
        value = _scalar(node.get(key))
        text = text_of(value) or _identifier(node, key)
        lost = [text.zfill(length) for length in (12, 13, 14)] if isinstance(value, int) and len(text) > 8 else []
        if found := _first(read_gtin(one) or "" for one in (text, *lost)):
            return found
    return ""


def _offers(node: Node) -> Iterator[Node]:
    """Yield the offers of a product. An ``AggregateOffer`` or catalogue comes before the offers inside it."""
    waiting: list[tuple[object, int]] = [(offer, 0) for offer in _list(node.get("offers"))[:_MAX_OFFERS]]
    for offer, depth in waiting:
        if isinstance(offer, dict) and len(waiting) < 2 * _MAX_OFFERS:
            yield offer
            inside = [*_list(offer.get("offers")), *_list(offer.get("itemListElement"))][:_MAX_OFFERS]
            waiting += [(inner, depth + 1) for inner in inside if depth < 2]


_MAX_OFFERS = 500


def _specifications(offer: Node) -> list[Node]:
    """Return the price specifications, those of the price that any buyer pays now if there are some."""
    found = [one for one in _list(offer.get("priceSpecification")) if isinstance(one, dict)]
    whole = [one for one in found if not one.get("referenceQuantity") and not one.get("validForMemberTier")] or found
    current = [one for one in whole if not _OLD_PRICE.search(str(one.get("priceType") or ""))]
    return current or whole


def _currency(offer: Node) -> str:
    sources = [offer, *_specifications(offer), *(one for one in _list(offer.get("price")) if isinstance(one, dict))]
    keys = ("priceCurrency", "pricecurrency", "currency")
    return _first(text_of(one.get(key)) for one in sources for key in keys) or ""


def offer_price(offer: Node, currency: str | None) -> Decimal | None:
    """Return the price of an offer, else the lowest that it states, else that of its price specification."""
    values = [*(offer.get(key) for key in ("price", "lowPrice", "minPrice")), *map(_amount, _specifications(offer))]
    return next((price for value in values if (price := marked_price(_amount(_scalar(value)), currency))), None)


def _amount(value: object) -> object:
    """Return the amount of a ``MonetaryAmount`` or a specification; other values as they are."""
    if not isinstance(value, dict):
        return value
    return next((_scalar(value[key]) for key in ("price", "value", "minPrice") if value.get(key) is not None), None)


def _scalar(value: object) -> object:
    return next(iter(_list(value)), None)


def stated_availability(offers: Iterable[Node]) -> Availability | None:
    """Return InStock if any offer is in stock, else OutOfStock if any offer is out of stock, else None."""
    return stock_of(text for offer in offers for one in _list(offer.get("availability")) if (text := _reference(one)))


def _reference(value: object) -> str:
    """Return a value that may be stated as a node: ``{"@id": "https://schema.org/InStock"}``."""
    return text_of(value) or (str(value.get("@id") or "") if isinstance(value, dict) else "")


def stock_of(texts: Iterable[str]) -> Availability | None:
    """Return the stock that texts name, as URLs (``http://schema.org/InStock``), names or words (``in stock``)."""
    said = {_NO_LETTER.sub("", re.split(r"[/#:]", text.rstrip("/#: "))[-1]).lower() for text in texts}
    if said & IN_STOCK:
        return "InStock"
    return "OutOfStock" if said & OUT_OF_STOCK else None


_NO_LETTER = re.compile(r"[^a-zA-Z]")


def _category(node: Node) -> tuple[str, ...]:
    value = next(iter(_list(node.get("category"))), None)
    text = text_of(value)
    if not text or text.startswith(("http:", "https:")) or len(text) > 500:
        return ()
    return tuple(part for part in _PATH.split(text) if part)


def _urls_of(document: Document, values: Iterable[object], keys: tuple[str, ...]) -> Iterator[str]:
    """Yield absolute URLs. The ``@id`` of a node without any other is its URL; templates for scripts do not count."""
    for value in values:
        for item in _list(value)[:200]:
            found = item
            if isinstance(item, dict):
                found = next((item[key] for key in keys if item.get(key)), None) or _id_as_url(item)
            for reference in _list(found):
                is_url = isinstance(reference, str) and not is_template(reference)
                if is_url and (url := document.absolute(plain(str(reference)))):
                    yield url


def _id_as_url(node: Node) -> object:
    reference = str(node.get("@id") or "")
    return reference if "#" not in reference and not reference.startswith("_:") else None


def _videos(document: Document, node: Node) -> Iterator[str]:
    holders = [*_list(node.get("video")), *(_list(node.get("subjectOf")))]
    yield from _urls_of(
        document, (one for one in holders if isinstance(one, dict) and one.get("contentUrl")), ("contentUrl",)
    )


def _properties(node: Node) -> Iterator[tuple[str, str]]:
    """Yield ``additionalProperty`` names and values. Names in code style (``camelCase``) are skipped."""
    for item in _list(node.get("additionalProperty"))[:500]:
        if not isinstance(item, dict):
            continue
        name, value = text_of(item.get("name")), _value_of(item)
        unit = text_of(item.get("unitText"))
        if name and value and not _CODE.fullmatch(name):
            yield name, f"{value} {unit}" if unit and unit not in value else value


def _value_of(item: Node) -> str:
    """Return the values of a property, or its range."""
    values = ", ".join(dict.fromkeys(filter(None, (text_of(one) for one in _list(item.get("value"))[:50]))))
    if values:
        return values
    low, high = text_of(item.get("minValue")), text_of(item.get("maxValue"))
    return f"{low}–{high}" if low and high else f"≥ {low}" if low else f"≤ {high}" if high else ""


_PRODUCT = frozenset(
    (
        *("product", "individualproduct", "productmodel", "productgroup", "someproducts", "vehicle", "car"),
        *("motorcycle", "book"),
    )
)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class MarkedProduct:
    """The chosen product node; None if there is none, or if the page lists several."""

    node: Node | None
    listed: int
    """Number of distinct product names on the page. Several without a chosen product mean a listing."""


def choose_product(document: Document, nodes: Sequence[Node], titles: Sequence[str]) -> MarkedProduct:
    """Choose a product by URL, by similarity of its name to the titles of the page, by having an offer, then by order.

    A single offer counts as a product if the page has no product. Of three or more products of different
    names, one is chosen only if the titles or the URL of the page name it.
    """
    products = _outermost([node for node in nodes if types_of(node) & _PRODUCT])
    if not products:
        offers = [node for node in nodes if types_of(node) & {"offer", "aggregateoffer"}]
        return MarkedProduct({"offers": offers[0]} if len(offers) == 1 else None, 0)
    names = {text_of(node.get("name")).casefold() for node in products}
    scores = [_score(document, node, titles) for node in products]
    best = max(range(len(products)), key=lambda place: (scores[place], -place))
    if len(names) > 2 and scores[best] < _NAMED:
        return MarkedProduct(None, len(names))
    return MarkedProduct(products[best], len(names))


def _outermost(products: list[Node]) -> list[Node]:
    """Return the products that are no values of another product: no variants, related products or accessories."""
    inside: set[int] = set()
    for node in products:
        if id(node) not in inside:
            held = (one for key, value in node.items() if key != "isVariantOf" for one in _list(value))
            inside |= {id(one) for one in held if isinstance(one, dict)} - {id(node)}
    return [node for node in products if id(node) not in inside]


_NAMED = 3.0


def _score(document: Document, node: Node, titles: Sequence[str]) -> float:
    score = 1.5 if node.get("offers") or node.get("hasVariant") else 0.0
    score += 0.5 if node.get("image") else 0.0
    urls = [document.absolute(url) for url in (node.get("url"), node.get("@id")) if isinstance(url, str)]
    score += 0.75 if any(text_of(node.get("name")).casefold() == title.casefold() for title in titles) else 0.0
    score += _NAMED if document.url.partition("?")[0] in {(url or "").partition("?")[0] for url in urls} else 0.0
    name = text_of(node.get("name"))
    return score + _NAMED * max((_alike(name, title) for title in titles), default=0.0)


def _alike(one: str, other: str) -> float:
    """Return the share of the shorter text's words in the longer, 1.0 if one contains the other, 0.0 below 0.6."""
    first, second = one.casefold().strip(), other.casefold().strip()
    if not first or not second:
        return 0.0
    if first in second or second in first:
        return 1.0
    words = [set(_WORD.findall(first)), set(_WORD.findall(second))]
    fewer = min(len(words[0]), len(words[1]))
    share = len(words[0] & words[1]) / fewer if fewer else 0.0
    return share if share >= 0.6 else 0.0
