"""The workspace of the demo shops: made once, on ports that it remembers."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from demo_shops.goods import SHOPS, ShopName
from demo_shops.presets import Size
from demo_shops.workspace_settings import write_settings
from m5data.settings import Settings
from m5data.settings_file import read_settings
from m5data.workspace import SETTINGS_FILE, Workspace

__all__ = ["open_demo", "ports_of"]

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
    """Return the ports that an earlier demo in ``folder`` was served on; empty: there was none."""
    path = folder / SETTINGS_FILE
    if not path.is_file():
        return {}
    sources = read_settings(path, Settings).crawl.sources
    ports = {shop: urlsplit(sources[shop].start[0]).port for shop in SHOPS if shop in sources}
    return {shop: port for shop, port in ports.items() if port is not None}


def open_demo(folder: Path, addresses: Mapping[ShopName, str], size: Size) -> Workspace:
    """Open the demo's workspace, or make it for shops served at ``addresses``."""
    if (folder / SETTINGS_FILE).is_file():
        return Workspace.open(folder)
    return Workspace.create(folder, write_settings(addresses, size) + _MORE)
