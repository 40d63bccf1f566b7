"""Extraction on a Ray cluster of two nodes: a node killed half-way, and what the cluster costs.

    python -m bench.flows.ray_cluster killed [--clips 200] [--url s3://bucket/empty]
    python -m bench.flows.ray_cluster overhead [--clips 1000] [--url s3://bucket/empty]

``killed``: two nodes of one core each on this machine; one is killed when half of the clips are done; the tables must
equal those of the local pool. ``overhead``: both ways on two cores; the cluster's start is reported separately. With a
URL the nodes share nothing but that object store. Needs the extra ``ray``. Ends with 1 where tables differ.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ray.cluster_utils import Cluster

from bench.extract.scale import different
from bench.extract.small_clips import fill, small_clip, store_clips
from extract.extract_stage import run
from extract.settings import ExtractSettings
from flows.engines import on_ray
from storage import Store
from storage.remote import working_copy
from storage.tables import TABLES
from storage.tasks import Runner

_TABLES = ("frames", "audio", "images", "rejects")


class KillHalfWay:
    """A progress sink that does something once, when half of the items are done."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._half, self._done, self.acted = 0.0, 0, False

    def start(self, _stage: str, total: int | None) -> None:
        """Take note of the number of items."""
        self._half = (total or 0) / 2

    def advance(self, items: int = 1) -> None:
        """Count, and act in the middle."""
        self._done += items
        if not self.acted and self._done >= self._half:
            self.acted = True
            self._act()

    def finish(self) -> None:
        """Ignore the end."""


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description="Extraction on two Ray nodes of this machine.")
    parser.add_argument("what", choices=("killed", "overhead"))
    parser.add_argument("--clips", type=int)
    parser.add_argument("--url")
    chosen = parser.parse_args()
    if chosen.what == "killed":
        return killed(chosen.clips or 200, chosen.url)
    return overhead(chosen.clips or 1000, chosen.url)


def killed(count: int, url: str | None) -> int:
    """Kill one of two nodes half-way, and compare the tables with the local pool's."""
    clip = small_clip("libx264", "mp4", audio_codec="aac", seconds=2, width=320)
    settings = ExtractSettings(partition_items=max(2, count // 20))
    with TemporaryDirectory() as folder:
        local, clustered = _workspaces(Path(folder), url, different(clip, count))
        run(local, settings)
        with_cluster, second = _cluster()
        try:
            progress = KillHalfWay(lambda: _kill(with_cluster, second))
            report = run(clustered, settings, progress=progress, runner=on_ray)
            alive = second.any_processes_alive()
        finally:
            _end(with_cluster)
        equal = _rows(local) == _rows(clustered)
    print(f"{count} clips, a node killed half-way: {progress.acted and not alive}; {report}")
    print(f"tables {'equal' if equal else 'DIFFER'}")
    return 0 if equal and progress.acted and not alive else 1


def overhead(count: int, url: str | None) -> int:
    """Time the local pool and the cluster on the same clips."""
    clip = small_clip("libx264", "mp4", audio_codec="aac", seconds=5, width=640)
    with TemporaryDirectory() as folder:
        local, clustered = _workspaces(Path(folder), url, different(clip, count))
        alone = _timed(local, None)
        began = time.perf_counter()
        cluster, _ = _cluster()
        start = time.perf_counter() - began
        try:
            far = _timed(clustered, on_ray)
        finally:
            _end(cluster)
        equal = _rows(local) == _rows(clustered)
    print(f"{count} clips of 5 s: local pool {alone:.1f} s, Ray {far:.1f} s (its start apart: {start:.1f} s)")
    print(f"overhead {far / alone - 1:+.1%} (target <= 15 %); tables {'equal' if equal else 'DIFFER'}")
    return 0 if equal else 1


def _workspaces(folder: Path, url: str | None, clips: Iterable[bytes]) -> tuple[Store, Store]:
    """Store the clips in a folder, and again in another or at a URL."""
    stored = list(clips)
    there = folder / "ray" if url is None else working_copy(url)
    clustered = Store.create(there)
    with clustered.keeping_state():
        fill(clustered, stored)
    return store_clips(folder / "local", stored), clustered


def _timed(store: Store, runner: Runner | None) -> float:
    began = time.perf_counter()
    run(store, ExtractSettings(), runner=runner)
    return time.perf_counter() - began


def _cluster() -> tuple[Any, Any]:
    """Start a head and a second node, one core each, and connect to them."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    import ray  # noqa: PLC0415 - after the cluster

    ray.init(address=cluster.address, log_to_driver=False)
    return cluster, second


def _kill(cluster: Any, node: Any) -> None:  # noqa: ANN401 - Ray is not typed
    cluster.remove_node(node, allow_graceful=False)


def _end(cluster: Any) -> None:  # noqa: ANN401 - Ray is not typed
    import ray  # noqa: PLC0415 - after the cluster

    ray.shutdown()
    cluster.shutdown()


def _rows(store: Store) -> dict[str, list[dict[str, object]]]:
    """Return the rows of extraction's tables without observed columns, and which objects there are."""
    snapshot = store.snapshot()
    named = {name: [c.name for c in TABLES[name].columns if not c.observed] for name in _TABLES} | {
        "objects": ["sha256"]
    }
    return {name: snapshot.table(name).select(columns).to_pylist() for name, columns in named.items()}


if __name__ == "__main__":
    sys.exit(main())
