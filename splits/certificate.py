"""The certificate: proof, from the stored tables alone, that splits do not leak and keep their recipe."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, StrictUndefined

from m5data.version import __version__
from splits.audit_views import make_audit_views
from splits.leak_checks import check_leaks
from splits.leakage import Leakage, measure_leakage
from splits.recipe import UNUSED, Recipe
from splits.recipe_checks import check_recipe
from splits.record import check_record
from splits.truth_checks import check_truth
from storage import Snapshot
from storage.check import Check
from storage.files import replace_file

__all__ = ["Certificate", "Exclusion", "SplitSummary", "as_json", "as_page", "certify", "verify", "write_certificate"]

_READS = ("splits", "recipes", "products", "duplicates", "labels", "matches", "media", "images", "reserve")
_MEMORY_LIMIT = "3GB"
"""The evidence of 6.3 M products takes 2 GB; spilled to disk it would take twice as long."""


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
    """Products of ``unused`` that one rule kept out."""

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
    """Table -> Delta version of it."""
    code: str
    """Version of this package that checked it."""
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
    """Prove the splits of one recipe, and measure what leakage is left.

    Args:
        snapshot: Dataset version to check.
        recipe: Recipe that its splits were built by (see ``stored_recipes``).
        seed: Seed that they were built with.
    """
    with closing(snapshot.connection(_READS)) as connection:
        connection.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
        return certify(connection, recipe, seed, snapshot.number, dict(sorted(snapshot.tables.items())))


def certify(
    connection: duckdb.DuckDBPyConnection, recipe: Recipe, seed: int, version: int, tables: Mapping[str, int]
) -> Certificate:
    """Verify splits as ``verify`` does, on any connection whose tables or views have a workspace's names."""
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
    """Write ``<recipe>-<version>.json`` and ``.html`` into ``folder``, which is made if need be.

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
    """Count the products of ``unused`` by the first rule that kept them out, in this order.

    Args:
        connection: With the tables of ``splits.audit_views``.
        recipe: Names what is separated.
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
