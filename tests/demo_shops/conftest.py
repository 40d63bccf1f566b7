import http.client
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from demo_shops.server import ShopURLs, serving
from demo_shops.shops import Shops
from demo_shops.truth import Truth

Fetch = Callable[..., tuple[int, dict[str, str], bytes]]


def fetch_once(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Request a URL once, without redirects; return status, headers and body. Header names have ``_`` for ``-``."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", parts.path or "/", headers=named)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="session")
def fetch() -> Fetch:
    return fetch_once


@pytest.fixture(scope="session")
def shops(tiny_shops: Path) -> Shops:
    return Shops.open(tiny_shops)


@pytest.fixture(scope="session")
def base_urls(shops: Shops) -> Iterator[ShopURLs]:
    with serving(shops.folder) as found:
        yield found


@pytest.fixture(scope="session")
def truth(shops: Shops, base_urls: ShopURLs) -> Truth:
    return shops.truth(base_urls.bases)


@pytest.fixture
def copied_shops(shops: Shops, tmp_path: Path) -> Shops:
    """Return a copy of the shops that a test may change."""
    shutil.copytree(shops.folder / "shops", tmp_path / "shops")
    return Shops.open(tmp_path)
