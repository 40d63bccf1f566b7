"""``m5data serve`` and ``m5data annotate links`` as programs."""

import json
import signal
import socket
import subprocess
import threading
import urllib.request
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.webapp.served import PROGRAM, Served
from workspace import Workspace


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False, timeout=480)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Workspace.create(tmp_path / "shop").root


def test_links_lead_to_the_server(root: Path) -> None:
    with Served(root) as server:
        for words in ((), ("--reviewer",)):
            done = run("annotate", "links", "kim", *words, "-w", root, "--base", server.url, "--json")
            with urllib.request.urlopen(json.loads(done.stdout)["kim"], timeout=60) as answer:
                assert (answer.status, b"kim" in answer.read()) == (200, True)


def test_it_listens_on_this_machine_alone_and_ends_when_told(root: Path) -> None:
    process = subprocess.Popen([PROGRAM, "serve", "-w", root, "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.readline()
    assert said.startswith("serving http://127.0.0.1:")
    assert process.stdout.readline().startswith("sign in: http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert (process.returncode, rest) == (130, "")


def test_a_public_host_needs_a_secret(root: Path) -> None:
    done = run("serve", "-w", root, "--host", "0.0.0.0", "--port", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert "serve.secret must be set" in done.stderr


def test_a_head_without_end_is_refused(root: Path) -> None:
    with Served(root) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as client:
            client.sendall(b"GET / HTTP/1.1\r\nx-long: ")
            try:
                for _ in range(64):
                    client.sendall(b"x" * 65536)
                said = client.recv(12)
            except ConnectionError:  # closed before everything was sent
                said = b""
        assert said in {b"", b"HTTP/1.1 400"}


def test_a_port_that_is_taken_is_told(root: Path) -> None:
    with Served(root) as server:
        done = run("serve", "-w", root, "--port", server.url.rpartition(":")[2])
    assert done.returncode == 2
    assert "cannot listen at 127.0.0.1" in done.stderr


def test_server_with_running_queries_ends_when_told_to(root: Path) -> None:
    with Served(root) as served, httpx.Client(base_url=served.url, timeout=60) as client:
        client.post(httpx.URL(served.owner_link).path, headers={"origin": served.url})
        query = {"query": "select levenshtein(repeat('a', 300000), repeat('b', 300000))"}
        threads = [threading.Thread(target=_ask, args=(client, query)) for _ in range(3)]
        for thread in threads:
            thread.start()
        assert client.get("/sql", params={"query": "select 1"}).status_code == 200
        said = served.end()
        for thread in threads:
            thread.join()
    assert "Traceback" not in said


def _ask(client: httpx.Client, query: dict[str, str]) -> None:
    with suppress(httpx.HTTPError):
        client.get("/sql", params=query)
