"""A django-oscar shop on loopback, filled through Oscar's own models."""

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import pytest

SITE = Path(__file__).parent / "site"
START_TRIES = 60


@dataclass(frozen=True)
class OscarShop:
    """A running shop and the products that a crawl must find in it."""

    base: str
    products: list[dict[str, object]]


@pytest.fixture(scope="session")
def oscar_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OscarShop]:
    folder = tmp_path_factory.mktemp("oscar")
    environment = {**os.environ, "OSCAR_SHOP": str(folder), "DJANGO_SETTINGS_MODULE": "shop_settings"}
    filled = subprocess.run(
        [sys.executable, "fill.py"], cwd=SITE, env=environment, capture_output=True, text=True, check=False
    )
    assert filled.returncode == 0, filled.stderr
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve = ["-m", "django", "runserver", "--noreload", "--nothreading", f"127.0.0.1:{port}"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen([sys.executable, *serve], cwd=SITE, env=environment, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/catalogue/", server)
            yield OscarShop(f"http://127.0.0.1:{port}", json.loads(filled.stdout))
        finally:
            server.terminate()
            server.wait(30)


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the shop answers, trying about once a second; fail if the server ends."""
    for _ in range(START_TRIES):
        try:
            with urllib.request.urlopen(url, timeout=10):
                return
        except URLError:
            try:
                server.wait(1)
            except subprocess.TimeoutExpired:
                continue
            break
    raise AssertionError(f"{url}: the shop did not start")
