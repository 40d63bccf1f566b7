"""The stage ``align``: from the category paths of all sources to labels of one hierarchy."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace

import duckdb
import pyarrow as pa

from align.catalogue import NO_FACTS, Catalogue, encode_names, read_catalogue, read_facts, read_titles
from align.category import Category
from align.hierarchy import Hierarchy, build_hierarchy, compared_categories
from align.image_specs import ImageLine, PropertyNames, propose_values
from align.label_tables import make_label_map, make_label_pairs
from align.onto.targets import write_targets
from align.onto.tree_files import read_tree, trees_digest
from align.properties import fold_property
from align.property_uses import SOURCE, Naming, lines_of, marks_of
from align.review import EffectiveDecisions, all_decisions, decisions_digest, resolve_decisions
from align.settings import AlignSettings
from align.spec_norms import buckets_of, write_spec_norms
from align.values import normal_value
from core.engine import open_engine, side_by_side
from core.errors import MissingInputError
from core.numbers import DecimalMark
from core.records import Reject
from core.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Stage, Store
from storage.tables import TABLES

__all__ = ["run", "write_spec_proposals"]

_READS = {
    "mep3m": ("products", "duplicates", "specs", "image_text"),
    "learned": ("products", "duplicates", "specs", "images", "image_text"),
}

_LAYOUT = "targets"
"""Changes with the tables of a release, so that older workspaces are aligned again."""

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

    Reads ``products``, ``duplicates``, ``specs`` (the learned rule also ``images``), people's decisions, the trees of
    ``align.onto``, and the ids of the last ``label_map``. Writes ``label_map``, ``label_pairs``, ``targets``,
    ``labels``, ``properties``, ``spec_norms`` and, from ``image_text``, ``spec_proposals``.
    A product with a missing or invalid category path is a reject (reasons: ``align.fault``). So is a
    setting or decision that names no category (``unknown_category``), a decision that contradicts
    newer ones (``contradicted``), and a category that no node of a tree resembles (``no_node``); the report counts
    them as read and dropped, in addition to the products.

    Raises:
        MissingInputError: The stage ``dedup`` has not run yet.
        SettingsError: A tree of ``align.onto`` cannot be read.
    """
    # The decisions are read first, so that a later one counts for the next run.
    digest = f"{_LAYOUT} {decisions_digest(store.state)} {trees_digest(settings.onto)}".rstrip()
    decisions = all_decisions(store.state)
    # The digest has the content of the trees, so the place of their files does not matter.
    kept = settings.model_copy(update={"onto": {}}).digest()
    with store.stage("align", settings=kept, reads=_READS[settings.rule], extra=digest) as stage:
        if stage.unchanged:
            return stage.report_unchanged()
        if "duplicates" not in stage.before.tables:
            raise MissingInputError("align: the table duplicates is missing. Run m5data dedup first.")
        return _work(stage, settings, resolve_decisions(decisions), clock, progress)


def _work(
    stage: Stage, settings: AlignSettings, decided: EffectiveDecisions, clock: Clock, progress: Progress
) -> StageReport:
    began = clock()
    trees = [read_tree(name, path) for name, path in sorted(settings.onto.items())]
    with Naming(stage) as naming:
        catalogue, hierarchy = _hierarchy(stage, settings, decided, progress)
        products = sum(catalogue.sizes.values())
        label_map = make_label_map(hierarchy.classes, stage.before.table("label_map"))
        stage.write("label_map", label_map)
        stage.write("label_pairs", make_label_pairs(hierarchy))
        unmapped = write_targets(stage, catalogue.sizes, trees, decided)
        _write_labels(stage, label_map)
        properties = naming.write()
    write_spec_norms(stage, lines_of(properties), marks_of(properties))
    with closing(stage.before.connection(("products", "duplicates"))) as connection:
        connection.register("shared", properties)
        write_spec_proposals(stage, connection)
        rejects = [*_faulty_products(connection, catalogue.faults), *_unused(hierarchy), *unmapped]
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


_MIN_PRODUCTS = 2
"""Minimum number of products with a property name for it to count as one of the shop's properties."""
_NAMES = f"""
SELECT source, property, property_norm FROM shared WHERE lines >= {_MIN_PRODUCTS}
ORDER BY lines, source, property
"""  # noqa: S608 - constants
_LINES = f"""
SELECT {SOURCE} AS source, product_id, position, line, text, confidence,
    least(x0, x3), least(y0, y1), greatest(x1, x2), greatest(y2, y3), sha256
FROM read_lines WHERE contact IS NULL AND NOT repeated ORDER BY product_id, position, line
"""  # noqa: S608 - constants


def write_spec_proposals(stage: Stage, connection: duckdb.DuckDBPyConnection) -> None:
    """Write ``spec_proposals`` bucket by bucket, if image text was ever read.

    Args:
        stage: The running stage.
        connection: DuckDB with ``shared``, the rows of ``properties``.
    """
    if "image_text" not in stage.before.tables:
        return
    names = _property_names(connection)
    marks = dict(connection.sql("SELECT DISTINCT source, decimal FROM shared").fetchall())
    for bucket in buckets_of(stage, "image_text", "spec_proposals"):
        connection.register("read_lines", stage.before.table("image_text", only=[bucket]))
        stated: defaultdict[str, list[str]] = defaultdict(list)
        specs = stage.before.table("specs", ("product_id", "property"), only=[bucket])
        for product_id, name in zip(*(specs[column].to_pylist() for column in specs.column_names), strict=True):
            stated[product_id].append(name)
        rows = list(_rows(connection, names, stated, marks))
        stage.write("spec_proposals", pa.Table.from_pylist(rows, schema=TABLES["spec_proposals"].schema), only=[bucket])


def _property_names(connection: duckdb.DuckDBPyConnection) -> Mapping[str, PropertyNames]:
    """Return source -> its property names; if shared names differ, that of most products is used."""
    shared: dict[str, str] = {}
    own: defaultdict[str, set[str]] = defaultdict(set)
    for source, name, norm in connection.sql(_NAMES).fetchall():
        shared[fold_property(name)] = norm
        own[source].add(name)
    found = {source: PropertyNames(shared, frozenset(used)) for source, used in own.items()}
    return defaultdict(lambda: PropertyNames(shared, frozenset()), found)


def _rows(
    connection: duckdb.DuckDBPyConnection,
    names: Mapping[str, PropertyNames],
    stated: Mapping[str, list[str]],
    marks: Mapping[str, DecimalMark | None],
) -> Iterator[dict[str, object]]:
    products: defaultdict[tuple[str, str], list[ImageLine]] = defaultdict(list)
    images: dict[tuple[str, int], str] = {}
    for source, product_id, *line, sha256 in connection.sql(_LINES).fetchall():
        read = ImageLine(*line)
        products[source, product_id].append(read)
        images[product_id, read.position] = sha256
    for (source, product_id), lines in products.items():
        of_shop = names[source]
        for one in propose_values(lines, of_shop, stated.get(product_id, ())):
            normal = normal_value(one.value, one.property, marks.get(source))
            yield {
                "product_id": product_id,
                "property": one.property,
                "value": one.value,
                "property_norm": of_shop.shared.get(fold_property(one.property)),
                "value_norm": normal.text,
                "unit": normal.unit,
                "position": one.line.position,
                "line": one.line.line,
                "sha256": images[product_id, one.line.position],
                "rule": one.rule,
                "confidence": one.line.confidence,
            }
