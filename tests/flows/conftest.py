"""Fixtures of demo shops with 20 products, and of a workspace that has collected and extracted them."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prefect.logging.handlers import APILogHandler
from prefect.settings import PREFECT_API_URL, temporary_settings

from core.run_options import RunContext
from demo_shops.server import ShopURLs, serving
from demo_shops.workspace import open_demo
from flows.run_stage import run_stage
from tests.flows.prefect_api import PrefectApi, prefect_server
from workspace import Workspace


@dataclass(frozen=True)
class Shop:
    """The served shops, and a workspace collected from them, which tests only read."""

    base_urls: ShopURLs
    collected: Path


@pytest.fixture(scope="session")
def shop(tiny_shops: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = Path(shutil.copytree(tiny_shops, tmp_path_factory.mktemp("collected") / "shops"))
    with serving(folder) as base_urls:
        workspace = open_demo(folder, base_urls.bases, "tiny")
        for name in ("crawl", "records", "download", "extract"):
            run_stage(workspace, name, RunContext())
        yield Shop(base_urls, folder)


@pytest.fixture(scope="session")
def matrix_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectApi]:
    """Run a Prefect server, and make it that of the flows which this process runs."""
    with prefect_server(tmp_path_factory.mktemp("matrix")) as server, temporary_settings({PREFECT_API_URL: server.url}):
        yield server
        APILogHandler().flush()  # before the server that it sends to ends


@pytest.fixture
def fresh(shop: Shop, tmp_path: Path) -> Workspace:
    """Return an empty workspace for the shops."""
    return open_demo(tmp_path / "fresh", shop.base_urls.bases, "tiny")


@pytest.fixture
def collected(shop: Shop, tmp_path: Path) -> Workspace:
    """Return a copy of the collected workspace."""
    return Workspace.open(Path(shutil.copytree(shop.collected, tmp_path / "collected")))


@pytest.fixture
def prefect_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make Prefect in child processes keep its files in a folder of the test."""
    home = tmp_path / "prefect-home"
    monkeypatch.setenv("PREFECT_HOME", str(home))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return home
