"""WooCommerce: the CSV file of its product export, with English column names.

A variation is a row and takes from its parent what it leaves empty; the parent, which nobody can buy, is none. The file
does not name the shop: ``feed_base`` or ``start`` of the source does. Prices have no currency.
https://github.com/woocommerce/woocommerce/wiki/Product-CSV-Import-Schema
"""

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.errors import FeedError
from crawler.feeds.delimited import read_delimited
from crawler.feeds.records import Layout, placed
from crawler.feeds.rows import FeedItem, FeedRowError, parse_row

__all__ = ["LAYOUT"]

_Row = dict[str, Any]
"""Fields of ``FeedRow``."""

_COMMA = re.compile(r"(?<!\\),")
"""Comma between the values of a list; one inside a value stands behind a backslash."""
_PARENTS = 20_000
"""Number of parents that are remembered: the export has variations soon after their parent."""
_MEASURE = re.compile(r"(weight|length|width|height) \((.+)\)")
_STOCK = {"1": "in stock", "0": "out of stock"}
_TYPES_OF_PARENTS = ("variable", "variable-subscription")


def _read(path: Path, base: str) -> Iterator[FeedItem]:
    export = _Export(base)
    for number, record in enumerate(read_delimited(path)):
        if isinstance(record.fields, FeedRowError):
            yield FeedItem(record.fields, record.line)
            continue
        if not number and "id" not in {name.lower() for name in record.fields}:
            raise FeedError(f"{path}: there is no column ID. Export the products with the site in English.")
        try:
            row = export.row({name.lower(): text for name, text in record.fields.items()})
            if row is not None:
                yield FeedItem(parse_row(row), record.line)
        except FeedRowError as error:
            yield FeedItem(error, record.line)


class _Export:
    """The rows of one file, which may refer to earlier ones."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._parents: OrderedDict[str, _Row] = OrderedDict()

    def row(self, fields: Mapping[str, str]) -> _Row | None:
        """Return the row of a product; None for the parent of variations.

        Raises:
            FeedRowError: The product is not published, or the parent of a variation is missing.
        """
        published = fields.get("published", "1")
        if published != "1":
            raise FeedRowError(f"Published: {published}, the product is not published")
        types = _split(fields.get("type", ""))
        row = _row_of(fields, self._base)
        if "variation" in types:
            return _inherited(row, self._parent(fields.get("parent", "")))
        if not any(name in types for name in _TYPES_OF_PARENTS):
            return row
        for name in (f"id:{fields.get('id')}", fields.get("sku")):
            if name:
                self._parents[name] = row
        while len(self._parents) > 2 * _PARENTS:
            self._parents.popitem(last=False)
        return None

    def _parent(self, name: str) -> _Row:
        try:
            return self._parents[name]
        except KeyError:
            raise FeedRowError(f"Parent: no product {name!r} above this variation") from None


def _inherited(row: _Row, parent: _Row) -> _Row:
    """Return a variation with what it takes from its parent: its name, group, page and every empty field."""
    own = {name: value for name, value in row.items() if value}
    named = {spec["property"] for spec in row["specs"]}
    further = [spec for spec in parent["specs"] if spec["property"] not in named]
    return {**parent, **own, "item_group": parent["id"], "url": parent["url"], "specs": [*row["specs"], *further]}


def _row_of(fields: Mapping[str, str], base: str) -> _Row:
    number = fields.get("id")
    begin, end = fields.get("date sale price starts", ""), fields.get("date sale price ends", "")
    stock = fields.get("in stock?", "")
    attributes = list(_attributes(fields))
    brands = _split(fields.get("brands", "")) or [value for name, value in attributes if name.lower() == "brand"]
    return {
        "id": number,
        "url": placed(base, f"?post_type=product&p={number}") if number and number.isdecimal() else None,
        "title": fields.get("name"),
        "category": _deepest(_split(fields.get("categories", ""))),
        "brand": brands[0] if brands else None,
        "price": fields.get("regular price"),
        "sale_price": fields.get("sale price"),
        "sale_price_effective_date": f"{begin}/{end}" if begin or end else None,
        "availability": _STOCK.get(stock, stock) or None,
        "gtin": fields.get("gtin, upc, ean, or isbn"),
        "description": _text(fields.get("description") or fields.get("short description")),
        "image_urls": _split(fields.get("images", "")),
        "specs": [*({"property": name, "value": value} for name, value in attributes), *_measures(fields)],
    }


def _split(text: str) -> list[str]:
    return [value for part in _COMMA.split(text) if (value := part.replace("\\,", ",").strip())]


def _deepest(paths: list[str]) -> list[str]:
    """Return the levels of the path that has most of them, the first of several."""
    levels = ([level.strip() for level in path.split(" > ")] for path in paths)
    return max(levels, key=len, default=[])


def _text(published: str | None) -> str | None:
    r"""Return a description, in which the export writes line breaks as ``\n``."""
    return None if published is None else re.sub(r"(?<!\\)\\n", "\n", published).replace("\\\\n", "\\n")


def _attributes(fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield name and values of each attribute that has both."""
    number = 1
    while (name := fields.get(f"attribute {number} name")) is not None or f"attribute {number} value(s)" in fields:
        values = _split(fields.get(f"attribute {number} value(s)", ""))
        if name and values:
            yield name, ", ".join(values)
        number += 1


def _measures(fields: Mapping[str, str]) -> Iterator[dict[str, str]]:
    for name, text in fields.items():
        if match := _MEASURE.fullmatch(name):
            yield {"property": match[1].capitalize(), "value": f"{text} {match[2]}"}


LAYOUT = Layout("woocommerce", _read, (frozenset({"id", "type", "sku", "name", "regular price"}),))
