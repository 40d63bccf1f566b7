"""The certificate: proof, from the stored tables alone, that splits do not leak and follow their recipe."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from jinja2 import Environment, StrictUndefined

from core.check import Check
from core.engine import widen
from core.files import replace_file
from core.version import __version__
from splits.audit_views import make_audit_views
from splits.checks import check_leaks, check_recipe, check_truth
from splits.drawing import Keys
from splits.nearest import CaptionSearch, nearest_hashes
from splits.recipe import UNUSED, Recipe
from splits.record import check_record
from storage import Snapshot

__all__ = [
    "Certificate",
    "Exclusion",
    "Leakage",
    "Near",
    "SplitSummary",
    "as_json",
    "as_page",
    "certify",
    "measure_leakage",
    "verify",
    "write_certificate",
]

_NONE: Keys = np.zeros(0, dtype=np.uint64)
_SAMPLE = 1000
"""Number of evaluation products, the first by md5, that are compared with all of train by image and caption, if any."""


@dataclass(frozen=True, slots=True)
class Near:
    """An evaluation product and its nearest training neighbour."""

    evaluation: str
    train: str
    value: float


@dataclass(frozen=True, slots=True)
class Leakage:
    """Nearness of evaluation to train by one measure."""

    measure: str
    unit: str
    """Meaning of the values."""
    equal: int
    """Number of all evaluation products with an equal neighbour in train."""
    products: int
    """Number of evaluation products that could be compared."""
    sampled: int
    """Number of these whose nearest neighbour was searched for."""
    quantiles: tuple[tuple[float, float], ...]
    """Pairs of a share of the sample and the greatest nearest-neighbour distance in it; empty: nothing to compare."""
    nearest: tuple[Near, ...]
    """The five nearest pairs."""


def measure_leakage(connection: duckdb.DuckDBPyConnection) -> tuple[Leakage, Leakage]:
    """Measure leakage by perceptual image hash and by caption.

    Args:
        connection: With the tables of ``splits.audit_views``; the largest are dropped to free memory for captions.
    """
    for query in (_PLACE, "DROP TABLE entry", "DROP TABLE fact", _CHOSEN, _SHOWN, _CAPTIONS):
        connection.execute(query)
    return _by_image(connection), _by_caption(connection)


_PLACE = """
    CREATE OR REPLACE TEMP TABLE place AS
    SELECT any_value(product_id) AS product_id, side = 'train' AS trained, min(image_position) AS position
    FROM entry WHERE side <> 'none' AND number IS NOT NULL GROUP BY number, side
"""

_CHOSEN = f"""
    CREATE OR REPLACE TEMP TABLE chosen AS
    SELECT product_id FROM place WHERE NOT trained ORDER BY md5(product_id) LIMIT {_SAMPLE}
"""  # noqa: S608

_SHOWN = """
    CREATE OR REPLACE TEMP TABLE shown AS
    SELECT product_id, trained, phash AS value FROM images JOIN place USING (product_id, position)
"""

_ODD_SPACE = (
    "(starts_with(caption, ' ') OR ends_with(caption, ' ') OR contains(caption, '  ') OR "
    + " OR ".join(f"contains(caption, chr({code}))" for code in range(9, 14))
    + ")"
)
"""SQL condition for white space other than single inner spaces; takes a quarter of a regular expression's work."""

_CAPTIONS = f"""
    CREATE OR REPLACE TEMP VIEW captions AS
    SELECT product_id, trained, lower(CASE WHEN {_ODD_SPACE}
           THEN trim(regexp_replace(caption, '\\s+', ' ', 'g')) ELSE caption END) AS value
    FROM products JOIN place USING (product_id) WHERE regexp_matches(caption, '[^\\s\\p{{Z}}]')
"""  # noqa: S608


def _by_image(connection: duckdb.DuckDBPyConnection) -> Leakage:
    sample = _sample(connection, "shown")
    train = connection.sql("SELECT product_id, value FROM shown WHERE trained").to_arrow_table()
    judged = connection.sql("SELECT value FROM shown WHERE NOT trained").to_arrow_table()
    pairs = []
    if len(train) and len(sample):
        place, distance = nearest_hashes(_bits(sample), _bits(train))
        found = train["product_id"].take(pa.array(place)).to_pylist()
        pairs = [Near(*pair) for pair in zip(sample["product_id"].to_pylist(), found, distance.tolist(), strict=True)]
    pairs.sort(key=lambda pair: (pair.value, pair.evaluation))
    equal = int(np.isin(_bits(judged), _bits(train)).sum())
    return _summary("image", "bits of 64 that differ between perceptual hashes", (equal, len(judged)), pairs)


