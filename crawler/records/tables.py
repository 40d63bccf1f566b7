"""Rows of ``products``, ``specs``, ``variants`` and ``media`` from records, merged with the rows that are kept."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.engine import quote, text
from core.errors import DataError
from core.gtin import canonical_gtin
from core.modalities import feed_columns
from core.records import ProductRecord, Variant
from crawler.crawl.stored_pages import StoredPageRow
from crawler.records.choice import ChosenPages
from storage import Snapshot, Stage
from storage.tables import TABLES

__all__ = ["RECORD_TABLES", "RecordFiles", "check_shrinkage", "known_products", "record_tables", "write_records"]

_CENT = Decimal("0.0001")
_MAX = Decimal(10) ** 14
"""Lowest amount that does not fit the 18 digits of the column."""

_OF_CHOICE = ("product_id", "source", "native_id", "url")
"""Columns of a product that also depend on the other pages of its source."""
_PAGE = tuple(pa.field(name, pa.string(), nullable=False) for name in ("source", "page_url"))


def _schema(table: str) -> pa.Schema:
    without = _OF_CHOICE if table == "products" else ("product_id",)
    return pa.schema([*_PAGE, *(column for column in TABLES[table].schema if column.name not in without)])


RECORD_TABLES = {name: _schema(name) for name in ("products", "specs", "variants", "media")}
"""Schemas of the rows of a page, which ``source`` and ``page_url`` identify."""


def record_tables(read: Iterable[tuple[StoredPageRow, ProductRecord]]) -> dict[str, pa.Table]:
    """Return the rows of records in their order. Media are pending; first seen equals last seen."""
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in RECORD_TABLES}
    for page, record in read:
        key = {"source": page.source, "page_url": page.url}
        rows["products"].append({**key, **_product(page, record)})
        rows["specs"] += [
            {**key, "position": n, "property": spec.property, "value": spec.value}
            for n, spec in enumerate(record.specs)
        ]
        rows["variants"] += [{**key, "position": n, **_variant(variant)} for n, variant in enumerate(record.variants)]
        rows["media"] += [
            {**key, "kind": kind, "position": n, "url": url, "state": "pending", "attempts": 0}
            for kind, urls in (("image", record.image_urls), ("video", record.video_urls))
            for n, url in enumerate(urls)
        ]
    return {name: pa.Table.from_pylist(rows[name], schema=schema) for name, schema in RECORD_TABLES.items()}


def _product(page: StoredPageRow, record: ProductRecord) -> dict[str, object]:
    seen = datetime.fromisoformat(page.fetched_at)
    return {
        "caption": record.caption,
        "category": list(record.category),
        "brand": record.brand,
        "price": _amount(record.price),
        "currency": record.currency,
        "availability": record.availability,
        "merchant": record.merchant,
        "gtin": record.gtin,
        "gtin14": canonical_gtin(record.gtin) if record.gtin else None,
        "mpn": record.mpn,
        "description": record.description,
        "features": list(record.features) or None,
        "list_price": _amount(record.list_price),
        "rating": None if record.rating is None else float(record.rating),
        "rating_count": record.rating_count,
        "condition": record.condition,
        "item_group": record.item_group,
        "masked": record.masked,
        "page_sha256": page.sha256,
        "first_seen": seen,
        "last_seen": seen,
    }


def _variant(variant: Variant) -> dict[str, object]:
    return {
        "variant_id": variant.id,
        "options": [f"{option.property}: {option.value}" for option in variant.options],
        "price": _amount(variant.price),
        "currency": variant.currency,
        "availability": variant.availability,
        "image_url": variant.image_url,
    }


def _amount(price: Decimal | None) -> Decimal | None:
    """Return a price with the precision of the column; None if it does not fit."""
    if price is None or not price.is_finite() or abs(price) >= _MAX:
        return None
    return price.quantize(_CENT)


class RecordFiles:
    """Rows of pages in scratch files, one for each table, so that they need not fit in memory.

    Args:
        folder: Folder for these files alone.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._paths = {name: folder / f"{name}.parquet" for name in RECORD_TABLES}
        self._writers = {
            name: pq.ParquetWriter(self._paths[name], schema, compression="lz4")
            for name, schema in RECORD_TABLES.items()
        }

    def add(self, rows: Mapping[str, pa.Table]) -> None:
        """Write the rows of some pages."""
        for name, writer in self._writers.items():
            writer.write_table(rows[name])

    def close(self) -> None:
        """Finish the files."""
        for writer in self._writers.values():
            writer.close()

    def views(self) -> Iterator[str]:
        """Yield the statements that create the views ``new_products`` and so on; the files must be closed."""
        for name, path in self._paths.items():
            yield f"CREATE TEMP VIEW new_{name} AS FROM read_parquet({text(str(path))})"


