"""The stage ``align``: from the category paths of all sources to labels of one hierarchy."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace

import duckdb
import pyarrow as pa

from align.catalogue import NO_FACTS, Catalogue, encode_names, read_catalogue, read_facts, read_titles
from align.category import Category
from align.hierarchy import Hierarchy, build_hierarchy, compared_categories
from align.label_tables import make_label_map, make_label_pairs
from align.property_uses import Naming, lines_of
from align.review import EffectiveDecisions, all_decisions, decisions_digest, resolve_decisions
from align.settings import AlignSettings
from align.spec_norms import buckets_of, write_spec_norms
from align.spec_proposals import write_spec_proposals
from m5data.errors import MissingInputError
from m5data.records import Reject
from m5data.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Stage, Store
from storage.engine import open_engine, side_by_side
from storage.tables import TABLES

__all__ = ["run"]

_READS = {
    "mep3m": ("products", "duplicates", "specs", "image_text"),
    "learned": ("products", "duplicates", "specs", "images", "image_text"),
}

_LAYOUT = "properties"
"""Names the tables of this release, so that a workspace of an earlier one is aligned again."""

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
    """Align all categories, and label every product that is not an exact duplicate.

    Reads ``products``, ``duplicates``, ``specs`` (the learned rule also ``images``), the decisions of
    people, and the ids of the last ``label_map``. Writes ``label_map``, ``label_pairs``, ``labels``,
    ``properties``, ``spec_norms`` and, from ``image_text``, ``spec_proposals``.
    A product with a missing or invalid category path is a reject (reasons: ``align.fault``). So is a
    setting or decision that names no category (``unknown_category``), and a decision that contradicts
    newer ones (``contradicted``); the report counts them as read and dropped, beside the products.

    Raises:
        MissingInputError: The stage ``dedup`` has not run yet.
    """
    digest = (
        f"{_LAYOUT} {decisions_digest(store.state)}"  # read first, so that a later decision counts for the next run
    )
    decisions = all_decisions(store.state)
    with store.stage("align", settings=settings.digest(), reads=_READS[settings.rule], extra=digest) as stage:
        if stage.unchanged:
            return stage.report_unchanged()
        if "duplicates" not in stage.before.tables:
            raise MissingInputError("align: the table duplicates is missing. Run m5data dedup first.")
        return _work(stage, settings, resolve_decisions(decisions), clock, progress)


def _work(
    stage: Stage, settings: AlignSettings, decided: EffectiveDecisions, clock: Clock, progress: Progress
) -> StageReport:
    began = clock()
    with Naming(stage) as naming:
        catalogue, hierarchy = _hierarchy(stage, settings, decided, progress)
        products = sum(catalogue.sizes.values())
        label_map = make_label_map(hierarchy.classes, stage.before.table("label_map"))
        stage.write("label_map", label_map)
        stage.write("label_pairs", make_label_pairs(hierarchy))
        _write_labels(stage, label_map)
        properties = naming.write()
    write_spec_norms(stage, lines_of(properties))
    with closing(stage.before.connection(("products", "duplicates"))) as connection:
        connection.register("shared", properties)
        write_spec_proposals(stage, connection)
        rejects = [*_faulty_products(connection, catalogue.faults), *_unused(hierarchy)]
    stage.reject(rejects)
    progress.advance(products)
    progress.finish()
    dropped = dict(sorted(Counter(reject.reason for reject in rejects).items()))
    seconds = (clock() - began).total_seconds()
    return stage.commit(StageReport("align", products + len(rejects), products, dropped, seconds))


def _hierarchy(
    stage: Stage, settings: AlignSettings, decided: EffectiveDecisions, progress: Progress
) -> tuple[Catalogue, Hierarchy]:
    """Read the categories, and align them once DuckDB's memory is free again."""
    with closing(stage.before.connection(_READS[settings.rule])) as connection:
        catalogue = read_catalogue(connection)
        progress.start("align", sum(catalogue.sizes.values()))
        facts = read_facts(connection) if settings.rule == "learned" else NO_FACTS
        titles = read_titles(connection, settings.characters, compared_categories(catalogue.sizes, settings, decided))
    if settings.embeddings and settings.rule == "learned":
        facts = replace(facts, meanings=encode_names(settings.embeddings, catalogue.sizes))
    return catalogue, build_hierarchy(catalogue.sizes, titles, catalogue.sizes, settings, decided, facts)


def _write_labels(stage: Stage, label_map: pa.Table) -> None:
    """Write ``labels`` bucket by bucket."""

    def write(bucket: int) -> None:
        with closing(open_engine()) as engine:
            for table in ("products", "duplicates"):
                engine.execute(stage.before.view(table, table, only=[bucket]))
            engine.register("mapped", label_map)
            stage.write("labels", engine.sql(_LABELS), only=[bucket])

    side_by_side(write, buckets_of(stage, "products", "labels"))


def _faulty_products(
    connection: duckdb.DuckDBPyConnection, faults: Mapping[Category, tuple[str, str]]
) -> Iterator[Reject]:
    """Yield the products in invalid categories."""
    rows = [
        {"source": category.source, "category": list(category.path), "reason": reason, "detail": detail}
        for category, (reason, detail) in faults.items()
    ]
    if not rows:
        return
    connection.register("faults", pa.Table.from_pylist(rows, schema=_FAULTS))
    yield from (Reject(*row) for row in connection.sql(_FAULTY).fetchall())


def _unused(hierarchy: Hierarchy) -> Iterator[Reject]:
    """Yield the settings that name no category, and the decisions that cannot be applied."""
    for entry in hierarchy.unused:
        yield Reject(entry, "unknown_category", "the setting names no category or sub-class")
    for category in hierarchy.missing:
        yield Reject(
            f"decision:{category.source}:{category.text}",
            "unknown_category",
            "a decision names this category, which does not exist",
        )
    for verdict in hierarchy.contradicted:
        ends = " ~ ".join(f"{node.source}:{node.own[0].text}" for node in (verdict.a, verdict.b))
        detail = f"{verdict.decision.kind} by {verdict.decision.reviewer}: newer decisions contradict it"
        yield Reject(f"decision:{ends}", "contradicted", detail)
