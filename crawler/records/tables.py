"""Rows of ``products``, ``specs`` and ``media`` from records, merged with the rows that stay."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import datetime
from decimal import Decimal

import pyarrow as pa

from crawler.crawl.stored_pages import StoredPageRow
from crawler.records.choice import ChosenPages
from m5data.modalities import feed_columns
from m5data.records import ProductRecord
from storage import Snapshot, Stage
from storage.engine import quote
from storage.tables import TABLES

__all__ = ["RECORD_TABLES", "known_products", "record_tables", "write_records"]

_PAGE = pa.field("page_url", pa.string(), nullable=False)
_CENT = Decimal("0.0001")
_MOST = Decimal(10) ** 14
"""Lowest amount that does not fit the 18 digits of the column."""

RECORD_TABLES = {name: TABLES[name].schema.append(_PAGE) for name in ("products", "specs", "media")}
"""Schemas of the rows; ``page_url`` is the page that a row was read from."""


def record_tables(read: Iterable[tuple[StoredPageRow, ProductRecord]]) -> dict[str, pa.Table]:
    """Return the rows of records in their order. Media are pending; first seen equals last seen."""
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
    """Return a price as the column holds it; None if it does not fit."""
    if price is None or not price.is_finite() or abs(price) >= _MOST:
        return None
    return price.quantize(_CENT)


_CHOSEN = pa.schema([("product_id", pa.string()), ("page_url", pa.string()), ("page_sha256", pa.string())])

# Products that stay unchanged: their page was not read again, or they come from a feed.
_STAYING = """
CREATE TEMP TABLE staying AS
    SELECT p.product_id FROM products p LEFT JOIN chosen c USING (product_id)
    WHERE (c.product_id IS NULL AND p.page_sha256 IS NULL)
        OR (c.page_sha256 = p.page_sha256 AND p.product_id NOT IN (
            SELECT n.product_id FROM new_products n JOIN chosen d USING (product_id, page_url)))
"""

_TABLES = {
    "products": """
        SELECT n.* EXCLUDE (page_url, first_seen), coalesce(o.first_seen, n.first_seen) AS first_seen
        FROM new_products n JOIN chosen USING (product_id, page_url)
        LEFT JOIN (SELECT product_id, first_seen FROM products) o USING (product_id)
        UNION ALL BY NAME SELECT products.* FROM products JOIN staying USING (product_id)""",
    "specs": """
        SELECT n.* EXCLUDE (page_url) FROM new_specs n JOIN chosen USING (product_id, page_url)
        UNION ALL BY NAME SELECT specs.* FROM specs JOIN staying USING (product_id)""",
    # The state of media is kept if the page still names them at the same position.
    "media": """
        SELECT n.product_id, n.kind, n.position, n.url, coalesce(o.state, n.state) AS state,
            coalesce(o.attempts, n.attempts) AS attempts,
            o.* EXCLUDE (product_id, kind, position, url, state, attempts)
        FROM new_media n JOIN chosen USING (product_id, page_url)
        LEFT JOIN media o USING (product_id, kind, position, url)
        UNION ALL BY NAME SELECT media.* FROM media JOIN staying USING (product_id)""",
}


# Pages have no such rows: those from a feed stay as long as their product does.
_FROM_FEED = """
    SELECT * FROM {table} WHERE product_id IN (SELECT product_id FROM staying UNION SELECT product_id FROM chosen)"""


def known_products(before: Snapshot) -> set[tuple[str, str]]:
    """Return product id and page hash of all products from pages."""
    rows = before.sql("SELECT product_id, page_sha256 FROM products WHERE page_sha256 IS NOT NULL")
    return set(zip(rows["product_id"].to_pylist(), rows["page_sha256"].to_pylist(), strict=True))


def write_records(stage: Stage, choice: ChosenPages, new: Mapping[str, pa.Table]) -> None:
    """Write ``products``, ``specs`` and ``media``, and drop rows of removed products from tables that feeds fill.

    Args:
        stage: The running stage.
        choice: The page of each product. All other products from pages are removed.
        new: Rows of the pages read in this run, chosen or not.
    """
    with closing(stage.before.connection()) as connection:
        chosen: Iterable[tuple[str, str, str]] = ((n, p.url, p.sha256) for n, p in choice.products.items())
        rows = [dict(zip(_CHOSEN.names, row, strict=True)) for row in chosen]
        connection.register("chosen", pa.Table.from_pylist(rows, schema=_CHOSEN))
        for name, table in new.items():
            connection.register(f"new_{name}", table)
        connection.execute(_STAYING)
        for name, query in _TABLES.items():
            stage.write(name, connection.sql(query))
        for _, spec in feed_columns():
            if spec.name in stage.before.tables:
                stage.write(spec.name, connection.sql(_FROM_FEED.format(table=quote(spec.name))))