_CHOSEN = pa.schema([(name, pa.string()) for name in (*_OF_CHOICE, "page_url", "page_sha256")])

# Products that stay unchanged: their page was not read again, or they come from a feed.
_STAYING = """
CREATE TEMP TABLE staying AS
    SELECT p.product_id, c.url FROM products p LEFT JOIN chosen c USING (product_id)
    WHERE (c.product_id IS NULL AND p.page_sha256 IS NULL)
        OR (c.page_sha256 = p.page_sha256 AND p.product_id NOT IN (
            SELECT d.product_id FROM new_products n
            JOIN chosen d ON d.source = n.source AND d.page_url = n.page_url))
"""

_TABLES = {
    "products": """
        SELECT c.product_id, c.source, c.native_id, c.url, n.* EXCLUDE (source, page_url, first_seen),
            coalesce(o.first_seen, n.first_seen) AS first_seen
        FROM new_products n JOIN chosen c ON c.source = n.source AND c.page_url = n.page_url
        LEFT JOIN products o ON o.product_id = c.product_id
        UNION ALL BY NAME
        SELECT p.* REPLACE (coalesce(s.url, p.url) AS url)
        FROM products p JOIN staying s ON s.product_id = p.product_id""",
    "specs": """
        SELECT c.product_id, n.* EXCLUDE (source, page_url)
        FROM new_specs n JOIN chosen c ON c.source = n.source AND c.page_url = n.page_url
        UNION ALL BY NAME SELECT specs.* FROM specs JOIN staying USING (product_id)""",
    "variants": """
        SELECT c.product_id, n.* EXCLUDE (source, page_url)
        FROM new_variants n JOIN chosen c ON c.source = n.source AND c.page_url = n.page_url
        UNION ALL BY NAME SELECT variants.* FROM variants JOIN staying USING (product_id)""",
    # The state of media is kept if the page still names them at the same position.
    "media": """
        SELECT c.product_id, n.kind, n.position, n.url, coalesce(o.state, n.state) AS state,
            coalesce(o.attempts, n.attempts) AS attempts,
            o.* EXCLUDE (product_id, kind, position, url, state, attempts)
        FROM new_media n JOIN chosen c ON c.source = n.source AND c.page_url = n.page_url
        LEFT JOIN media o ON (o.product_id, o.kind, o.position, o.url) = (c.product_id, n.kind, n.position, n.url)
        UNION ALL BY NAME SELECT media.* FROM media JOIN staying USING (product_id)""",
}

