"""Records as rows of the tables ``products``, ``specs`` and ``media``."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import pyarrow as pa

from crawler.crawl.stored_pages import StoredPageRow
from m5data.records import ProductRecord
from storage.tables import TABLES

__all__ = ["RECORD_TABLES", "record_tables"]

_PAGE = pa.field("page_url", pa.string(), nullable=False)
_CENT = Decimal("0.0001")
_MOST = Decimal(10) ** 14
"""What the column's 18 digits hold."""

RECORD_TABLES = {name: TABLES[name].schema.append(_PAGE) for name in ("products", "specs", "media")}
"""Schemas of the rows; ``page_url`` says which page a row was read from."""


def record_tables(read: Iterable[tuple[StoredPageRow, ProductRecord]]) -> dict[str, pa.Table]:
    """Return the rows of several records, in their order; media are pending, first seen is last seen."""
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in RECORD_TABLES}
    for page, record in read:
        key = {"product_id": f"{page.source}:{record.native_id}", "page_url": page.url}
        rows["products"].append({**key, **_product(page, record)})
        rows["specs"] += [
            {**key, "position": n, "property": spec.property, "value": spec.value}
            for n, spec in enumerate(record.specs)
        ]
        rows["media"] += [
            {**key, "kind": kind, "position": n, "url": url, "state": "pending", "attempts": 0}
            for kind, urls in (("image", record.image_urls), ("video", record.video_urls))
            for n, url in enumerate(urls)
        ]
    return {name: pa.Table.from_pylist(rows[name], schema=schema) for name, schema in RECORD_TABLES.items()}


def _product(page: StoredPageRow, record: ProductRecord) -> dict[str, object]:
    seen = datetime.fromisoformat(page.fetched_at)
    return {
        "source": page.source,
        "url": record.url,
        "native_id": record.native_id,
        "caption": record.caption,
        "category": list(record.category),
        "brand": record.brand,
        "price": _amount(record.price),
        "currency": record.currency,
        "availability": record.availability,
        "merchant": record.merchant,
        "gtin": record.gtin,
        "mpn": record.mpn,
        "masked": record.masked,
        "page_sha256": page.sha256,
        "first_seen": seen,
        "last_seen": seen,
    }


def _amount(price: Decimal | None) -> Decimal | None:
    """Return a price as the column holds it; one that no column could hold is no price."""
    if price is None or not price.is_finite() or abs(price) >= _MOST:
        return None
    return price.quantize(_CENT)
