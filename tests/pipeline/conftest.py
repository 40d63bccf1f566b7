"""Running demo shops, and workspaces for them that share a secret key, so that tables can be compared."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo_shops.server import ShopURLs, serving
from demo_shops.shops import Shops, build
from demo_shops.workspace import open_demo

MakeWorkspace = Callable[[str], Path]


@pytest.fixture(scope="session")
def shops(request: pytest.FixtureRequest, tiny_shops: Path, tmp_path_factory: pytest.TempPathFactory) -> Shops:
    """Return the shops of 20 products, or those of 200 with ``--shop demo``."""
    large = request.config.getoption("--shop", None) == "demo"
    return build(tmp_path_factory.mktemp("shops"), "demo") if large else Shops.open(tiny_shops)


@pytest.fixture(scope="session")
def base_urls(shops: Shops) -> Iterator[ShopURLs]:
    """Serve the shops; yield their URLs."""
    with serving(shops.folder) as served:
        yield served


@pytest.fixture
def make_workspace(tmp_path: Path, shops: Shops, base_urls: ShopURLs) -> MakeWorkspace:
    """Return a function that makes equal, empty workspaces for the shops."""
    first = tmp_path / "empty"
    first.mkdir()
    shutil.copytree(shops.folder / "shops", first / "shops")
    open_demo(first, base_urls.bases, shops.size)
    (first / "secret.key").write_bytes(bytes(32))
    (first / "secret.key").chmod(0o600)

    def make(name: str) -> Path:
        return Path(shutil.copytree(first, tmp_path / name))

    return make
