"""Variants of a product: the combinations of options that a shop sells, each with its own price and stock.

They are read from schema.org data (``hasVariant``), the objects that shop software hands to its scripts (WooCommerce,
Shopify, Magento), or the options of a form. The first of these with at least two is used.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice

from core.contacts import mask_contacts
from core.currencies import currency_code
from core.money import read_money, stored_price
from core.records import Availability, Specification, Variant
from reader.document import Document
from reader.facts import offer_price, stated_availability, text_of
from reader.jsonld import jsonld_nodes
from reader.text import plain, storable

__all__ = ["find_variants"]

_MAX = 500
"""Maximum variants of one product; the largest real product seen had 120."""
_MAX_OPTIONS = 12
_LONGEST_ID = 80
_LONGEST_TEXT = 200
_MAX_HITS = 5
"""Maximum places in one script at which an object is searched for."""
_MAX_CHARACTERS = 2_000_000
_DECODER = json.JSONDecoder(strict=False)


def find_variants(document: Document, currency: str | None) -> tuple[Variant, ...]:
    """Return the variants of the product of a page, each id once, in page order; empty for fewer than two.

    Args:
        document: The page.
        currency: Currency of the product, for sources that state only amounts.
    """
    for read in (_schema_org, _woocommerce, _shopify, _magento, _select):
        found: dict[str, Variant] = {}
        for variant in read(document, currency):
            if variant.id and len(found) < _MAX:
                found.setdefault(variant.id, variant)
        if len(found) > 1:
            return tuple(found.values())
    return ()


def _variant(
    number: object,
    options: Iterable[tuple[object, object]],
    *,
    price: Decimal | None,
    currency: str | None,
    available: bool | None,
    image: str | None,
) -> Variant:
    said = [(_text(name), _text(value)) for name, value in options]
    specs = tuple(Specification(name, mask_contacts(value, name)[0]) for name, value in said if name and value)
    stock: Availability | None = None if available is None else "InStock" if available else "OutOfStock"
    return Variant(_text(number)[:_LONGEST_ID], specs[:_MAX_OPTIONS], price, currency if price else None, stock, image)


def _text(value: object) -> str:
    return storable(plain(str(value)[: _LONGEST_TEXT * 4]))[:_LONGEST_TEXT] if isinstance(value, str | int) else ""


def _dict(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else () if value is None else (value,)


def _image(document: Document, *values: object) -> str | None:
    for value in values:
        first = next(iter(_list(value)), None)
        inner = _dict(first)
        url = inner.get("full_src") or inner.get("src") or inner.get("url") or inner.get("contentUrl") or first
        if isinstance(url, str) and url and (found := document.absolute(plain(url.replace("\\/", "/")))):
            return storable(found)
    return None


_OPTION_KEYS = ("color", "size", "material", "pattern", "width", "height", "weight")


def _schema_org(document: Document, currency: str | None) -> Iterator[Variant]:
    stated = any("Variant" in script.text for script in document.scripts if "ld+json" in script.kind)
    for node in jsonld_nodes(document) if stated else ():
        varies = [str(name).rstrip("/").rpartition("/")[2] for name in _list(node.get("variesBy"))]
        keys = list(dict.fromkeys([*varies, *_OPTION_KEYS]))
        for one in _list(node.get("hasVariant"))[:_MAX]:
            if isinstance(one, dict):
                yield _of_node(document, one, keys, currency)


def _of_node(document: Document, node: dict[str, object], keys: Sequence[str], currency: str | None) -> Variant:
    offer = next((one for one in _list(node.get("offers")) if isinstance(one, dict)), {})
    options: list[tuple[object, object]] = [(key, _value(node.get(key))) for key in keys]
    more = (_dict(one) for one in _list(node.get("additionalProperty"))[:_MAX_OPTIONS])
    options += [(one.get("name"), _value(one.get("value"))) for one in more]
    if not any(_text(value) for _, value in options):
        options = [("name", node.get("name"))]
    code = currency_code(text_of(offer.get("priceCurrency"))) or currency
    stock = stated_availability([offer]) if offer else None
    return _variant(
        next((found for key in _ID_KEYS if (found := text_of(node.get(key)) or node.get(key))), None),
        options,
        price=offer_price(offer, code),
        currency=code,
        available=None if stock is None else stock == "InStock",
        image=_image(document, node.get("image")),
    )


_ID_KEYS = ("sku", "productID", "gtin13", "gtin", "mpn", "@id")


def _value(value: object) -> object:
    """Return the text of a value, or of the first of several."""
    first = next(iter(_list(value)), None)
    inner = _dict(first)
    return (inner.get("name") or inner.get("value")) if inner else first


def _woocommerce(document: Document, currency: str | None) -> Iterator[Variant]:
    if "data-product_variations" not in document.attribute_names:
        return
    for form in document.tree.xpath("//*[@data-product_variations]")[:_MAX_HITS]:
        for one in filter(None, map(_dict, _list(_decode(form.get("data-product_variations")))[:_MAX])):
            attributes = _dict(one.get("attributes"))
            stock = one.get("is_in_stock")
            yield _variant(
                one.get("sku") or one.get("variation_id"),
                [(re.sub(r"^attribute_(?:pa_)?", "", name), value) for name, value in attributes.items()],
                price=stored_price(one.get("display_price")),
                currency=currency,
                available=stock if isinstance(stock, bool) else None,
                image=_image(document, one.get("image")),
            )


def _shopify(document: Document, currency: str | None) -> Iterator[Variant]:
    for text in _scripts(document, '"variants"'):
        names = next(_values_after(text, '"options"', "["), None)
        for found in _values_after(text, '"variants"', "["):
            rows = [one for one in map(_dict, _list(found)[:_MAX]) if one.get("id") and one.keys() & _OF_VARIANT]
            for one in rows:
                stock = one.get("available")
                yield _variant(
                    one.get("sku") or one.get("id"),
                    _shopify_options(one, _list(names)),
                    price=_cents(one.get("price")),
                    currency=currency,
                    available=stock if isinstance(stock, bool) else None,
                    image=_image(document, one.get("featured_image")),
                )
            if rows:  # further lists belong to recommended products
                return


_OF_VARIANT = frozenset(("option1", "options", "public_title", "title"))


def _shopify_options(one: Mapping[str, object], names: Sequence[object]) -> list[tuple[object, object]]:
    values = [one.get(f"option{number}") for number in (1, 2, 3)]
    labels = [_dict(name).get("name") or name for name in names] + ["option 1", "option 2", "option 3"][len(names) :]
    said = [(label, value) for label, value in zip(labels, values, strict=False) if value]
    title = one.get("public_title") or one.get("title")
    return said or [("option", title)]


def _cents(value: object) -> Decimal | None:
    """Return a price from Shopify, where whole numbers are hundredths and texts are not."""
    if isinstance(value, dict):  # {"amount": 12.5, "currencyCode": "EUR"}
        return stored_price(value.get("amount"))
    found = stored_price(value)
    return found / 100 if found is not None and isinstance(value, int) else found


def _magento(document: Document, currency: str | None) -> Iterator[Variant]:
    for key in ('"jsonConfig"', '"spConfig"'):
        for text in _scripts(document, key):
            for found in _values_after(text, key, "{"):
                yield from _of_config(document, _dict(found), currency)


def _of_config(document: Document, config: Mapping[str, object], currency: str | None) -> Iterator[Variant]:
    chosen: dict[str, list[tuple[object, object]]] = {}
    for attribute in map(_dict, _dict(config.get("attributes")).values()):
        for option in map(_dict, _list(attribute.get("options"))[:_MAX]):
            for product in _list(option.get("products"))[:_MAX]:
                chosen.setdefault(str(product), []).append((attribute.get("label"), option.get("label")))
    prices, images = _dict(config.get("optionPrices")), _dict(config.get("images"))
    names = _dict(config.get("sku"))
    for product, options in list(chosen.items())[:_MAX]:
        final = _dict(_dict(prices.get(product)).get("finalPrice"))
        first = _dict(next(iter(_list(images.get(product))), None))
        yield _variant(
            names.get(product) or product,
            options,
            price=stored_price(final.get("amount")),
            currency=currency,
            available=None,
            image=_image(document, first.get("full") or first.get("img")),
        )


_OPTION_NAME = re.compile(
    r"^id$|option|variant|variation|attribute|size|colou?r|group\[|taille|grösse|größe|farbe", re.IGNORECASE
)
_STOCK_BEHIND = re.compile(
    r"\s*[-–(]\s*(?:sold out|out of stock|ausverkauft|agotado|épuisé|esgotado|esaurito)\W*$", re.IGNORECASE
)
_PRICE_BEHIND = re.compile(r"\s[-–(+]+\s?(?P<price>[^-–()]{2,30})\)?$")


def _select(document: Document, currency: str | None) -> Iterator[Variant]:
    """Yield the options of the only option list in a form; if there are several, their combinations are unknown."""
    fields = [
        one
        for one in islice(document.tree.iter("select"), 50)
        if _OPTION_NAME.search(one.get("name") or "") and next(one.iterancestors("form"), None) is not None
    ]
    if len(fields) != 1:
        return
    name = "option" if fields[0].get("name") == "id" else re.sub(r"[\W_]+", " ", fields[0].get("name")).strip()
    for option in fields[0].xpath(".//option[@value!='']")[:_MAX]:
        text = plain((option.text or "")[:_LONGEST_TEXT])
        label = _STOCK_BEHIND.sub("", text)
        price = _PRICE_BEHIND.search(label)
        money = read_money(price["price"]) if price else None
        money = money if money and money.currency and price and "+" not in price[0] else None
        sold_out = option.get("disabled") is not None or label != text
        yield _variant(
            option.get("data-sku") or option.get("value"),
            [(name, label[: price.start()] if price and money else label)],
            price=money.amount if money else None,
            currency=(money.currency if money else None) or currency,
            available=False if sold_out else None,
            image=None,
        )


def _scripts(document: Document, word: str) -> Iterator[str]:
    for kind, _, text in document.scripts:
        if word in text and "ld+json" not in kind:
            yield text[:_MAX_CHARACTERS]


def _values_after(text: str, key: str, opening: str) -> Iterator[object]:
    """Yield the values of a key in a script that begin with ``opening``."""
    at, hits = text.find(key), 0
    while at >= 0 and hits < _MAX_HITS:
        hits += 1
        start = at + len(key)
        begin = start + len(_GAP.match(text, start)[0])  # type: ignore[index]  # it matches at least the empty string
        if text[begin : begin + 1] == opening and (value := _decode(text, begin)) is not None:
            yield value
        at = text.find(key, start)


_GAP = re.compile(r"\s{0,20}:?\s{0,20}")


def _decode(text: str | None, start: int = 0) -> object:
    """Return the JSON value at a position of a text; None if there is none."""
    try:
        return _DECODER.raw_decode(text or "", start)[0]
    except (ValueError, RecursionError):
        return None
