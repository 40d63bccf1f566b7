"""Held-out products: the listings that encoders see, and the queries drawn from them."""

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pyarrow as pa

from annotate.candidates.encoders import Listing
from annotate.candidates.feature_file import Rows
from annotate.settings import CandidateSettings
from m5data.errors import DataError
from storage import Snapshot
from storage.tables import Partition

__all__ = ["held_out_products", "read_listings", "sample_queries"]

_HELD = """
select product_id, l.sub_class_id from products p
join duplicates d using (product_id) join reserve r on r.group_id = p.product_id left join labels l using (product_id)
where d.kept and r.held_out order by product_id
"""


def held_out_products(snapshot: Snapshot) -> pa.Table:
    """Return product_id and sub_class_id (-1 or null if none) of the held-out products, sorted.

    Dropped exact duplicates are excluded.
    """
    with closing(snapshot.connection(["products", "duplicates", "reserve", "labels"])) as connection:
        return connection.sql(_HELD).to_arrow_table()


def read_listings(snapshot: Snapshot, wanted: frozenset[str]) -> Iterator[list[Listing]]:
    """Yield the listings of products, one partition at a time, sorted by id within each."""
    for bucket in snapshot.partitions("products"):
        captions = snapshot.table("products", ["product_id", "caption"], only=[bucket]).to_pylist()
        specs, images = _specs(snapshot, bucket), _images(snapshot, bucket)
        yield [
            Listing(
                product_id=(one := row["product_id"]),
                caption=row["caption"],
                specs=tuple(specs.get(one, ())),
                image=images.get(one, (None, None))[0],
                phash=images.get(one, (None, None))[1],
            )
            for row in captions
            if row["product_id"] in wanted
        ]


def _specs(snapshot: Snapshot, bucket: Partition) -> dict[str, list[tuple[str, str]]]:
    names = ["product_id", "property", "value", "property_norm", "value_norm"]
    found: dict[str, list[tuple[str, str]]] = {}
    for row in snapshot.table("specs", names, only=[bucket]).to_pylist():
        line = row["property_norm"] or row["property"], row["value_norm"] or row["value"]
        found.setdefault(row["product_id"], []).append(line)
    return found


def _images(snapshot: Snapshot, bucket: Partition) -> dict[str, tuple[str, int]]:
    """Return the first stored image of each product, usually the main one."""
    rows = snapshot.table("images", ["product_id", "position", "sha256", "phash"], only=[bucket]).to_pylist()
    return {row["product_id"]: (row["sha256"], row["phash"]) for row in reversed(rows)}


def sample_queries(products: pa.Table, settings: CandidateSettings) -> Rows:
    """Return ascending row numbers of queries, drawn at random from categories of at least ``min_category``.

    M5Product: "sample queries in categories with > 2,000 instances", from everything outside train. Categories
    here are those of the second level, and only held-out products count.

    Args:
        products: product_id, sub_class_id.
        settings: Number of queries, minimum category and seed.

    Raises:
        DataError: No category is large enough.
    """
    category = products["sub_class_id"].to_numpy().astype(np.float64)
    category = np.where(np.isnan(category), -1, category).astype(np.int64)
    names, place, sizes = np.unique(category, return_inverse=True, return_counts=True)
    large = (sizes >= settings.min_category) & (names >= 0)
    if not large.any():
        largest = int(sizes[names >= 0].max(initial=0))
        raise DataError(
            f"annotate.candidates.min_category: no category has {settings.min_category} products outside train; "
            f"the largest has {largest}. Set a smaller min_category."
        )
    rows = np.flatnonzero(large[place])
    drawn = np.random.default_rng(settings.seed).permutation(rows)[: settings.queries]
    return np.sort(drawn)
