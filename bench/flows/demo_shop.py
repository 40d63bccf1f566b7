"""A workspace of the demo shops, served while a context lasts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo_shops.open_demo import open_demo, ports_of
from demo_shops.presets import Size
from demo_shops.server import ShopAddresses, serving
from demo_shops.shops import build

__all__ = ["demo_shop"]


@contextmanager
def demo_shop(folder: Path, size: Size) -> Iterator[ShopAddresses]:
    """Build the shops in ``folder`` unless they are there, serve them, and make the workspace."""
    folder.mkdir(parents=True, exist_ok=True)
    build(folder, size)
    with serving(folder, ports_of(folder)) as addresses:
        open_demo(folder, addresses.bases, size)
        yield addresses
