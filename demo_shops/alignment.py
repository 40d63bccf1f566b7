"""The alignment of the two shops' categories: the truth, and the result of the MEP-3M paper's rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations

from demo_shops.plan import Plan
from demo_shops.products import ShopName

__all__ = ["AlignmentTruth", "Cell", "align_categories"]

Cell = tuple[ShopName, str, str]
"""Source, first-level and second-level name of a category."""
_ALIKE = 0.5
"""Least similarity of two names (MEP-3M: S_label). Captions are worded so that the second test,
similarity of titles above 0.75, holds for cells that share a kind of product and fails for all others."""


@dataclass(frozen=True, slots=True)
class AlignmentTruth:
    """First levels are mapped by a person, second levels by the rule."""

    first_level: dict[str, dict[ShopName, str]]
    """Key of a class -> its name in each shop."""
    merged: tuple[tuple[Cell, ...], ...]
    """Cells that the rule makes one sub-class; a cell alone is a group of one."""
    lookalikes: tuple[tuple[Cell, Cell], ...]
    """Pairs of different shops with similar names and different products: the rule must keep them apart."""
    missed: tuple[tuple[Cell, Cell], ...]
    """Pairs with the same products under different names: only a person can merge them."""
    properties: dict[str, str]
    """Name of a property in the south -> its name in the north, where they differ."""

    def group_of(self, cell: Cell) -> tuple[Cell, ...]:
        """Return the sub-class that a cell belongs to."""
        return next(group for group in self.merged if cell in group)


def _alike(one: str, other: str) -> bool:
    """Compare in both directions, because the ratio is not symmetric, and use the larger."""
    ways = (SequenceMatcher(None, one, other), SequenceMatcher(None, other, one))
    return max(way.ratio() for way in ways) >= _ALIKE


def _contents(plan: Plan) -> dict[Cell, set[str]]:
    """Return every cell with the kinds of products in it, sorted."""
    found: dict[Cell, set[str]] = {}
    for one in plan.listings:
        found.setdefault((one.shop, one.category[0], one.category[1]), set()).add(one.product.kind.key)
    return dict(sorted(found.items()))


def _rivals(plan: Plan) -> Iterator[tuple[Cell, Cell, bool]]:
    """Yield each pair of cells of one class in different shops, and whether they share a kind."""
    contents = _contents(plan)
    classes = {name: key for key, names in plan.assortment.classes.items() for name in names.values()}
    for (one, kinds), (other, more) in combinations(contents.items(), 2):
        if one[0] != other[0] and classes[one[1]] == classes[other[1]]:
            yield one, other, bool(kinds & more)


def align_categories(plan: Plan) -> AlignmentTruth:
    """Return how the categories of both shops belong together."""
    rivals = list(_rivals(plan))
    joined = {
        one: other for one, other, shared in rivals if one[2] == other[2] or (shared and _alike(one[2], other[2]))
    }
    alone = [cell for cell in _contents(plan) if cell not in joined and cell not in joined.values()]
    groups = [*joined.items(), *((cell,) for cell in alone)]
    return AlignmentTruth(
        first_level={key: dict(names) for key, names in plan.assortment.classes.items()},
        merged=tuple(sorted(groups)),
        lookalikes=tuple((a, b) for a, b, shared in rivals if not shared and a[2] != b[2] and _alike(a[2], b[2])),
        missed=tuple((a, b) for a, b, shared in rivals if shared and not _alike(a[2], b[2])),
        properties={south: north for north, south in plan.assortment.south_properties.items()},
    )
