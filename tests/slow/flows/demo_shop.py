"""A workspace of the demo shops, which are served while a context lasts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo_shops.listings import Size
from demo_shops.server import ShopURLs, serving
from demo_shops.shops import build
from demo_shops.workspace import open_demo, ports_of

__all__ = ["demo_shop"]


@contextmanager
def demo_shop(folder: Path, size: Size) -> Iterator[ShopURLs]:
    """Build the shops in ``folder`` unless they exist, serve them, and create the workspace."""
    folder.mkdir(parents=True, exist_ok=True)
    build(folder, size)
    with serving(folder, ports_of(folder)) as base_urls:
        open_demo(folder, base_urls.bases, size)
        yield base_urls
