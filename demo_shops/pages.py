"""Product pages, as bytes in their shop's encoding."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from demo_shops.listings import Listing
from demo_shops.plan import Plan
from demo_shops.products import ShopName

__all__ = ["BASES", "list_path", "render", "render_product"]

BASES: dict[ShopName, str] = {"north": "http://north.invalid", "south": "http://south.invalid"}
"""Placeholder for the shop's own URL in built files; the server replaces it."""
ENCODINGS: dict[ShopName, str] = {"north": "utf-8", "south": "gbk"}
"""The southern shop declares gb2312 but writes GBK, as old shops do."""
_TEMPLATES = {"json-ld": "north_jsonld.html", "microdata": "north_microdata.html", "plain": "south_product.html"}
_RELATED = 4
_SPECS_IN_MARKUP = 7
"""Every seventh JSON-LD page has its specifications as PropertyValue, and no table."""


@cache
def _templates() -> Environment:
    folder = Path(__file__).with_name("templates")
    return Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=False)


def render(shop: ShopName, template: str, **values: Any) -> bytes:  # noqa: ANN401 - templates accept any type
    """Return a page of a shop in the shop's encoding."""
    text = _templates().get_template(template).render(base=BASES[shop], **values)
    return text.encode(ENCODINGS[shop])


def list_path(plan: Plan, class_key: str, number: int = 1) -> str:
    """Return the path of listing page ``number`` of a class in the southern shop."""
    place = list(plan.assortment.classes).index(class_key) + 1
    return f"/c/{place}.html" if number == 1 else f"/c/{place}_{number}.html"


def _related(plan: Plan, listing: Listing) -> list[Listing]:
    others = [one for one in plan.of(listing.shop) if one.images and one != listing]
    start = int(listing.native_id.lstrip("N")) * 7 % len(others)
    return [others[(start + n) % len(others)] for n in range(_RELATED)]


def _in_script(data: dict[str, Any]) -> Markup:
    """Return JSON that is safe inside a script element: no ``</`` ends the element early."""
    return Markup(json.dumps(data, ensure_ascii=False, indent=1).replace("</", "<\\/"))  # noqa: S704


def _breadcrumb(listing: Listing) -> dict[str, Any]:
    names = ["首页", *listing.category]
    items = [{"@type": "ListItem", "position": n, "name": name} for n, name in enumerate(names, start=1)]
    return {"@context": "https://schema.org", "@type": "BreadcrumbList", "itemListElement": items}


def _product(listing: Listing, *, with_specs: bool) -> dict[str, Any]:
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "sku": listing.native_id,
        "mpn": listing.product.model,
        "brand": {"@type": "Brand", "name": listing.product.brand},
        "offers": {
            "@type": "Offer",
            "price": str(listing.price),
            "priceCurrency": "CNY",
            "availability": f"https://schema.org/{listing.availability}",
            "seller": {"@type": "Organization", "name": listing.merchant},
        },
    }
    if listing.caption_shown:
        data["name"] = listing.caption_shown
    if listing.images:
        data["image"] = [BASES[listing.shop] + image.path for image in listing.images]
    if with_specs:
        data["additionalProperty"] = [
            {"@type": "PropertyValue", "name": name, "value": value} for name, value in listing.specs_shown
        ]
    return data


def _north_values(listing: Listing) -> dict[str, Any]:
    in_markup = int(listing.native_id.lstrip("N")) % _SPECS_IN_MARKUP == 0
    structured = [_breadcrumb(listing), _product(listing, with_specs=in_markup)]
    return {"structured": [_in_script(block) for block in structured], "specs_in_markup": in_markup}


def _south_values(plan: Plan, listing: Listing) -> dict[str, Any]:
    return {
        "list_page": list_path(plan, listing.product.kind.class_key),
        "listed_price": listing.price * 2,
        "yen": int(listing.native_id) % 2 == 0,
    }


def render_product(plan: Plan, listing: Listing, *, opted_out: bool = False) -> bytes:
    """Return the page of one product.

    Args:
        plan: Both shops, the source of related products.
        listing: The product to show.
        opted_out: Whether the page's head forbids use for machine learning (northern pages).
    """
    more = _north_values(listing) if listing.shop == "north" else _south_values(plan, listing)
    related = _related(plan, listing)
    template = _TEMPLATES[listing.markup]
    return render(listing.shop, template, one=listing, related=related, opted_out=opted_out, **more)
