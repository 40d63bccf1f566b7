"""Changes of built shops between two runs: a product's page says something new, or is gone."""

import json
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from demo_shops.folder import Layout, write_file
from demo_shops.listings import Listing
from demo_shops.pages import render_product
from demo_shops.planning import Plan, make_plan
from demo_shops.presets import Size
from m5data.errors import WorkspaceError

__all__ = ["Changes", "apply_changes", "change_product", "read_changes", "remove_product"]

_DEARER = Decimal("10.00")
"""What a change adds to the price."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What was done to the shops since they were built."""

    changed: dict[str, int] = field(default_factory=dict)
    """Product id -> times that its page was changed."""
    removed: tuple[str, ...] = ()
    """Product ids whose pages answer 404 by now, though they are still linked."""


def read_changes(layout: Layout) -> Changes:
    """Return the changes of built shops; none if none were made."""
    try:
        data = json.loads(layout.changes.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Changes()
    return Changes(data["changed"], tuple(data["removed"]))


def _changed(one: Listing, times: int) -> Listing:
    """Return the listing dearer, with another last line in its table (if it has one)."""
    if not times:
        return one
    specs = one.specs[:-1] + tuple((name, f"{value}（第{times}次改版）") for name, value in one.specs[-1:])
    return replace(one, price=one.price + times * _DEARER, specs=specs)


def apply_changes(plan: Plan, changes: Changes) -> Plan:
    """Return the plan of the shops as they are now."""
    listings = tuple(
        _changed(one, changes.changed.get(one.product_id, 0))
        for one in plan.listings
        if one.product_id not in changes.removed
    )
    return replace(plan, listings=listings)


def _load(folder: Path, product_id: str) -> tuple[Layout, Plan, Changes, Listing]:
    layout = Layout(folder)
    size: Size = json.loads(layout.manifest.read_text(encoding="utf-8"))["size"]
    plan, changes = make_plan(size), read_changes(layout)
    for one in apply_changes(plan, changes).listings:
        if one.product_id == product_id:
            return layout, plan, changes, one
    raise WorkspaceError(f"{folder}: expected a product of the demo shops, got {product_id!r}; see their truth")


def _save(layout: Layout, changes: Changes) -> None:
    data = {"changed": changes.changed, "removed": changes.removed}
    write_file(layout.changes, json.dumps(data, indent=1).encode())


def change_product(folder: Path, product_id: str) -> None:
    """Change price and last specification of one product's page; the truth changes with it.

    Args:
        folder: The demo's folder.
        product_id: E.g. ``north:N10001``.

    Raises:
        WorkspaceError: There is no such product, or it was removed.
    """
    layout, plan, changes, one = _load(folder, product_id)
    times = changes.changed.get(product_id, 0) + 1
    original = next(base for base in plan.listings if base.product_id == product_id)
    page = render_product(plan, _changed(original, times))
    write_file(layout.site(one.shop, one.path), page, times)
    _save(layout, Changes({**changes.changed, product_id: times}, changes.removed))


def remove_product(folder: Path, product_id: str) -> None:
    """Take one product's page away: it answers 404 from now on, and is linked still.

    Args:
        folder: The demo's folder.
        product_id: E.g. ``south:30001``.

    Raises:
        WorkspaceError: There is no such product, or it was removed.
    """
    layout, _, changes, one = _load(folder, product_id)
    layout.site(one.shop, one.path).unlink()
    _save(layout, Changes(changes.changed, (*changes.removed, product_id)))
