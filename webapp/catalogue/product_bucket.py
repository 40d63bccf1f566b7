"""A connection with the tables of one product, which reads only its bucket of most of them."""

import duckdb

from core.engine import bucket_of
from storage import Snapshot
from webapp.catalogue.product_card import TABLES

__all__ = ["OWN_DUPLICATE", "open_bucket"]

OWN_DUPLICATE = "own_duplicate"
"""View of the product's bucket of ``duplicates``; the whole table is read only if the product has duplicates."""
_WHOLE = (
    *("splits", "rejects", "duplicates", "duplicate_pairs", "matches", "properties"),
    *("judgements", "label_map", "label_pairs", "recipes"),
)
_BUCKETED = (
    *(name for name in TABLES if name not in _WHOLE),
    *("frames", "labels", "usage_rights", "images", "image_text", "spec_proposals", "history"),
)


def open_bucket(snapshot: Snapshot, product_id: str) -> duckdb.DuckDBPyConnection:
    """Open a connection with only the product's bucket of most tables, so that the ledger stays cheap at any size."""
    engine = snapshot.connection(only=_WHOLE)
    bucket = bucket_of(product_id, snapshot.record.buckets)
    for name in _BUCKETED:
        engine.execute(snapshot.view(name, name, only=[bucket]))
    engine.execute(snapshot.view(OWN_DUPLICATE, "duplicates", only=[bucket]))
    return engine
