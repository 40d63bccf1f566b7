"""Settings of a workspace that collects the demo shops."""

from collections.abc import Iterable, Mapping

from demo_shops.goods import ShopName
from demo_shops.planning import Plan, make_plan
from demo_shops.presets import Size

__all__ = ["write_settings"]

_SOURCE = """\
[sources.{name}]
start = ["{start}"]
product_urls = [{patterns}]
crawl_authorised = true
share_authorised = true
licence = "CC0-1.0"
local = true
delay_s = 0.0
"""
_START: dict[ShopName, str] = {"north": "/sitemap.xml", "south": "/index.html"}
_PATTERNS: dict[ShopName, str] = {"north": "", "south": r"'/product/\d+\.html$'"}
"""The north's sitemap says what is a product; the south's listings do not."""


def _list(names: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _alignment(plan: Plan) -> str:
    """Return what a person must say: classes of both shops are named nothing alike; some have a third level."""
    there = {one.category[0] for one in plan.of("south")}
    deep = {one.category[1] for one in plan.of("north") if len(one.category) > 2}
    rows = [
        f'"south:{names["south"]}" = "{names["north"]}"\n'
        for names in plan.assortment.classes.values()
        if names["south"] in there
    ]
    return f"[align]\nthird_level = {_list(sorted(deep))}\n\n[align.first_level]\n{''.join(rows)}"


def write_settings(addresses: Mapping[ShopName, str], size: Size = "demo") -> str:
    """Return the text of ``m5data.toml`` for a workspace of the demo shops.

    Args:
        addresses: Shop -> where it is served, without a slash at the end.
        size: Which shops: the mapping of first-level names holds those they have.
    """
    sources = [
        _SOURCE.format(name=shop, start=base + _START[shop], patterns=_PATTERNS[shop])
        for shop, base in addresses.items()
    ]
    waits = "# Some of the shops' faults pass for passing ones: do not wait long for them.\n"
    waits += "[crawl]\nbackoff_s = 0.05\n\n[download]\nbackoff_s = 0.05\n"
    few = "# Small shops: any category of two or more gives queries for annotation.\n"
    few += "[annotate.candidates]\nmin_category = 2\nbest = 10\n"
    head = "# The demo shops: synthetic goods, served on this machine.\n"
    return "\n".join([head, *sources, waits, few, _alignment(make_plan(size))])
