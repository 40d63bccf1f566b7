"""OpenAI's product feed: CSV, TSV or JSON with one row per variant, or JSON objects of products with their variants.

Rows are read as Google's attributes, which the specification follows: fields under other names are renamed.
https://developers.openai.com/commerce/specs/feed,
https://github.com/agentic-commerce-protocol/agentic-commerce-protocol (``schema.feed.json``)
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from core.currencies import decimals_of
from crawler.feeds.attributes import Detail, attribute_fields
from crawler.feeds.records import Fields, Layout, each_record, objects, strings
from crawler.feeds.rows import FeedRowError, parse_json

__all__ = ["LAYOUT"]

_RENAMED = {
    "item_id": "id",
    "url": "link",
    "image_url": "image_link",
    "additional_image_urls": "additional_image_link",
    "video_url": "video_link",
    "group_id": "item_group_id",
    "product_category": "product_type",
    "seller_name": "merchant",
}
"""Field -> attribute of Google's, which it replaces."""
_RATINGS = {
    "rating": ("star_rating", "product_review_rating"),
    "rating_count": ("review_count", "product_review_count"),
}
_MEASURES = ("dimensions", "length", "width", "height", "weight", "size_system")


def _rows(fields: Fields, base: str) -> Iterable[Fields]:
    del base
    if "variants" in fields:
        return [_variant(fields, one) for one in objects(fields, "variants")]
    return [_flat({name.lower(): value for name, value in fields.items()})]


def _flat(fields: Fields) -> Fields:
    values: dict[str, list[str]] = {}
    for name, value in fields.items():
        if texts := _as_texts(value):
            values[name] = texts
    for name, attribute in _RENAMED.items():
        if name in values:
            values[attribute] = values.pop(name)
    values.setdefault("id", values.get("sku", []))
    begin, end = (fields.get(f"sale_price_{side}_date") for side in ("start", "end"))
    if begin or end:
        values["sale_price_effective_date"] = [f"{begin or ''}/{end or ''}"]
    row = attribute_fields(values, _details(fields))
    ratings = {name: next((values[one][0] for one in names if one in values), None) for name, names in _RATINGS.items()}
    return {**row, **ratings}


def _as_texts(value: object) -> list[str]:
    """Return the texts of a value; numbers are texts, and null, true and false none."""
    values = value if isinstance(value, list) else [value]
    numbers = (str(one) if isinstance(one, int | float) and not isinstance(one, bool) else one for one in values)
    return strings(list(numbers))


def _details(fields: Fields) -> list[Detail]:
    """Return the options that make a variant, and measures: neither is an attribute of Google's."""
    options = fields.get("variant_dict")
    if isinstance(options, str):
        options = parse_json(options)
    if options is not None and not isinstance(options, Mapping):
        raise FeedRowError("variant_dict: must be an object")
    named = [(name, value) for name, value in (options or {}).items() if name.lower() not in fields]
    numbered = [
        (option, value)
        for number in (1, 2, 3)
        for option in _as_texts(fields.get(f"custom_variant{number}_category"))
        for value in _as_texts(fields.get(f"custom_variant{number}_option"))
    ]
    measures = [(name, fields.get(name)) for name in _MEASURES]
    return [Detail("", name, text) for name, value in (*named, *numbered, *measures) for text in _as_texts(value)[:1]]


def _variant(product: Fields, variant: Fields) -> Fields:
    media = [*objects(variant, "media"), *objects(product, "media")]
    price, listed = variant.get("price"), variant.get("list_price")
    availability, seller, description = (
        value if isinstance(value := found, Mapping) else {}
        for found in (
            variant.get("availability"),
            variant.get("seller"),
            variant.get("description") or product.get("description"),
        )
    )
    available, stock = availability.get("available"), availability.get("status")
    if isinstance(available, bool):
        stock = "in stock" if available else "out of stock"
    return {
        "id": variant.get("id"),
        "item_group": product.get("id"),
        "url": variant.get("url") or product.get("url"),
        "title": variant.get("title") or product.get("title"),
        "category": next((one.get("value") for one in objects(variant, "categories")), None),
        "merchant": seller.get("name"),
        "price": _amount("price", price),
        "list_price": _amount("list_price", listed),
        "availability": stock,
        "gtin": next((one.get("value") for one in objects(variant, "barcodes")), None),
        "condition": next(iter(strings(variant.get("condition"))), None),
        "description": next((text for kind in ("plain", "html", "markdown") if (text := description.get(kind))), None),
        "image_urls": [one.get("url") for one in media if one.get("type", "image") == "image"],
        "video_urls": [one.get("url") for one in media if one.get("type") == "video"],
        "specs": [
            {"property": option.get("name"), "value": option.get("value")}
            for option in objects(variant, "variant_options")
        ],
    }


def _amount(name: str, price: object) -> str | None:
    """Return an amount in minor units as the text of the amount."""
    if price is None:
        return None
    if not isinstance(price, Mapping) or not isinstance(price.get("amount"), int):
        raise FeedRowError(f"{name}: must be an object with amount, a whole number of minor units, and currency")
    code = str(price.get("currency"))
    return f"{Decimal(price['amount']).scaleb(-decimals_of(code)):f} {code}"


LAYOUT = Layout(
    "openai-feed",
    each_record(_rows),
    (
        frozenset({"is_eligible_search", "title"}),
        frozenset({"enable_search", "title"}),
        frozenset({"variants", "variant_options"}),
    ),
)
