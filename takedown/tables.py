"""SQL conditions for the rows of each table that a take-down removes or changes."""

from collections.abc import Collection, Mapping

import duckdb

from core.engine import bucket_of, text
from storage import Snapshot
from storage.erasure import Edit, among
from storage.tables import TABLES
from takedown.plan import Plan
from takedown.words import Words

__all__ = ["count_rows", "gone_rejects", "register_words", "table_edits"]

_PAIRS = ("candidates", "judgements", "matches")
_OWN_RULE = frozenset(
    {
        "label_map",
        "label_pairs",
        "targets",
        "properties",
        "products",
        "media",
        "frames",
        "audio",
        "images",
        "image_text",
        "regions",
        "duplicates",
        "duplicate_pairs",
        "reserve",
        "splits",
    }
    | {"rejects", "objects", *_PAIRS}
)
"""Tables with their own condition; every other table bucketed by product loses the rows of the products."""


def register_words(engine: duckdb.DuckDBPyConnection, words: Words) -> None:
    """Register the SQL function ``names_it``, true for texts that name the target."""
    engine.create_function(
        "names_it", lambda value: words.found_in(value.encode()), [duckdb.sqltype("VARCHAR")], duckdb.sqltype("BOOLEAN")
    )


def table_edits(
    plan: Plan,
    buckets: int,
    *,
    groups: Mapping[str, str],
    pages: Mapping[str, str],
    objects: Collection[str],
) -> list[Edit]:
    """Return the edits of all tables; products last, so that no product is ever read without its rows.

    Args:
        plan: Plan of the take-down.
        buckets: Buckets of the workspace.
        groups: Product -> new name of groups and labels that are named after it.
        pages: Page object -> the object that replaces it.
        objects: Objects to remove from the table ``objects``.
    """
    own = {bucket_of(product, buckets) for product in plan.products}
    named = among("group_id", groups)
    renamed = {"group_id": _mapped("group_id", groups)}
    labels = among("label", groups)
    moved = {"page_sha256": _mapped("page_sha256", pages)} if pages else {}
    gone = _gone(plan, objects)
    return [
        Edit("regions", gone["regions"]),
        *(Edit(name, gone[name]) for name in ("media", "frames", "audio", "images", "image_text", "spec_proposals")),
        Edit("duplicates", gone["duplicates"], named, renamed),
        Edit("duplicate_pairs", gone["duplicate_pairs"]),
        Edit("reserve", gone["reserve"], buckets=own),
        _label_map(plan, gone["label_map"]),
        Edit("label_pairs", gone["label_pairs"]),
        Edit("targets", gone["targets"]),
        _properties(plan, gone["properties"]),
        *(Edit(name, gone[name]) for name in _PAIRS),
        Edit("splits", gone["splits"], f"{named} OR {labels}", {**renamed, "label": _mapped("label", groups)}),
        Edit("rejects", gone["rejects"]),
        Edit("objects", gone["objects"]),
        *(Edit(name, gone[name], buckets=own) for name in _by_product()),
        Edit("products", gone["products"], among("page_sha256", pages), moved, None if pages else own),
    ]


def count_rows(snapshot: Snapshot, plan: Plan) -> dict[str, int]:
    """Return table -> number of rows that a dataset version loses; tables that lose none are absent."""
    conditions = {name: gone for name, gone in _gone(plan, plan.objects).items() if name in snapshot.tables}
    with snapshot.connection(conditions) as engine:
        register_words(engine, plan.words)
        counts = {
            name: int(engine.execute(f"SELECT count(*) FROM {name} WHERE {gone}").fetchall()[0][0])  # noqa: S608
            for name, gone in conditions.items()
        }
    return {name: counts[name] for name in TABLES if counts.get(name)}


def gone_rejects(plan: Plan) -> str:
    """Return the SQL condition of the rejects that are removed."""
    return f"{among('item', plan.objects)} OR names_it(item) OR names_it(detail)"


def _gone(plan: Plan, objects: Collection[str]) -> dict[str, str]:
    """Return table -> SQL condition of the rows that are removed."""
    product = among("product_id", plan.products)
    video = f"{product} OR {among('video_sha256', plan.objects)}"
    pair = f"{among('query', plan.products)} OR {among('candidate', plan.products)}"
    return {
        **dict.fromkeys(("products", *_by_product()), product),
        "media": f"{product} OR {among('url', plan.media)}",
        "frames": video,
        "audio": video,
        **dict.fromkeys(("images", "image_text", "spec_proposals"), f"{product} OR {among('sha256', plan.objects)}"),
        "regions": among("image_sha256", plan.objects),
        "duplicates": product,
        "duplicate_pairs": f"{product} OR {among('other_id', plan.products)}",
        "reserve": among("group_id", plan.products),
        **dict.fromkeys(_PAIRS, pair),
        "splits": product,
        **dict.fromkeys(("label_map", "targets"), _pairs("source, path", plan.paths)),
        "label_pairs": f"{_pairs('source_a, path_a', plan.paths)} OR {_pairs('source_b, path_b', plan.paths)}",
        "properties": _pairs("source, property", plan.properties),
        "rejects": gone_rejects(plan),
        "objects": among("sha256", objects),
    }


def _label_map(plan: Plan, gone: str) -> Edit:
    """Return the edit of ``label_map``: other sources' rows lose a partner whose path only the products have."""
    named = among("partner", {path for _, path in plan.paths})
    return Edit("label_map", gone, named, {"partner": f"CASE WHEN {named} THEN NULL ELSE partner END"})


def _properties(plan: Plan, gone: str) -> Edit:
    """Return the edit of ``properties``: rows of its own names go, and the hashes of values of its sources are emptied.

    The next run of ``align`` computes those sources' rows again, because their specifications have changed.
    """
    sources = among("source", {product.partition(":")[0] for product in plan.products})
    own = among("property_norm", {name for _, name in plan.properties})
    values = {
        "property_norm": f"CASE WHEN {own} THEN property ELSE property_norm END",
        "terms": f"CASE WHEN {sources} THEN list_filter(terms, lambda one: false) ELSE terms END",
        "weights": f"CASE WHEN {sources} THEN list_filter(weights, lambda one: false) ELSE weights END",
    }
    return Edit("properties", gone, f"({sources}) OR {own}", values)


def _pairs(columns: str, values: Collection[tuple[str, str]]) -> str:
    """Return the SQL condition that two columns have one of the pairs of values."""
    listed = ", ".join(f"({text(one)}, {text(other)})" for one, other in sorted(values))
    return f"({columns}) IN ({listed})" if values else "false"


def _by_product() -> list[str]:
    """Return the tables that lose exactly a product's rows."""
    return [name for name, spec in TABLES.items() if spec.bucket_of == "product_id" and name not in _OWN_RULE]


def _mapped(column: str, names: Mapping[str, str]) -> str:
    """Return SQL that replaces values of a column according to ``names``."""
    if not names:
        return column
    keys, values = (", ".join(text(name) for name in part) for part in zip(*sorted(names.items()), strict=True))
    return f"coalesce(map([{keys}], [{values}])[{column}], {column})"
