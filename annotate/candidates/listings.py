"""What encoders look at, read from the tables a partition at a time."""

from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa

from annotate.candidates.encoder import Listing
from storage import Snapshot
from storage.tables import Partition

__all__ = ["held_out_products", "read_listings"]

_HELD = """
select product_id, l.sub_class_id from products p
join duplicates d using (product_id) join reserve r on r.group_id = p.product_id left join labels l using (product_id)
where d.kept and r.held_out order by product_id
"""


def held_out_products(snapshot: Snapshot) -> pa.Table:
    """Return product_id and sub_class_id (-1 or null: none) of what is outside train for ever, sorted.

    Exact duplicates that were dropped are not among them.
    """
    with closing(snapshot.connection(["products", "duplicates", "reserve", "labels"])) as connection:
        return connection.sql(_HELD).to_arrow_table()


def read_listings(snapshot: Snapshot, wanted: frozenset[str]) -> Iterator[list[Listing]]:
    """Yield the listings of products, those of a partition together, sorted by id inside."""
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
    """Return each product's first stored image: the main one, where that came."""
    rows = snapshot.table("images", ["product_id", "position", "sha256", "phash"], only=[bucket]).to_pylist()
    return {row["product_id"]: (row["sha256"], row["phash"]) for row in reversed(rows)}
