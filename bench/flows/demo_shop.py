"""A workspace of the demo shops, served while a context lasts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from m5data.demo.presets import Size
from m5data.demo.server import ShopAddresses, serving
from m5data.demo.shops import build
from m5data.demo_workspace import open_demo, ports_of

__all__ = ["demo_shop"]


@contextmanager
def demo_shop(folder: Path, size: Size) -> Iterator[ShopAddresses]:
    """Build the shops in ``folder`` unless they are there, serve them, and make the workspace."""
    folder.mkdir(parents=True, exist_ok=True)
    build(folder, size)
    with serving(folder, ports_of(folder)) as addresses:
        open_demo(folder, addresses.bases, size)
        yield addresses
