"""One shop's server as data: its pages, and what it answers apart from plain files."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image

from demo_shops.detours import find_detours
from demo_shops.goods import ShopName
from demo_shops.listings import Outcome
from demo_shops.pages import BASES, render, render_product
from demo_shops.planning import Plan

__all__ = ["Answer", "Site", "make_site", "robots_file"]

_STATUSES: dict[Outcome, int] = {"http_410": 410, "http_5xx": 500}


@dataclass(frozen=True, slots=True)
class Answer:
    """How the server answers a path, where that is not the file of that path with status 200."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    file: str | None = None
    """Path whose file is sent instead."""


@dataclass(frozen=True, slots=True)
class Site:
    """Everything of one shop but its photos and films."""

    files: Mapping[str, bytes]
    """Path -> content."""
    answers: Mapping[str, Answer]


def robots_file(plan: Plan, shop: ShopName) -> bytes:
    """Return the shop's robots.txt."""
    lines = ["User-agent: *", "Disallow: /cart/"]
    lines += [f"Disallow: {path}" for path in find_detours(plan, shop).disallowed]
    if shop == "north":
        lines.append(f"Sitemap: {BASES[shop]}/sitemap.xml")
    return ("\n".join(lines) + "\n").encode()


def _logo(form: str) -> bytes:
    file = io.BytesIO()
    Image.new("P" if form == "GIF" else "RGB", (64, 24), 3).save(file, form)
    return file.getvalue()


def _answers(plan: Plan, shop: ShopName) -> dict[str, Answer]:
    detours = find_detours(plan, shop)
    answers = {path: Answer(file=target) for path, target in detours.aliases}
    for path, target in detours.redirects:
        answers[path] = Answer(301, {"Location": BASES[shop] + target})
    for one in plan.of(shop):
        for item in (*one.photos, *((one.film,) if one.film else ())):
            if item.outcome in _STATUSES:
                answers[item.path] = Answer(_STATUSES[item.outcome])
    if shop == "south":
        answers[detours.opted_out] = Answer(headers={"X-Robots-Tag": "noai, noimageai"})
    return answers


def make_site(plan: Plan, shop: ShopName, furniture: Mapping[str, bytes]) -> Site:
    """Return the shop's site.

    Args:
        plan: Both shops.
        shop: Which one.
        furniture: Pages that lead to the products (sitemaps or listings) and stand around them.
    """
    detours = find_detours(plan, shop)
    products = (*plan.of(shop), *(one for one in plan.barred if one.shop == shop))
    gone = render(shop, f"{shop}_plain.html", title="页面不存在", text="抱歉，您访问的商品不存在或已下架。")
    pages = {
        one.path: render_product(plan, one, opted_out=shop == "north" and one.path == detours.opted_out)
        for one in products
    }
    form = "png" if shop == "north" else "gif"
    return Site(
        files={
            **pages,
            **furniture,
            detours.soft_404: gone,
            "/robots.txt": robots_file(plan, shop),
            f"/static/logo.{form}": _logo(form.upper()),
        },
        answers=_answers(plan, shop),
    )
