"""Item metadata of Amazon Reviews 2023 (McAuley Lab): JSON Lines, or the Parquet of its loading script.

Videos are left out: their URLs are pages. https://amazon-reviews-2023.github.io
"""

import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from crawler.feeds.records import Fields, Layout, each_record, strings
from crawler.feeds.rows import FeedRowError

__all__ = ["LAYOUT"]

_PAGE = "https://www.amazon.com/dp/"
_SIZES = ("hi_res", "large", "thumb")
_BRAND = ("Brand", "Brand Name")
_GTIN = ("UPC", "GTIN", "EAN", "Global Trade Identification Number", "ISBN 13")
_MPN = ("Item model number", "Manufacturer Part Number", "Part Number", "Model Number")
_NO_SPECS = frozenset({*_BRAND, *_GTIN, *_MPN, "Best Sellers Rank", "Customer Reviews", "Date First Available", "ASIN"})
"""Names of ``details`` that are fields of their own, or no facts about the product."""


def _rows(fields: Fields, base: str) -> Iterable[Fields]:
    del base
    asin, details = fields.get("parent_asin"), _details(fields.get("details"))
    price = fields.get("price")
    yield {
        "id": asin,
        "url": f"{_PAGE}{quote(asin)}" if isinstance(asin, str) and asin else None,
        "title": fields.get("title"),
        "category": strings(fields.get("categories")) or strings(fields.get("main_category")),
        "brand": _first(details, _BRAND) or fields.get("store"),
        "price": None if price in ("", "None") else price,
        "currency": "USD",
        "gtin": (_first(details, _GTIN) or "").split(" ")[0].replace("-", "") or None,
        "mpn": _first(details, _MPN),
        "image_urls": _images(fields.get("images")),
        "specs": {name: value for name, value in details.items() if name not in _NO_SPECS},
        "description": "\n".join(strings(fields.get("description"))) or None,
        "features": strings(fields.get("features")),
        "rating": fields.get("average_rating"),
        "rating_count": fields.get("rating_number"),
    }


def _details(value: object) -> Fields:
    """Return ``details``, which the Parquet files have as JSON."""
    if isinstance(value, str):
        try:
            value = json.loads(value or "{}")
        except (ValueError, RecursionError):
            raise FeedRowError("details: not valid JSON") from None
    if value is not None and not isinstance(value, Mapping):
        raise FeedRowError("details: must be an object")
    return value or {}


def _first(details: Fields, names: Iterable[str]) -> str | None:
    return next((text for name in names for text in strings(details.get(name))), None)


def _images(value: object) -> list[str]:
    """Return the largest URL of each image, the main one first: of a list of objects, or of an object of lists."""
    if isinstance(value, Mapping):
        columns = [list(one) for name in ("variant", *_SIZES) if isinstance(one := value.get(name), list)]
        names = [name for name in ("variant", *_SIZES) if isinstance(value.get(name), list)]
        value = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=False)]
    images = [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
    images.sort(key=lambda image: image.get("variant") != "MAIN")
    return [url for image in images if (url := _first(image, _SIZES)) and url != "None"]


LAYOUT = Layout("amazon-reviews-2023", each_record(_rows), (frozenset({"parent_asin", "main_category"}),))