def _by_caption(connection: duckdb.DuckDBPyConnection) -> Leakage:
    """Measure in one pass over all captions; equal captions are found by their 64-bit hashes."""
    sample = _sample(connection, "captions")
    search = CaptionSearch(sample["value"].to_pylist())
    hashes: dict[bool, list[Keys]] = {True: [_NONE], False: [_NONE]}
    query = "SELECT product_id, value, hash(value) AS hash, trained FROM captions"

    def trained_batches() -> Iterator[tuple[pa.Array, pa.Array]]:
        for batch in connection.sql(query).to_arrow_reader(50_000):
            trained = batch["trained"].to_numpy(zero_copy_only=False)
            for side, found in hashes.items():
                found.append(batch["hash"].to_numpy()[trained == side])
            yield batch["product_id"].filter(batch["trained"]), batch["value"].filter(batch["trained"])

    search.look_in(trained_batches())
    pairs = [
        Near(product, nearest or "", round(1 - similarity, 3))
        for product, (nearest, similarity) in zip(sample["product_id"].to_pylist(), search.nearest(), strict=True)
    ]
    pairs.sort(key=lambda pair: (pair.value, pair.evaluation))
    judged = np.concatenate(hashes[False])
    equal = int(np.isin(judged, np.concatenate(hashes[True])).sum())
    return _summary("caption", "1 - Jaccard similarity of two-character pieces", (equal, len(judged)), pairs)


def _sample(connection: duckdb.DuckDBPyConnection, table: str) -> pa.Table:
    query = f"SELECT product_id, value FROM {table} SEMI JOIN chosen USING (product_id) WHERE NOT trained ORDER BY 1"  # noqa: S608
    return connection.sql(query).to_arrow_table()


def _bits(table: pa.Table) -> Keys:
    return np.asarray(table["value"].to_numpy().view(np.uint64))


def _summary(measure: str, unit: str, counts: tuple[int, int], pairs: Sequence[Near]) -> Leakage:
    shares = (0.0, 0.01, 0.05, 0.25, 0.5) if pairs else ()
    quantiles = tuple((share, pairs[int(share * (len(pairs) - 1))].value) for share in shares)
    equal, products = counts
    return Leakage(measure, unit, equal, products, len(pairs), quantiles, tuple(pairs[:5]))


_READS = ("splits", "recipes", "products", "duplicates", "labels", "matches", "media", "images", "reserve")
_MAX_MB = 3_000
"""The tables of 6.3 M products take 2 GB; spilling to disk would take twice as long."""


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """Counts of one split."""

    split: str
    products: int
    queries: int
    matched: int
    """Gallery samples that are right for some query."""
    distractors: int
    classes: int
    """Different labels."""
    groups: int
    """Different duplicate groups."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Products of ``unused`` that one rule excluded."""

    reason: str
    meaning: str
    products: int
    examples: tuple[str, ...]
    """The first three product ids."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The checks and measurements of one recipe's splits."""

    recipe: Recipe
    seed: int
    version: int
    """Dataset version that was checked."""
    tables: Mapping[str, int]
    """Table -> its Delta version."""
    code: str
    """Version of this package that ran the checks."""
    splits: tuple[SplitSummary, ...]
    checks: tuple[Check, ...]
    exclusions: tuple[Exclusion, ...]
    """Products that no split could use, by reason."""
    leakage: tuple[Leakage, ...]

    @property
    def ok(self) -> bool:
        """Whether every check holds."""
        return all(check.ok for check in self.checks)


def verify(snapshot: Snapshot, recipe: Recipe, seed: int) -> Certificate:
    """Check the splits of one recipe, and measure the remaining leakage.

    Args:
        snapshot: Dataset version to check.
        recipe: Recipe that its splits were built with (see ``stored_recipes``).
        seed: Seed that they were built with.
    """
    with closing(snapshot.connection(_READS)) as connection:
        widen(connection, _MAX_MB)
        return certify(connection, recipe, seed, snapshot.number, dict(sorted(snapshot.tables.items())))


