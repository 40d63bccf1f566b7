"""Alignment in one call: categories and titles in, label map out."""

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
from m5data.errors import DataError, SettingsError

__all__ = ["align"]

_SHOWN = 5


def align(
    categories: Iterable[tuple[str, tuple[str, ...]]],
    titles: Mapping[Category, Sequence[str]],
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
        categories: Pairs (source, path), the path a tuple of names, outermost first.
        titles: Such a pair -> titles of the products directly in it; absent: none.
        rule: ``mep3m``, the published rule; ``learned``, trained on the decisions, the published one
            where they are too few.
        sizes: Such a pair -> number of products; left out: the number of titles.
        previous: The label map of an earlier run, whose ids are kept.
        decisions: What people decided, oldest first; they go before any rule. Those on categories that
            are not there wait until they are.
        facts: Specifications, prices, images of the categories, for the learned rule.
        model: Of the learned rule, trained before; None: train it on the decisions.
        settings: Further settings of ``AlignSettings``: first_level, third_level, s_label, …

    Returns:
        Rows of the table ``label_map``, sorted by source and path; categories that others lie in
        have rows, too.

    Raises:
        SettingsError: A setting is wrong, or names a category or sub-class that is not there.
        DataError: A category path is not sound (``align.fault`` says which are).
    """
    wanted = [Category(source, tuple(path)) for source, path in categories]
    _check_paths(wanted)
    try:
        checked = AlignSettings.model_validate({**settings, "rule": rule})
    except ValidationError as wrong:
        first = wrong.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise SettingsError(f"align: {place}: {first['msg']}, got {first['input']!r}") from None
    counted = {category: len(found) for category, found in titles.items()} if sizes is None else sizes
    hierarchy = build_hierarchy(
        wanted, titles, counted, checked, resolve_decisions(map(normalise, decisions)), facts, model
    )
    if hierarchy.unused:
        named = ", ".join(hierarchy.unused)
        raise SettingsError(f"align: wanted names of categories that are there, got {named}; correct or remove them")
    return make_label_map(hierarchy.classes, previous)


def _check_paths(categories: Iterable[Category]) -> None:
    """Refuse unsound paths, all at once."""
    faults = [(category, found) for category in categories if (found := fault(category.path))]
    if faults:
        shown = "; ".join(f"{c.source}: {c.text[:60]!r} ({why}: {how})" for c, (why, how) in faults[:_SHOWN])
        raise DataError(f"align: {len(faults)} unsound category paths, leave them out: {shown}")
