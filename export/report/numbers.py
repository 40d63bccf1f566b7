"""The numbers behind the report, each one question to DuckDB."""

from dataclasses import dataclass
from typing import Any

from storage import Snapshot

__all__ = ["Numbers", "ask"]

Rows = list[dict[str, object]]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Everything that the report shows, as plain rows."""

    totals: dict[str, object]
    """products, merchants, sub_classes, properties, values, images, videos, frames, masked_contacts."""
    long_tail: Rows
    """name, products: sub-classes, largest first."""
    overlap: Rows
    """One boolean a modality, products: which combinations of modalities there are, commonest first."""
    caption_lengths: list[int]
    """Characters of each caption."""
    durations: list[float]
    """Seconds of each distinct stored video."""
    merchant_sizes: list[int]
    """Products of each merchant."""
    ledger: Rows
    """modality, state, products."""
    splits: Rows
    """recipe, split, role, products."""
    rejects: Rows
    """stage, reason, items."""
    properties: Rows
    """property, products: the commonest twenty."""


def ask(snapshot: Snapshot) -> Numbers:
    """Collect the numbers of a dataset version."""
    return Numbers(
        totals=_rows(snapshot, _TOTALS)[0],
        long_tail=_rows(snapshot, _LONG_TAIL),
        overlap=_rows(snapshot, _OVERLAP),
        caption_lengths=_column(snapshot, "select length(caption) from products where caption is not null"),
        durations=_column(snapshot, _DURATIONS),
        merchant_sizes=_column(snapshot, "select count(*) from products where merchant is not null group by merchant"),
        ledger=_rows(snapshot, _LEDGER),
        splits=_rows(
            snapshot, "select recipe, split, role, count(*) as products from splits group by all order by all"
        ),
        rejects=_rows(snapshot, "select stage, reason, count(*) as items from rejects group by all order by all"),
        properties=_rows(snapshot, _PROPERTIES),
    )


def _rows(snapshot: Snapshot, query: str) -> Rows:
    rows: Rows = snapshot.sql(query).to_pylist()
    return rows


def _column(snapshot: Snapshot, query: str) -> list[Any]:
    values: list[Any] = sorted(snapshot.sql(query).column(0).to_pylist())
    return values


_TOTALS = """
select (select count(*) from products) as products,
       (select count(distinct merchant) from products) as merchants,
       (select count(distinct sub_class_id) from labels where sub_class_id >= 0) as sub_classes,
       (select count(distinct property) from specs) as properties,
       (select count(distinct value) from specs) as "values",
       (select count(*) from media where kind = 'image' and state = 'ok') as images,
       (select count(*) from media where kind = 'video' and state = 'ok') as videos,
       (select count(*) from frames) as frames,
       (select coalesce(sum(masked), 0)::bigint from products) as masked_contacts
"""
_LONG_TAIL = """
select sub_class_name as name, count(*) as products
from labels where sub_class_id >= 0 group by sub_class_id, sub_class_name order by products desc, name
"""
_OVERLAP = """
select image = 'present' as image, caption = 'present' as caption, specifications = 'present' as specifications,
       video = 'present' as video, audio = 'present' as audio, count(*) as products
from ledger group by 1, 2, 3, 4, 5 order by products desc, 1, 2, 3, 4, 5
"""
_DURATIONS = """
select any_value(duration_s) from media
where kind = 'video' and state = 'ok' and duration_s is not null group by sha256
"""
_LEDGER = """
select modality, state, count(*) as products
from (unpivot (select image, caption, specifications, video, audio from ledger)
      on columns(*) into name modality value state)
group by all order by modality, products desc, state
"""
_PROPERTIES = """
select property, count(distinct product_id) as products from specs group by 1 order by products desc, property limit 20
"""
