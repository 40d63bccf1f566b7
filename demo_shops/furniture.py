"""What leads to the products: a sitemap in the north; an index and listing pages in the south."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from demo_shops.detours import find_detours
from demo_shops.goods import ShopName
from demo_shops.listings import Listing
from demo_shops.pages import BASES, render, shelf_path
from demo_shops.planning import Plan
from demo_shops.presets import PRESETS

__all__ = ["furnish", "linked_paths", "navigation_paths"]

_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def linked_paths(plan: Plan, shop: ShopName) -> list[str]:
    """Return every path that stands for a product in the shop's sitemap or listings, by path."""
    detours = find_detours(plan, shop)
    moved = {target: old for old, target in detours.redirects}
    paths = [moved.get(one.path, one.path) for one in plan.of(shop)]
    paths += [path for path, _ in detours.aliases]
    paths += [detours.soft_404, detours.missing, detours.opted_out, *detours.disallowed]
    return sorted({*paths, *detours.not_a_product})


def navigation_paths(plan: Plan, shop: ShopName) -> list[str]:
    """Return the pages that a crawl meets on its way and that are no products."""
    if shop == "north":
        return ["/"]
    return ["/help/about.html", "/index.html", *(path for path, _ in _shelves(plan))]


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


def _shelves(plan: Plan) -> list[tuple[str, list[Listing]]]:
    """Return path and products of every listing page of the south, in the order of the classes."""
    length, found = PRESETS[plan.size].page_length, []
    for key in plan.assortment.classes:
        goods = [one for one in plan.of("south") if one.good.kind.class_key == key]
        for number, start in enumerate(range(0, len(goods), length), start=1):
            found.append((shelf_path(plan, key, number), goods[start : start + length]))
    return found


def _south(plan: Plan) -> dict[str, bytes]:
    shelves, detours = _shelves(plan), find_detours(plan, "south")
    names = {key: row["south"] for key, row in plan.assortment.classes.items()}
    pages = {}
    for key, name in names.items():
        own = [(path, goods) for path, goods in shelves if goods[0].good.kind.class_key == key]
        for number, (path, goods) in enumerate(own, start=1):
            following = own[number][0] if number < len(own) else None
            pages[path] = render(
                "south", "south_list.html",
                name=name, listings=goods, following=following, number=number, pages=len(own),
            )  # fmt: skip
    hot = [*(path for path, _ in detours.aliases), detours.soft_404, detours.missing, detours.opted_out]
    hot.append(detours.disallowed[0])
    firsts = [(name, shelf_path(plan, key)) for key, name in names.items() if shelf_path(plan, key) in pages]
    return {
        **pages,
        "/index.html": render(
            "south", "south_index.html", shelves=firsts, hot=[(p, f"推荐{n}") for n, p in enumerate(hot, start=1)]
        ),
        "/help/about.html": render(
            "south", "south_plain.html", title="关于我们", text="本店所有内容均为虚构的合成数据。"
        ),
        "/member/login.html": render("south", "south_plain.html", title="会员登录", text="请登录。"),
    }


def furnish(plan: Plan, shop: ShopName) -> dict[str, bytes]:
    """Return the pages of a shop that are no products, path -> content."""
    return _north(plan) if shop == "north" else _south(plan)
