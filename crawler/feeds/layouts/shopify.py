"""Shopify: ``products.json`` of a storefront, or the CSV file that the shop's admin exports, old and new column names.

Every variant is a row; the handle is its group. Both files give a variant the same id: the handle, and behind ``:`` the
values of its options. Neither names the shop: ``feed_base`` or ``start`` of the source does. Prices have no currency.
https://shopify.dev/docs/api/ajax/reference/product, https://help.shopify.com/en/manual/products/import-export/using-csv
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from crawler.feeds.delimited import DelimitedRow, read_delimited
from crawler.feeds.files import read_head
from crawler.feeds.records import Fields, Layout, each_record, objects, placed, strings
from crawler.feeds.rows import FeedItem, FeedRowError, parse_row

__all__ = ["LAYOUT"]

_MAX_ROWS = 10_000
"""Most rows of a product; the admin allows 2,048 variants and 250 images."""
_NO_OPTION = ("", "default title")
"""Option of a product without variants."""
_METAFIELD = re.compile(r"(.+) \(product\.metafields\..+\)", re.IGNORECASE)
"""Column of a product's own attribute: ``Color (product.metafields.shopify.color-pattern)``."""


class _Variant(NamedTuple):
    """What sets a variant apart."""

    options: Sequence[tuple[str, str]]
    """Name and value of each option."""
    image: str | None
    row: Fields
    """Its own fields of ``FeedRow``."""


def _read(path: Path, base: str) -> Iterator[FeedItem]:
    if read_head(path).lstrip()[:1] in {"{", "["}:
        yield from each_record(_rows_of_json)(path, base)
        return
    for group in _groups(path):
        yield from _rows_of_group(group, base)


def _rows(
    handle: str, product: Mapping[str, Any], images: Sequence[str], variants: Sequence[_Variant], base: str
) -> Sequence[Fields]:
    """Return the row of each variant; its own image comes first, images of other variants are left out."""
    own = {variant.image for variant in variants}
    shared = [url for url in images if url not in own]
    rows = []
    for variant in variants:
        values = [value for _, value in variant.options]
        name = " / ".join(values)
        specs = [{"property": option, "value": value} for option, value in variant.options]
        rows.append(
            {
                **product,
                **variant.row,
                "id": f"{handle}:{'/'.join(values)}" if values else handle,
                "item_group": handle if values else None,
                "url": placed(base, f"products/{quote(handle)}"),
                "title": f"{product['title']} - {name}" if name else product["title"],
                "image_urls": [variant.image, *shared] if variant.image else (shared or list(images)),
                "specs": [*specs, *product["specs"]],
            }
        )
    return rows


def _rows_of_json(fields: Fields, base: str) -> Iterable[Fields]:
    handle = _handle(fields.get("handle"))
    names = [str(option.get("name")) for option in objects(fields, "options")]
    product = {
        "title": fields.get("title"),
        "category": strings(fields.get("product_type")),
        "brand": fields.get("vendor"),
        "description": fields.get("body_html"),
        "specs": [],
    }
    images = [url for image in objects(fields, "images") for url in strings(image.get("src"))]
    variants = [_variant_of_json(variant, names) for variant in objects(fields, "variants")]
    return _rows(handle, product, images, variants, base)


def _variant_of_json(variant: Fields, names: Sequence[str]) -> _Variant:
    options = [(name, variant.get(f"option{number}")) for number, name in enumerate(names, start=1)]
    image = variant.get("featured_image")
    available = variant.get("available")
    row = {
        "price": variant.get("price"),
        "list_price": variant.get("compare_at_price"),
        "gtin": variant.get("barcode"),
        "availability": None if available is None else "in stock" if available is True else "out of stock",
    }
    return _Variant(
        _chosen(options), next(iter(strings(image.get("src"))), None) if isinstance(image, Mapping) else None, row
    )


def _chosen(options: Iterable[tuple[str, object]]) -> list[tuple[str, str]]:
    """Return the options that have a value other than that of a product without variants."""
    return [(name, text) for name, value in options for text in strings(value) if text.lower() not in _NO_OPTION]


