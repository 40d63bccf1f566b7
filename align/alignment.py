"""Alignment as a function: from categories and titles to a label map."""

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
from pydantic import ValidationError

from align.catalogue import NO_FACTS, Facts
from align.category import Category, fault
from align.hierarchy import build_hierarchy
from align.label_tables import make_label_map
from align.learned_rule import PairModel
from align.review import Decision, resolve_decisions
from align.review.decisions import normalise
from align.settings import AlignSettings
from core.arrow_input import ArrowStream, read_columns
from core.errors import DataError, SettingsError

__all__ = ["align"]

_SHOWN = 5


def align(
    categories: Iterable[tuple[str, tuple[str, ...]]] | ArrowStream,
    titles: Mapping[Category, Sequence[str]] | ArrowStream,
    rule: str = "mep3m",
    *,
    sizes: Mapping[Category, int] | None = None,
    previous: pa.Table | None = None,
    decisions: Iterable[Decision] = (),
    facts: Facts = NO_FACTS,
    model: PairModel | None = None,
    **settings: object,
) -> pa.Table:
    """Merge the categories of several sources into one hierarchy.

    Args:
        categories: Pairs (source, path), the path a tuple of names, outermost first; or a table (pyarrow,
            pandas, polars, DuckDB) with the columns source and category, such as ``products``.
        titles: Category -> titles of the products directly in it; or such a table with the columns
            source, category and caption, one row per product.
        rule: ``mep3m``, the published rule, or ``learned``, a model trained on real shops and updated by the
            decisions.
        sizes: Category -> number of products; default: the number of titles.
        previous: The label map of an earlier run, whose ids are kept.
        decisions: Decisions of people, oldest first; they override every rule. Decisions on unknown
            categories have no effect.
        facts: Specifications, prices and images of the categories, for the learned rule.
        model: Model of the learned rule, which the decisions update; default: the shipped one.
        settings: Further settings of ``AlignSettings``: first_level, third_level, s_label, …

    Returns:
        Rows of the table ``label_map``, sorted by source and path, one per category and ancestor.

    Raises:
        SettingsError: A setting is invalid, or names an unknown category or sub-class.
        DataError: A category path is invalid (see ``align.fault``), or a column is missing.
    """
    listed, titles_of = _read_categories(categories), _read_titles(titles)
    _check_paths(listed)
    try:
        checked = AlignSettings.model_validate({**settings, "rule": rule})
    except ValidationError as wrong:
        first = wrong.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise SettingsError(f"align: {place}: {first['msg']}, not {first['input']!r}.") from None
    counted = {category: len(found) for category, found in titles_of.items()} if sizes is None else sizes
    hierarchy = build_hierarchy(
        listed, titles_of, counted, checked, resolve_decisions(map(normalise, decisions)), facts, model
    )
    if hierarchy.unused:
        named = ", ".join(hierarchy.unused)
        raise SettingsError(f"align: these settings name no category: {named}. Correct or remove them.")
    return make_label_map(hierarchy.classes, previous)


def _read_categories(categories: Iterable[tuple[str, tuple[str, ...]]] | ArrowStream) -> list[Category]:
    if not isinstance(categories, ArrowStream):
        return [Category(source, tuple(path)) for source, path in categories]
    rows = read_columns(categories, ("source", "category"), "categories").to_pylist()
    return list(dict.fromkeys(Category(row["source"], tuple(row["category"] or ())) for row in rows))


def _read_titles(titles: Mapping[Category, Sequence[str]] | ArrowStream) -> Mapping[Category, Sequence[str]]:
    if not isinstance(titles, ArrowStream):
        return titles
    found: dict[Category, list[str]] = {}
    for row in read_columns(titles, ("source", "category", "caption"), "titles").to_pylist():
        if row["caption"] is not None:
            found.setdefault(Category(row["source"], tuple(row["category"] or ())), []).append(row["caption"])
    return found


def _check_paths(categories: Sequence[Category]) -> None:
    """Raise one error for all invalid paths."""
    nameless = [category for category in categories if not all(isinstance(n, str) for n in (category[0], *category[1]))]
    if nameless:
        shown = "; ".join(map(repr, map(tuple, nameless[:_SHOWN])))
        raise DataError(f"align: {len(nameless)} categories have a source or a name that is no text: {shown}.")
    faults = [(category, found) for category in categories if (found := fault(category.path))]
    if faults:
        shown = "; ".join(f"{c.source}: {c.text[:60]!r} ({why}: {how})" for c, (why, how) in faults[:_SHOWN])
        raise DataError(f"align: {len(faults)} invalid category paths: {shown}. Leave them out.")
