"""Downloads as tasks with S3 (moto): by a driver that is killed, and on a Ray cluster of two nodes, one of them killed.

The tables are those of one machine, no host gets more requests at a time than from one, and nothing is left over.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from core.stage import SilentProgress, StageReport
from crawler.download_stage import run
from crawler.media import chunks
from flows.engines import on_ray
from storage import Store
from storage.location import ObjectStore
from storage.tables import TABLES
from storage.working_copy import WORKING_COPIES, working_copy
from tests.crawler.media.conftest import MediaServer, make_image, serving
from tests.crawler.media.test_download_stage import FAST
from tests.s3_server import ROOT, make_bucket, serving_s3
from tests.slow.crawler.downloader import URLS
from tests.storage.machines import make, open_at

_URL = "s3://bucket/shop"
_HOSTS, _FILES = 4, 100
_KILLS, _SEED = 5, 3
_CHUNKS = _HOSTS * _FILES // URLS


@pytest.fixture
def hosts() -> Iterator[list[MediaServer]]:
    """Four hosts with a hundred images each, of which one is missing and one redirects to another host."""
    with ExitStack() as stack:
        servers = [stack.enter_context(serving()) for _ in range(_HOSTS)]
        for number, server in enumerate(servers):
            server.content = {f"/{n:03}": make_image("PNG", (10 + n, 10 + number)) for n in range(_FILES)}
            server.content["/007"] = 404
            server.content["/050"] = servers[number - 1].url("/051")
        yield servers


@pytest.fixture
def at_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Yield a function from a machine's name to its working copy."""
    with serving_s3() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        make_bucket(environment, "bucket")

        def folder(machine: str) -> Path:
            monkeypatch.setenv(WORKING_COPIES, str(tmp_path / machine))
            return working_copy(_URL)

        yield folder


@pytest.fixture
def reference(tmp_path: Path, hosts: list[MediaServer]) -> Store:
    """Workspace after a download by one machine."""
    alone = Store.create(tmp_path / "alone", buckets=2)
    _want(alone, hosts)
    run(alone, FAST, local_hosts=_local(hosts))
    for host in hosts:
        host.requests.clear()
        host.most = 0
    return alone


@pytest.mark.timeout(900)
def test_five_kills_of_the_driver_repeat_at_most_a_chunk_each(
    tmp_path: Path, hosts: list[MediaServer], at_s3: Callable[[str], Path], reference: Store
) -> None:
    store = make(at_s3("driver"))
    _want(store, hosts)
    store.objects.close()
    log = tmp_path / "begun"
    log.touch()
    command = [sys.executable, "-m", "tests.slow.crawler.downloader", _URL, str(log), *_local(hosts)]
    moments = sorted(np.random.default_rng(_SEED).choice(np.arange(1, _CHUNKS), _KILLS, replace=False).tolist())
    for moment in moments:
        with subprocess.Popen(command, cwd=ROOT) as process:
            while process.poll() is None and len(log.read_text().splitlines()) < moment:
                time.sleep(0.01)
            process.kill()
    subprocess.run(command, cwd=ROOT, check=True)
    requests = sum(host.requests.total() for host in hosts)
    alone = _HOSTS * _FILES + _HOSTS * 2  # a redirect is followed after its chunk
    print(f"killed after {moments} chunks; {requests} requests, {alone} without a kill; {_most(hosts)} at a time")
    assert requests <= alone + _KILLS * URLS + _KILLS * _HOSTS
    _check(open_at(at_s3("reader")), reference)


@pytest.mark.timeout(900)
def test_a_node_killed_half_way(
    hosts: list[MediaServer], at_s3: Callable[[str], Path], reference: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is an extra")
    import ray  # noqa: PLC0415 - an extra

    monkeypatch.setattr(chunks, "_URLS", URLS)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for host in hosts:
        host.seconds = 0.02
    small = {"num_cpus": 1, "object_store_memory": 100_000_000}
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    try:
        second = cluster.add_node(**small)
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False)
        store = make(at_s3("driver"))
        _want(store, hosts)
        half = _AtHalf(lambda: cluster.remove_node(second, allow_graceful=False))
        run(store, FAST, local_hosts=_local(hosts), runner=on_ray, progress=half)
        assert not second.any_processes_alive()
        store.objects.close()
    finally:
        ray.shutdown()
        cluster.shutdown()
    requests = sum(host.requests.total() for host in hosts)
    print(f"a node killed after {half.killed} URLs; {requests} requests; {_most(hosts)} at a time of {FAST.per_host}")
    assert max(_most(hosts)) <= FAST.per_host
    _check(open_at(at_s3("reader")), reference)


class _AtHalf(SilentProgress):
    """A progress sink that calls a function once, when half of the items are done."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._done = self.killed = 0

    def advance(self, items: int = 1) -> None:
        self._done += items
        if not self.killed and self._done >= _HOSTS * _FILES / 2:
            self.killed = self._done
            self._act()


def _want(store: Store, hosts: list[MediaServer]) -> None:
    urls = [host.url(path) for host in hosts for path in host.content]
    media = [
        {"product_id": f"s:{n}", "kind": "image", "position": 0, "url": url, "state": "pending", "attempts": 0}
        for n, url in enumerate(urls)
    ]
    with store.stage("records", settings="") as stage:
        stage.write("media", pa.Table.from_pylist(media, schema=TABLES["media"].schema))
        stage.commit(StageReport("records", len(media), len(media)))


def _local(hosts: list[MediaServer]) -> list[str]:
    return [host.authority for host in hosts]


def _most(hosts: list[MediaServer]) -> list[int]:
    return [host.most for host in hosts]


def _check(store: Store, reference: Store) -> None:
    """Check that tables and objects equal those of one machine, and that nothing is left over."""
    for table in ("media", "rejects", "objects"):
        columns = [column.name for column in TABLES[table].columns if not column.observed]
        got, expected = (one.snapshot().table(table, columns) for one in (store, reference))
        assert got == expected, table
    assert [*store.verify_objects()] == []
    with store.lock():
        pass
    there = ObjectStore(_URL).list()
    assert [name for name in there if name.startswith("spool/")] == []
    known = store.objects.index.segments()
    assert {name for name in there if name.startswith("objects/")} == {f"objects/{name}" for name in known}