def _handle(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise FeedRowError("handle: missing")
    return value.strip()


class _Row(NamedTuple):
    """One line of the CSV file."""

    line: int
    fields: Mapping[str, str]
    """Column in lower case -> text."""

    def text(self, *columns: str) -> str | None:
        """Return the text of the first of some columns that has one."""
        for name in columns:
            if (text := self.fields.get(name)) is not None:
                return text
        return None

    @property
    def handle(self) -> str | None:
        """Part of the URL that names the product."""
        return self.text("handle", "url handle")


def _groups(path: Path) -> Iterator[list[_Row] | DelimitedRow]:
    """Yield the lines of each product, which follow each other, and lines that cannot be read."""
    group: list[_Row] = []
    for record in read_delimited(path):
        if isinstance(record.fields, FeedRowError):
            yield record
            continue
        row = _Row(record.line, {name.lower(): text for name, text in record.fields.items()})
        if group and (row.handle != group[0].handle or len(group) == _MAX_ROWS):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _rows_of_group(group: list[_Row] | DelimitedRow, base: str) -> Iterator[FeedItem]:
    if isinstance(group, DelimitedRow):
        yield FeedItem(group.fields, group.line)  # type: ignore[arg-type]  # _groups yields those with an error
        return
    lines = [row.line for row in group if row.text(*_PRICE)] or [group[0].line]
    try:
        rows = [parse_row(row) for row in _rows_of_csv(group, base)]
    except FeedRowError as error:
        yield FeedItem(error, group[0].line)
        return
    for row, line in zip(rows, lines, strict=True):
        yield FeedItem(row, line)


_PRICE = ("variant price", "price")
_IMAGE = ("image src", "product image url")


def _rows_of_csv(group: Sequence[_Row], base: str) -> Sequence[Fields]:
    first = group[0]
    _check_status(first)
    product = {
        "title": first.text("title"),
        "category": first.text("product category", "standardized product type") or first.text("type"),
        "brand": first.text("vendor"),
        "description": first.text("body (html)", "description"),
        "specs": [
            {"property": match[1].capitalize(), "value": text}
            for name, text in first.fields.items()
            if name.endswith(")") and (match := _METAFIELD.fullmatch(name))
        ],
    }
    placed = sorted(group, key=_place) if len(group) > 1 else group
    images = list(dict.fromkeys(url for row in placed if (url := row.text(*_IMAGE))))
    names = [name for number in (1, 2, 3) if (name := first.text(f"option{number} name"))]
    variants = [_variant_of_csv(row, names) for row in group if row.text(*_PRICE)]
    return _rows(_handle(first.handle), product, images, variants or [_variant_of_csv(first, names)], base)


def _place(row: _Row) -> int:
    text = row.text("image position") or ""
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _check_status(row: _Row) -> None:
    """Raise for a product that the shop does not show."""
    status, published = row.text("status"), row.text("published", "published on online store")
    if status and status.lower() != "active":
        raise FeedRowError(f"status: {status}, not active")
    if published and published.lower() == "false":
        raise FeedRowError("published: the product is not published")


def _variant_of_csv(row: _Row, names: Sequence[str]) -> _Variant:
    options = [(name, row.text(f"option{number} value")) for number, name in enumerate(names, start=1)]
    quantity, policy = row.text("variant inventory qty", "inventory quantity"), row.text(*_POLICY)
    is_sold_out = quantity is not None and re.fullmatch(r"-\d+|0", quantity) and (policy or "").lower() in _DENIED
    fields = {
        "price": row.text(*_PRICE),
        "list_price": row.text("variant compare at price", "compare-at price"),
        "gtin": row.text("variant barcode", "barcode"),
        "availability": None if quantity is None else "out of stock" if is_sold_out else "in stock",
    }
    return _Variant(_chosen(options), row.text("variant image", "variant image url"), fields)


_POLICY = ("variant inventory policy", "continue selling when out of stock")
_DENIED = ("deny", "false")


LAYOUT = Layout(
    "shopify",
    _read,
    (
        frozenset({"handle", "variants", "body_html"}),
        frozenset({"handle", "title", "vendor"}),
        frozenset({"url handle", "title", "vendor"}),
    ),
)