# A placeholder image shows none of the products that share it: more than half of a source's (at least five), or at
# least ten whose captions mostly begin with different words, as a range of colours may share an image.
_PLACEHOLDERS = """
CREATE TEMP TABLE placeholders AS
    SELECT source, url FROM (
        SELECT source, url, count(DISTINCT product_id) AS shared,
            count(DISTINCT lower(split_part(trim(caption), ' ', 1))) AS beginnings
        FROM shown GROUP BY ALL
    ) JOIN (SELECT source, count(DISTINCT product_id) AS all_of FROM shown GROUP BY ALL) USING (source)
    WHERE (shared >= 5 AND shared * 2 > all_of) OR (shared >= 10 AND beginnings * 2 > shared)
"""
_SHOWN = """
CREATE TEMP VIEW shown AS
    SELECT c.source, c.product_id, n.url, p.caption
    FROM new_media n JOIN chosen c ON c.source = n.source AND c.page_url = n.page_url
    JOIN new_products p ON p.source = n.source AND p.page_url = n.page_url WHERE n.kind = 'image'
    UNION ALL
    SELECT c.source, m.product_id, m.url, p.caption FROM media m JOIN staying USING (product_id)
    JOIN chosen c ON c.product_id = m.product_id JOIN products p ON p.product_id = m.product_id WHERE m.kind = 'image'
"""
_OF_FILE = ("sha256", "bytes", "mime", "width", "height", "duration_s")
_WITHOUT_PLACEHOLDERS = """
    SELECT m.* EXCLUDE (state, reason, source, hidden, shown_again, {columns}),
        CASE WHEN hidden THEN 'dropped' WHEN shown_again THEN 'pending' ELSE m.state END AS state,
        CASE WHEN hidden THEN 'placeholder' WHEN shown_again THEN NULL ELSE m.reason END AS reason,
        {file}
    FROM (
        SELECT q.*, c.source, q.kind = 'image' AND p.url IS NOT NULL AS hidden,
            coalesce(q.reason = 'placeholder', false) AND p.url IS NULL AS shown_again
        FROM ({media}) q LEFT JOIN chosen c USING (product_id)
        LEFT JOIN placeholders p ON p.source = c.source AND p.url = q.url
    ) m
"""


def _without_placeholders(media: str) -> str:
    """Return the query of ``media`` with placeholders dropped and former placeholders pending again."""
    file = ", ".join(f"if(hidden, NULL, m.{column}) AS {column}" for column in _OF_FILE)
    return _WITHOUT_PLACEHOLDERS.format(media=media, columns=", ".join(_OF_FILE), file=file)


# Pages have no such rows; those from a feed are kept as long as their product.
_FROM_FEED = """
    SELECT * FROM {table} WHERE product_id IN (SELECT product_id FROM staying UNION SELECT product_id FROM chosen)"""


def known_products(before: Snapshot) -> set[tuple[str, str]]:
    """Return the product id and page hash of all products from pages."""
    rows = before.sql("SELECT product_id, page_sha256 FROM products WHERE page_sha256 IS NOT NULL")
    return set(zip(rows["product_id"].to_pylist(), rows["page_sha256"].to_pylist(), strict=True))


def write_records(stage: Stage, choice: ChosenPages, new: RecordFiles) -> None:
    """Write the tables of records, and drop rows of removed products from tables that feeds fill.

    Args:
        stage: The running stage.
        choice: The page of each product. All other products from pages are removed.
        new: Closed files with the rows of the pages read in this run, chosen or not.
    """
    from_feeds = [spec.name for _, spec in feed_columns() if spec.name in stage.before.tables]
    with closing(stage.before.connection((*_TABLES, *from_feeds))) as connection:
        connection.register("chosen", _chosen(choice))
        for view in new.views():
            connection.execute(view)
        for statement in (_STAYING, _SHOWN, _PLACEHOLDERS):
            connection.execute(statement)
        for name, query in _TABLES.items():
            stage.write(name, connection.sql(_without_placeholders(query) if name == "media" else query))
        for name in from_feeds:
            stage.write(name, connection.sql(_FROM_FEED.format(table=quote(name))))


def _chosen(choice: ChosenPages) -> pa.Table:
    rows = [
        (name, one.page.source, one.native_id, one.url, one.page.url, one.page.sha256)
        for name, one in choice.products.items()
    ]
    return pa.Table.from_pylist([dict(zip(_CHOSEN.names, row, strict=True)) for row in rows], schema=_CHOSEN)


def check_shrinkage(source: str, before: int, removed: int, most: float) -> None:
    """Raise if a commit would remove more than a share of a source, or all of it.

    Args:
        source: Name of the source.
        before: Number of its products so far.
        removed: How many of them the commit would remove.
        most: Largest share that may be removed; 1 allows everything.

    Raises:
        DataError: It would remove more. Nothing has been written.
    """
    if removed > most * before:
        raise DataError(
            f"{source}: {removed:,} of {before:,} products would be removed, more than {most:.0%} of them. Nothing was "
            "changed. Check the shop or its feed; if this is right, add --allow-shrink to m5data crawl, ingest or run."
        )
