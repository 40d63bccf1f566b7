"""Addresses of a shop that lead to no product of their own, and why; read by the sites and by the truth."""

from dataclasses import dataclass

from demo_shops.goods import ShopName
from demo_shops.planning import Plan

__all__ = ["Detours", "find_detours"]

_ALIASES = 2
"""Products that have a second address, from the first on."""


@dataclass(frozen=True, slots=True)
class Detours:
    """Paths of one shop, all of them linked or listed."""

    redirects: tuple[tuple[str, str], ...]
    """Old path and the product's own; the sitemap lists the old one alone."""
    aliases: tuple[tuple[str, str], ...]
    """Second path of a product, and the canonical one that its page names."""
    soft_404: str
    """Answers 200 and says that there is nothing."""
    missing: str
    """Answers 404."""
    disallowed: tuple[str, ...]
    """Forbidden by robots.txt."""
    opted_out: str
    """A product page that forbids use for machine learning: north in its head, south in a header."""
    not_a_product: tuple[str, ...]
    """Listed in the sitemap, but no product page."""


def find_detours(plan: Plan, shop: ShopName) -> Detours:
    """Return the detours of one shop."""
    listings = plan.of(shop)
    north = shop == "north"
    moved, first = listings[len(listings) // 2], listings[:_ALIASES]
    barred, opted_out = (one.path for one in plan.barred if one.shop == shop)
    folder, alias, ghost = ("/p", "/goods", "N") if north else ("/product", "/hot", "")
    return Detours(
        redirects=((f"/old/{moved.native_id}.html", moved.path),) if north else (),
        aliases=tuple((f"{alias}/{one.native_id}.html", one.path) for one in first),
        soft_404=f"{folder}/{ghost}39998.html",
        missing=f"{folder}/{ghost}39999.html",
        disallowed=(barred,) if north else (barred, "/member/login.html"),
        opted_out=opted_out,
        not_a_product=("/about.html",) if north else (),
    )
