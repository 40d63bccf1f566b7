"""Demo shops, served; and workspaces of them that share a secret key, so that tables can be compared."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from m5data.demo.server import ShopAddresses, serving
from m5data.demo.shops import Shops, build
from m5data.demo_workspace import open_demo

MakeWorkspace = Callable[[str], Path]


@pytest.fixture(scope="session")
def tiny_shops(tmp_path_factory: pytest.TempPathFactory) -> Shops:
    """The shops of 20 products."""
    return build(tmp_path_factory.mktemp("tiny"), "tiny")


@pytest.fixture(scope="session")
def addresses(tiny_shops: Shops) -> Iterator[ShopAddresses]:
    """Where they are served."""
    with serving(tiny_shops.folder) as served:
        yield served


@pytest.fixture
def make_workspace(tmp_path: Path, tiny_shops: Shops, addresses: ShopAddresses) -> MakeWorkspace:
    """Make equal, empty workspaces of the tiny shops."""
    first = tmp_path / "empty"
    first.mkdir()
    shutil.copytree(tiny_shops.folder / "shops", first / "shops")
    open_demo(first, addresses.bases, tiny_shops.size)
    (first / "secret.key").write_bytes(bytes(32))
    (first / "secret.key").chmod(0o600)

    def make(name: str) -> Path:
        return Path(shutil.copytree(first, tmp_path / name))

    return make
