"""A complete sixth modality: the text of reviews, from a feed column to ledger, shards and reader."""

import pyarrow as pa

from core.five_modalities import TEXT_FEATURE
from core.modalities import FeedColumn, LedgerEntry, Member, Modality, Sample, ShardColumn
from core.table_spec import ID, INT, TEXT, Column, TableSpec

__all__ = ["REVIEWS"]


def _texts(sample: Sample) -> list[str]:
    return list(sample.more["reviews"])


REVIEWS = Modality(
    name="reviews",
    meaning="text of reviews",
    table=TableSpec(
        name="reviews",
        meaning="One row per review of a product.",
        key=("product_id", "position"),
        bucket_of="product_id",
        columns=(
            Column("product_id", ID, "product"),
            Column("position", INT, "place in the feed, from 0"),
            Column("text", TEXT, "text as published, contact details masked"),
        ),
    ),
    feed=FeedColumn(
        "reviews",
        pa.list_(pa.string()),
        "SELECT product_id, generate_subscripts(reviews, 1) - 1 AS position, unnest(reviews) AS text FROM part_rows",
    ),
    ledger=LedgerEntry(
        "reviews",
        "present, or no_reviews",
        "CASE WHEN reviewed.product_id IS NULL THEN 'no_reviews' ELSE 'present' END",
        "LEFT JOIN (SELECT DISTINCT product_id FROM reviews) reviewed ON reviewed.product_id = p.product_id",
    ),
    is_present=lambda sample: bool(_texts(sample)),
    present_sql="reviews",
    select={"reviews": "review_lists.texts"},
    tables={
        "review_lists": "select r.product_id, list(r.text order by r.position) as texts "
        "from reviews r join chosen using (product_id) group by 1"
    },
    facts=lambda row: {"reviews": tuple(row["reviews"] or ())},
    columns=(
        ShardColumn(
            "reviews",
            pa.list_(pa.string()),
            {"feature": TEXT_FEATURE, "_type": "List"},
            lambda sample, _: _texts(sample),
            "sc:Text",
        ),
    ),
    members=(Member("reviews.txt", lambda sample: ["\n".join(_texts(sample)).encode()]),),
    json=lambda sample: {"reviews": _texts(sample)},
)
