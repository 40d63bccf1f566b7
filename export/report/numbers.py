"""The numbers of the report, each from one DuckDB query."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import pyarrow as pa

from core.engine import open_engine
from core.modalities import modalities
from storage import Snapshot

__all__ = ["Counts", "Numbers", "ask"]

_EXACT_LINES = 20_000_000
"""Lines of specifications above which distinct texts are counted in a sample: an exact count keeps all in memory."""

Rows = list[dict[str, object]]
Counts = list[tuple[float, int]]
"""Each value with its count, by value."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Everything that the report shows, as plain rows."""

    totals: dict[str, object]
    """products, descriptions, list_prices, ratings, merchants, sub_classes, properties, values, images, videos, frames,
    masked_contacts."""
    long_tail: Rows
    """name, products: sub-classes, largest first."""
    overlap: Rows
    """One boolean per modality, products: combinations of modalities, commonest first."""
    caption_lengths: Counts
    """Characters per caption."""
    durations: Counts
    """Seconds per distinct stored video, rounded to tenths."""
    merchant_sizes: Counts
    """Products per merchant."""
    image_sizes: Rows
    """width, height, images: pixels of measured images."""
    shares: Rows
    """has, products, share: products by number of modalities."""
    captions: list[str]
    """Up to 5,000 captions, drawn by the md5 of their products' ids."""
    ledger: Rows
    """modality, state, products."""
    splits: Rows
    """recipe, split, role, products."""
    rejects: Rows
    notes: list[str]
    """Notes of stages: what settings left out, and warnings."""
    """stage, reason, items."""
    properties: Rows
    """property, products: the commonest twenty."""
    is_sampled: bool
    """Whether distinct values, and the products of properties, are estimated from a sample of one in 64."""


def ask(snapshot: Snapshot) -> Numbers:
    """Collect the numbers of a dataset version."""
    columns = [modality.ledger.column for modality in modalities()]
    # The ledger joins most tables: it is read once, and its few combinations of states answer three questions.
    states = snapshot.sql(f"select {', '.join(columns)}, modalities, count(*) as products from ledger group by all")  # noqa: S608
    [(lines,)] = (row.values() for row in _rows(snapshot, "select count(*) as lines from specs"))
    is_large = int(str(lines)) > _EXACT_LINES
    return Numbers(
        totals=_rows(snapshot, _TOTALS.format(**_sampled("value", is_large=is_large)))[0],
        is_sampled=is_large,
        long_tail=_rows(snapshot, _LONG_TAIL),
        overlap=_ask_states(states, _overlap_sql(columns)),
        caption_lengths=_counts(snapshot, "select length(caption) as value from products where caption is not null"),
        durations=_counts(snapshot, _DURATIONS),
        merchant_sizes=_counts(
            snapshot, "select count(*) as value from products where merchant is not null group by merchant"
        ),
        image_sizes=_rows(snapshot, "select width, height, count(*) as images from images group by all order by all"),
        shares=_ask_states(states, _SHARES),
        captions=[str(row["caption"]) for row in _rows(snapshot, _CAPTIONS)],
        ledger=_ask_states(states, _ledger_sql(columns)),
        splits=_rows(
            snapshot, "select recipe, split, role, count(*) as products from splits group by all order by all"
        ),
        rejects=_rows(snapshot, "select stage, reason, count(*) as items from rejects group by all order by all"),
        notes=[note for stage in snapshot.stages.values() for note in stage.report.notes],
        properties=_rows(snapshot, _PROPERTIES.format(**_sampled("product_id", is_large=is_large))),
    )


def _ask_states(states: pa.Table, query: str) -> Rows:
    """Run a query over ``ledger``, here the combinations of states with their number of ``products``."""
    with closing(open_engine()) as engine:
        engine.register("ledger", states)
        rows: Rows = engine.sql(query).to_arrow_table().to_pylist()
    return rows


def _rows(snapshot: Snapshot, query: str) -> Rows:
    rows: Rows = snapshot.sql(query).to_pylist()
    return rows


def _counts(snapshot: Snapshot, values: str) -> Counts:
    query = f"select value, count(*) as times from ({values}) group by value order by value"  # noqa: S608
    return [(row["value"], row["times"]) for row in snapshot.sql(query).to_pylist()]


def _sampled(column: str, *, is_large: bool) -> dict[str, str]:
    """Return SQL for the number of distinct texts and the condition to select them: all, or one in 64 by hash."""
    count = f"count(distinct {column})"
    # multiply(), because an asterisk would make the snapshot join the normalised values to every line.
    drawn = {"number": f"multiply(64, {count})", "drawn": f"hash({column}) % 64 = 0"}
    return drawn if is_large else {"number": count, "drawn": "true"}


_TOTALS = """
select (select count(*) from products) as products,
       (select count(description) from products) as descriptions,
       (select count(list_price) from products) as list_prices,
       (select count(rating) from products) as ratings,
       (select count(distinct merchant) from products) as merchants,
       (select count(distinct sub_class_id) from labels where sub_class_id >= 0) as sub_classes,
       (select count(distinct property) from specs) as properties,
       (select {number} from specs where {drawn}) as "values",
       (select count(*) from media where kind = 'image' and state = 'ok') as images,
       (select count(*) from media where kind = 'video' and state = 'ok') as videos,
       (select count(*) from frames) as frames,
       (select coalesce(sum(masked), 0)::bigint from products) as masked_contacts
"""
_LONG_TAIL = """
select sub_class_name as name, count(*) as products
from labels where sub_class_id >= 0 group by sub_class_id, sub_class_name order by products desc, name
"""
_DURATIONS = """
select round(any_value(duration_s), 1) as value from media
where kind = 'video' and state = 'ok' and duration_s is not null group by sha256
"""
_CAPTIONS = "select caption from products where trim(caption) <> '' order by md5(product_id) limit 5000"
_PROPERTIES = """
select property, {number} as products from specs where {drawn} group by 1 order by products desc, property limit 20
"""
_SHARES = """
select modalities as has, sum(products)::bigint as products,
       round(100 * sum(products) / sum(sum(products)) over (), 1) as share
from ledger group by modalities order by modalities
"""


def _overlap_sql(columns: Sequence[str]) -> str:
    flags = ", ".join(f"{column} = 'present' as {column}" for column in columns)
    places = ", ".join(str(place) for place in range(1, len(columns) + 1))
    products = "sum(products)::bigint as products"
    return f"select {flags}, {products} from ledger group by {places} order by products desc, {places}"  # noqa: S608


def _ledger_sql(columns: Sequence[str]) -> str:
    return f"""
        select modality, state, sum(products)::bigint as products
        from (unpivot (select {", ".join(columns)}, products from ledger)
            on columns(* exclude products) into name modality value state)
        group by all order by modality, products desc, state
    """  # noqa: S608
