"""Helpers of tests that kill the driver of a stage as tasks with S3 (moto): driver, cluster, check of the result."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage import Store
from storage.location import ObjectStore
from storage.orphans import find_orphans
from storage.tables import TABLES
from storage.working_copy import WORKING_COPIES, working_copy
from tests.s3_server import ROOT, make_bucket, serving_s3

__all__ = ["URL", "Driver", "Machines", "RayCluster", "at_s3", "check_end", "ray_cluster"]

URL = "s3://bucket/shop"
Machines = Callable[[str], Path]
RayCluster = tuple[Any, Any]
"""A cluster of ``ray.cluster_utils``, and its second node."""


@pytest.fixture
def at_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    """Yield a function from a machine's name to its working copy."""
    with serving_s3() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        make_bucket(environment, "bucket")

        def folder(machine: str) -> Path:
            monkeypatch.setenv(WORKING_COPIES, str(tmp_path / machine))
            return working_copy(URL)

        yield folder


@pytest.fixture
def ray_cluster(at_s3: Machines, monkeypatch: pytest.MonkeyPatch) -> Iterator[RayCluster]:
    """Yield a Ray cluster of two nodes with one core each, to which drivers connect, and its second node."""
    del at_s3  # its environment comes first
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is an extra")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    small = {"num_cpus": 1, "object_store_memory": 100_000_000}
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    try:
        second = cluster.add_node(**small)
        cluster.wait_for_nodes()
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        yield cluster, second
    finally:
        cluster.shutdown()


@dataclass(frozen=True)
class Driver:
    """A process of ``tests.slow.driver``."""

    work: str
    log: Path
    engine: str = "here"
    words: Sequence[str] = ()

    def run(self) -> None:
        """Run to the end."""
        assert self._start(self.engine).wait() == 0

    def kill(self, kind: str, count: int = 1) -> None:
        """Run until the log of all runs has ``count`` names of a kind, and kill the process while it is alive."""
        engine = f"{self.engine}-to-commit" if kind == "commit" else self.engine
        with self._start(engine) as process:
            while process.poll() is None and len({*self.noted(kind)}) < count:
                time.sleep(0.01)
            alive = process.poll() is None
            process.kill()
        assert alive, f"it ended before {kind} {count}"

    def noted(self, kind: str) -> list[str]:
        """Return the logged names of a kind, in order."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line.partition(" ")[2] for line in lines if line.startswith(f"{kind} ")]

    def _start(self, engine: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.slow.driver", self.work, URL, str(self.log), engine, *self.words]
        return subprocess.Popen(command, cwd=ROOT)


def check_end(store: Store, reference: Store, tables: Iterable[str]) -> None:
    """Check that tables and objects equal those of one machine, and that nothing is left over."""
    for table in tables:
        columns = [column.name for column in TABLES[table].columns if not column.observed]
        got, expected = (one.snapshot().table(table, columns) for one in (store, reference))
        assert got == expected, table
    assert [*store.verify_objects()] == []
    with store.lock():
        assert find_orphans(store.root, store.objects, [store.snapshot()]) == ()
    there = ObjectStore(URL).list()
    assert [name for name in there if name.startswith("spool/")] == []
    known = store.objects.index.segments()
    assert {name for name in there if name.startswith("objects/")} == {f"objects/{name}" for name in known}