def certify(
    connection: duckdb.DuckDBPyConnection, recipe: Recipe, seed: int, version: int, tables: Mapping[str, int]
) -> Certificate:
    """Verify splits as ``verify`` does, on any connection whose tables or views are named as in a workspace."""
    make_audit_views(connection, recipe)
    checks = (
        *check_record(connection, recipe, seed),
        *check_leaks(connection, recipe),
        *check_truth(connection, recipe),
        *check_recipe(connection, recipe),
    )
    exclusions, summaries = _find_exclusions(connection, recipe), _summaries(connection)
    leakage = measure_leakage(connection)
    return Certificate(recipe, seed, version, tables, __version__, summaries, checks, exclusions, leakage)


def _summaries(connection: duckdb.DuckDBPyConnection) -> tuple[SplitSummary, ...]:
    query = """
        SELECT split, count(*), count(*) FILTER (role = 'query'), count(*) FILTER (role = 'gallery'),
               count(*) FILTER (role = 'distractor'), count(DISTINCT label), count(DISTINCT row_group)
        FROM entry GROUP BY split ORDER BY split
    """
    return tuple(SplitSummary(*row) for row in connection.sql(query).fetchall())


def write_certificate(certificate: Certificate, folder: Path) -> Path:
    """Write ``<recipe>-<version>.json`` and ``.html`` into ``folder``, which is created if necessary.

    Returns:
        Path of the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{certificate.recipe.name}-{certificate.version}"
    replace_file(folder / f"{stem}.json", as_json(certificate).encode())
    page = folder / f"{stem}.html"
    replace_file(page, as_page(certificate).encode())
    return page


def as_json(certificate: Certificate) -> str:
    """Return the certificate as JSON: the fields of ``Certificate``, and ``ok``."""
    return json.dumps(_plain(certificate), ensure_ascii=False, indent=1)


def as_page(certificate: Certificate) -> str:
    """Return the certificate as one self-contained HTML page."""
    template = (resources.files("splits") / "templates" / "certificate.html").read_text(encoding="utf-8")
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return page.from_string(template).render(_plain(certificate))


def _plain(certificate: Certificate) -> dict[str, Any]:
    values = {field.name: getattr(certificate, field.name) for field in fields(certificate)}
    lists = {"splits": "splits", "checks": "checks", "exclusions": "losses", "leakage": "leakage"}
    plain = {
        "recipe": certificate.recipe.model_dump(mode="json"),
        **{name: [asdict(item) for item in values[name]] for name in lists},
    }
    # the JSON calls exclusions losses
    return {lists.get(name, name): plain.get(name, value) for name, value in values.items()} | {"ok": certificate.ok}


def _find_exclusions(connection: duckdb.DuckDBPyConnection, recipe: Recipe) -> tuple[Exclusion, ...]:
    """Count the products of ``unused`` by the first rule, in the order below, that excluded them.

    Args:
        connection: With the tables of ``splits.audit_views``.
        recipe: Recipe with the separations.
    """
    separate = recipe.separate
    rules = {
        "group": (
            "not held out, but in a duplicate group with what is",
            "NOT held_out AND group_id IN (SELECT group_id FROM fact WHERE held_out)",
        ),
        "match": ("not held out, but judged the same as what is", "NOT held_out AND tied"),
        "merchant": (
            f"its merchant has products on both sides, and {separate.yields} yields",
            "merchant IN (SELECT merchant FROM fact WHERE usable GROUP BY merchant "
            "HAVING bool_or(held_out) AND NOT bool_and(held_out))"
            if separate.merchant
            else "false",
        ),
        "time": (
            "first seen on the other side of the cut",
            f"held_out = (first_seen < TIMESTAMPTZ '{separate.time.isoformat()}')" if separate.time else "false",
        ),
        "size": ("left over when the splits had their sizes", "true"),
    }
    cases = " ".join(f"WHEN {rule} THEN '{reason}'" for reason, (_, rule) in rules.items())
    query = f"""
        SELECT reason, count(*), list_sort(min(product_id, 3))
        FROM (SELECT product_id, CASE {cases} END AS reason FROM entry WHERE split = '{UNUSED}')
        GROUP BY reason
    """  # noqa: S608
    found = {reason: (count, examples) for reason, count, examples in connection.sql(query).fetchall()}
    return tuple(
        Exclusion(reason, meaning, found[reason][0], tuple(found[reason][1]))
        for reason, (meaning, _) in rules.items()
        if reason in found
    )
