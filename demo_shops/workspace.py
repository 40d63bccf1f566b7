"""The demo shops' workspace and its settings, created once; later runs reuse its ports."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from core.stage_settings import read_settings
from demo_shops.listings import Size
from demo_shops.plan import Plan, make_plan
from demo_shops.products import SHOPS, ShopName
from workspace import SETTINGS_FILE, Workspace
from workspace.settings import Settings

__all__ = ["open_demo", "ports_of", "write_settings"]

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
"""The northern sitemap tells which pages are products; the southern listing pages do not."""


def _list(names: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _alignment(plan: Plan) -> str:
    """Return the settings a person must supply: class names differ between shops; some have a third level."""
    there = {one.category[0] for one in plan.of("south")}
    deep = {one.category[1] for one in plan.of("north") if len(one.category) > 2}
    rows = [
        f'"south:{names["south"]}" = "{names["north"]}"\n'
        for names in plan.assortment.classes.values()
        if names["south"] in there
    ]
    return f"[align]\nthird_level = {_list(sorted(deep))}\n\n[align.first_level]\n{''.join(rows)}"


def write_settings(base_urls: Mapping[ShopName, str], size: Size = "demo") -> str:
    """Return the text of ``m5data.toml`` for a workspace of the demo shops.

    Args:
        base_urls: Shop -> its URL, without a trailing slash.
        size: Preset of the shops; only first-level names that they use are mapped.
    """
    sources = [
        _SOURCE.format(name=shop, start=base + _START[shop], patterns=_PATTERNS[shop])
        for shop, base in base_urls.items()
    ]
    waits = "# Some of the shops' faults pass for passing ones: do not wait long for them.\n"
    waits += "[crawl]\nbackoff_s = 0.05\n\n[download]\nbackoff_s = 0.05\n"
    few = "# Small shops: any category of two or more gives queries for annotation.\n"
    few += "[annotate.candidates]\nmin_category = 2\nbest = 10\n"
    head = "# The demo shops: synthetic products, served on this machine.\n"
    return "\n".join([head, *sources, waits, few, _alignment(make_plan(size))])


_MORE = """
[store]
buckets = 4

[annotate]
judgements = "shops/judgements.csv"

[splits]
recipe = "demo"
reserve_share = 0.3
"""


def ports_of(folder: Path) -> dict[ShopName, int]:
    """Return the ports that an earlier demo in ``folder`` was served on, empty if there was none."""
    path = folder / SETTINGS_FILE
    if not path.is_file():
        return {}
    sources = read_settings(path, Settings).crawl.sources
    ports = {shop: urlsplit(sources[shop].start[0]).port for shop in SHOPS if shop in sources}
    return {shop: port for shop, port in ports.items() if port is not None}


def open_demo(folder: Path, base_urls: Mapping[ShopName, str], size: Size) -> Workspace:
    """Open the demo's workspace, or create it for shops served at ``base_urls``."""
    if (folder / SETTINGS_FILE).is_file():
        return Workspace.open(folder)
    return Workspace.create(folder, write_settings(base_urls, size) + _MORE)
