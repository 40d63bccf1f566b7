"""Random requests cause no traceback, no status 500 and no hang, and the server keeps running."""

import http.client
import json
import os
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.webapp.conftest import Filled
from tests.webapp.request_fuzzer import fuzz
from tests.webapp.served import PROGRAM, Served
from workspace import Workspace

COUNT = int(os.environ.get("M5DATA_FUZZ", "300"))
SEED = int(os.environ.get("M5DATA_SEED", "20261123"))


@pytest.mark.timeout(1200)
def test_random_requests_are_refused_one_by_one(filled: Filled, tmp_path: Path) -> None:
    root = filled.store.root
    filled.store.objects.close()
    settings = Workspace.create(tmp_path / "other").root / "m5data.toml"
    text = settings.read_text(encoding="utf-8") + "\n[serve]\nrequests_per_s = 100000\nburst = 100000\n"
    (root / "m5data.toml").write_text(text, encoding="utf-8")
    with Served(root) as server:
        words: list[str | Path] = [
            PROGRAM,
            "annotate",
            "links",
            "--reviewer",
            "rita",
            "-w",
            root,
            "--base",
            server.url,
            "--json",
        ]
        link = json.loads(subprocess.run(words, capture_output=True, check=True, timeout=480).stdout)["rita"]
        host, port = server.url.removeprefix("http://").split(":")
        result = fuzz((host, int(port)), _sign_in(server.url, link), COUNT, SEED)
        with urllib.request.urlopen(f"{server.url}/static/icon.svg", timeout=60) as answer:
            assert answer.status == 200
        said = server.end()
    print(f"seed {SEED}: {dict(result.statuses)}")
    assert not [line for line in said.splitlines() if "Traceback" in line or "Error" in line], said[-3000:]
    assert result.bad == ()


def _sign_in(url: str, link: str) -> list[str]:
    """Open a personal link; return the headers that pages of the application then send."""
    client = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    client.request("POST", link.removeprefix(url), headers={"origin": url})
    answer = client.getresponse()
    answer.read()
    cookie = str(answer.getheader("set-cookie")).partition(";")[0]
    client.request("GET", "/products", headers={"cookie": cookie})
    page = client.getresponse().read().decode()
    client.close()
    csrf = page.split('<meta name="csrf" content="')[1].split('"')[0]
    return [f"cookie: {cookie}", f"origin: {url}", f"x-csrf-token: {csrf}"]
