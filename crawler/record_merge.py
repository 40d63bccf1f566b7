"""New rows and those that stay, as the whole new content of ``products``, ``specs`` and ``media``."""

from collections.abc import Iterable, Mapping
from contextlib import closing

import pyarrow as pa

from crawler.product_choice import Choice
from storage import Snapshot, Stage

__all__ = ["known_products", "write_records"]

_CHOSEN = pa.schema([("product_id", pa.string()), ("page_url", pa.string()), ("page_sha256", pa.string())])

# Products that stay as they are: their page was not read again, or they came by a feed.
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
    # What became of a medium is kept where the page still names it at its place.
    "media": """
        SELECT n.product_id, n.kind, n.position, n.url, coalesce(o.state, n.state) AS state,
            coalesce(o.attempts, n.attempts) AS attempts,
            o.* EXCLUDE (product_id, kind, position, url, state, attempts)
        FROM new_media n JOIN chosen USING (product_id, page_url)
        LEFT JOIN media o USING (product_id, kind, position, url)
        UNION ALL BY NAME SELECT media.* FROM media JOIN staying USING (product_id)""",
}


def known_products(before: Snapshot) -> set[tuple[str, str]]:
    """Return product id and page object of all products that came from pages."""
    rows = before.sql("SELECT product_id, page_sha256 FROM products WHERE page_sha256 IS NOT NULL")
    return set(zip(rows["product_id"].to_pylist(), rows["page_sha256"].to_pylist(), strict=True))


def write_records(stage: Stage, choice: Choice, new: Mapping[str, pa.Table]) -> None:
    """Write the three tables.

    Args:
        stage: the stage's run.
        choice: which page speaks for each product; all other products that came from pages go.
        new: rows of the pages read in this run, chosen or not.
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
