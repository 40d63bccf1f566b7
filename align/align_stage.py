"""The stage ``align``: category paths of all sources become labels of one hierarchy."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing

import duckdb
import pyarrow as pa

from align.catalogue import read_catalogue
from align.category import Category
from align.hierarchy import build_hierarchy
from align.label_map import make_label_map
from align.settings import AlignSettings
from m5data.errors import MissingInputError
from m5data.records import Reject
from m5data.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Stage, Store
from storage.schemas import TABLES

__all__ = ["run"]

_READS = ("products", "duplicates")

_FAULTS = pa.schema(
    [
        TABLES["products"].schema.field("source"),
        TABLES["products"].schema.field("category"),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
    ]
)

_LABELS = """
SELECT product_id, class_id, class_name, sub_class_id, sub_class_name, subsub_class_id, subsub_class_name
FROM products JOIN duplicates USING (product_id) JOIN mapped USING (source, category)
WHERE kept
"""

_FAULTY = """
SELECT product_id, reason, detail
FROM products JOIN duplicates USING (product_id) JOIN faults USING (source, category)
WHERE kept ORDER BY product_id
"""


def run(
    store: Store,
    settings: AlignSettings,
    *,
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
) -> StageReport:
    """Align all categories, and label every product that is no exact duplicate.

    Reads ``products`` and ``duplicates``, and the ids of the last ``label_map``; writes ``label_map``
    and ``labels``. A product whose category path is missing or unsound is a reject (reasons:
    ``align.fault``). So is an entry of the settings that names nothing, ``unknown_category``: the
    report counts it as read and dropped, beside the products.

    Raises:
        MissingInputError: The stage ``dedup`` did not run yet.
    """
    with store.stage("align", settings=settings.digest(), reads=_READS) as stage:
        if stage.unchanged:
            return stage.report_unchanged()
        if "duplicates" not in stage.before.tables:
            raise MissingInputError("align: wanted the table duplicates, found none; run m5data dedup first")
        return _work(stage, settings, clock, progress)


def _work(stage: Stage, settings: AlignSettings, clock: Clock, progress: Progress) -> StageReport:
    began = clock()
    with closing(stage.before.connection()) as connection:
        catalogue = read_catalogue(connection, settings.characters)
        products = sum(catalogue.sizes.values())
        progress.start("align", products)
        hierarchy = build_hierarchy(catalogue.sizes, catalogue.titles, catalogue.sizes, settings)
        label_map = make_label_map(hierarchy.classes, stage.before.table("label_map"))
        stage.write("label_map", label_map)
        connection.register("mapped", label_map)
        stage.write("labels", connection.sql(_LABELS))
        rejects = [*_faulty_products(connection, catalogue.faults), *_unused_entries(hierarchy.unused)]
    stage.reject(rejects)
    progress.advance(products)
    progress.finish()
    dropped = dict(sorted(Counter(reject.reason for reject in rejects).items()))
    seconds = (clock() - began).total_seconds()
    return stage.commit(StageReport("align", products + len(rejects), products, dropped, seconds))


def _faulty_products(
    connection: duckdb.DuckDBPyConnection, faults: Mapping[Category, tuple[str, str]]
) -> Iterator[Reject]:
    """Yield the products in unsound categories."""
    rows = [
        {"source": category.source, "category": list(category.path), "reason": reason, "detail": detail}
        for category, (reason, detail) in faults.items()
    ]
    connection.register("faults", pa.Table.from_pylist(rows, schema=_FAULTS))
    yield from (Reject(*row) for row in connection.sql(_FAULTY).fetchall())


def _unused_entries(unused: Iterable[str]) -> Iterator[Reject]:
    """Yield the entries of the settings that name nothing."""
    for entry in unused:
        yield Reject(entry, "unknown_category", "wanted the name of a category or sub-class that is there")
