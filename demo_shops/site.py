"""One shop's server as data: product pages, pages that lead to them, and responses that are not plain files."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from PIL import Image

from demo_shops.listings import PRESETS, Listing, Outcome
from demo_shops.pages import BASES, list_path, render, render_product
from demo_shops.plan import Plan
from demo_shops.products import ShopName

__all__ = ["find_special_paths", "make_site", "navigation_paths", "render_navigation"]

_ALIASES = 2
"""Number of products with a second URL, counted from the first product."""


@dataclass(frozen=True, slots=True)
class SpecialPaths:
    """Special paths of one shop, all of them linked or in its sitemap."""

    redirects: tuple[tuple[str, str], ...]
    """Old path and the product's own; the sitemap lists only the old one."""
    aliases: tuple[tuple[str, str], ...]
    """Second path of a product, and the canonical path that its page names."""
    soft_404: str
    """Path that answers 200 with a page saying that nothing was found."""
    missing: str
    """Path that answers 404."""
    disallowed: tuple[str, ...]
    """Paths forbidden by robots.txt."""
    opted_out: str
    """A product page that forbids use for machine learning: in its head (north) or in a header (south)."""
    not_a_product: tuple[str, ...]
    """Paths in the sitemap that are not product pages."""


def find_special_paths(plan: Plan, shop: ShopName) -> SpecialPaths:
    """Return the special paths of one shop."""
    listings = plan.of(shop)
    north = shop == "north"
    moved, first = listings[len(listings) // 2], listings[:_ALIASES]
    forbidden, opted_out = (one.path for one in plan.forbidden if one.shop == shop)
    folder, alias, ghost = ("/p", "/goods", "N") if north else ("/product", "/hot", "")
    return SpecialPaths(
        redirects=((f"/old/{moved.native_id}.html", moved.path),) if north else (),
        aliases=tuple((f"{alias}/{one.native_id}.html", one.path) for one in first),
        soft_404=f"{folder}/{ghost}39998.html",
        missing=f"{folder}/{ghost}39999.html",
        disallowed=(forbidden,) if north else (forbidden, "/member/orders.html"),
        opted_out=opted_out,
        not_a_product=("/about.html",) if north else (),
    )


_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def linked_paths(plan: Plan, shop: ShopName) -> list[str]:
    """Return all paths that the shop's sitemap or listing pages present as products, sorted."""
    special = find_special_paths(plan, shop)
    moved = {target: old for old, target in special.redirects}
    paths = [moved.get(one.path, one.path) for one in plan.of(shop)]
    paths += [path for path, _ in special.aliases]
    paths += [special.soft_404, special.missing, special.opted_out, *special.disallowed]
    return sorted({*paths, *special.not_a_product})


def navigation_paths(plan: Plan, shop: ShopName) -> list[str]:
    """Return the paths of non-product pages that a crawl visits."""
    if shop == "north":
        return ["/"]
    return ["/help/about.html", "/index.html", *(path for path, _ in _list_pages(plan))]


def _sitemap(paths: Sequence[str], outer: str, inner: str) -> bytes:
    rows = "".join(f"<{inner}><loc>{escape(BASES['north'] + path)}</loc></{inner}>\n" for path in paths)
    return f'{_DECLARATION}<{outer} xmlns="{_SITEMAP}">\n{rows}</{outer}>\n'.encode()


def _north(plan: Plan) -> dict[str, bytes]:
    paths = linked_paths(plan, "north")
    half = len(paths) // 2
    return {
        "/sitemap.xml": _sitemap(["/sitemap-1.xml", "/sitemap-2.xml"], "sitemapindex", "sitemap"),
        "/sitemap-1.xml": _sitemap(paths[:half], "urlset", "url"),
        "/sitemap-2.xml": _sitemap(paths[half:], "urlset", "url"),
        "/index.html": render("north", "north_plain.html", title="欢迎光临", text="请从商品目录进入。"),
        "/about.html": render("north", "north_plain.html", title="关于我们", text="本店所有内容均为虚构的合成数据。"),
    }


def _list_pages(plan: Plan) -> list[tuple[str, list[Listing]]]:
    """Return the path and products of every southern listing page, in the order of the classes."""
    length, found = PRESETS[plan.size].page_length, []
    for key in plan.assortment.classes:
        products = [one for one in plan.of("south") if one.product.kind.class_key == key]
        for number, start in enumerate(range(0, len(products), length), start=1):
            found.append((list_path(plan, key, number), products[start : start + length]))
    return found


def _south(plan: Plan) -> dict[str, bytes]:
    lists, special = _list_pages(plan), find_special_paths(plan, "south")
    names = {key: row["south"] for key, row in plan.assortment.classes.items()}
    pages = {}
    for key, name in names.items():
        own = [(path, products) for path, products in lists if products[0].product.kind.class_key == key]
        for number, (path, products) in enumerate(own, start=1):
            following = own[number][0] if number < len(own) else None
            pages[path] = render(
                "south", "south_list.html",
                name=name, listings=products, following=following, number=number, pages=len(own),
            )  # fmt: skip
    hot = [*(path for path, _ in special.aliases), special.soft_404, special.missing, special.opted_out]
    hot.append(special.disallowed[0])
    firsts = [(name, list_path(plan, key)) for key, name in names.items() if list_path(plan, key) in pages]
    return {
        **pages,
        "/index.html": render(
            "south", "south_index.html", lists=firsts, hot=[(p, f"推荐{n}") for n, p in enumerate(hot, start=1)]
        ),
        "/help/about.html": render(
            "south", "south_plain.html", title="关于我们", text="本店所有内容均为虚构的合成数据。"
        ),
        "/member/orders.html": render("south", "south_plain.html", title="我的订单", text="请登录。"),
    }


def render_navigation(plan: Plan, shop: ShopName) -> dict[str, bytes]:
    """Return the non-product pages of a shop, path -> content."""
    return _north(plan) if shop == "north" else _south(plan)


_STATUSES: dict[Outcome, int] = {"http_410": 410, "http_5xx": 500}


@dataclass(frozen=True, slots=True)
class Answer:
    """The server's response to a path, if it is not that path's file with status 200."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    file: str | None = None
    """Path whose file is sent instead."""


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that one shop serves except its images and videos."""

    files: Mapping[str, bytes]
    """Path -> content."""
    answers: Mapping[str, Answer]


def robots_file(plan: Plan, shop: ShopName) -> bytes:
    """Return the shop's robots.txt."""
    lines = ["User-agent: *", "Disallow: /cart/"]
    lines += [f"Disallow: {path}" for path in find_special_paths(plan, shop).disallowed]
    if shop == "north":
        lines.append(f"Sitemap: {BASES[shop]}/sitemap.xml")
    return ("\n".join(lines) + "\n").encode()


def _logo(form: str) -> bytes:
    file = io.BytesIO()
    Image.new("P" if form == "GIF" else "RGB", (64, 24), 3).save(file, form)
    return file.getvalue()


def _answers(plan: Plan, shop: ShopName) -> dict[str, Answer]:
    special = find_special_paths(plan, shop)
    answers = {path: Answer(file=target) for path, target in special.aliases}
    for path, target in special.redirects:
        answers[path] = Answer(301, {"Location": BASES[shop] + target})
    for one in plan.of(shop):
        for item in (*one.images, *((one.video,) if one.video else ())):
            if item.outcome in _STATUSES:
                answers[item.path] = Answer(_STATUSES[item.outcome])
    if shop == "south":
        answers[special.opted_out] = Answer(headers={"X-Robots-Tag": "noai, noimageai"})
    return answers


def make_site(plan: Plan, shop: ShopName, navigation: Mapping[str, bytes]) -> Site:
    """Return the shop's site.

    Args:
        plan: Both shops.
        shop: Which of the two.
        navigation: Non-product pages (see ``render_navigation``).
    """
    special = find_special_paths(plan, shop)
    products = (*plan.of(shop), *(one for one in plan.forbidden if one.shop == shop))
    gone = render(shop, f"{shop}_plain.html", title="页面不存在", text="抱歉，您访问的商品不存在或已下架。")
    pages = {
        one.path: render_product(plan, one, opted_out=shop == "north" and one.path == special.opted_out)
        for one in products
    }
    form = "png" if shop == "north" else "gif"
    return Site(
        files={
            **pages,
            **navigation,
            special.soft_404: gone,
            "/robots.txt": robots_file(plan, shop),
            f"/static/logo.{form}": _logo(form.upper()),
        },
        answers=_answers(plan, shop),
    )
