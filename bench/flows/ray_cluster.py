"""Stages on Ray nodes of this machine: a node killed half-way, the gain of a second node, the cluster's overhead.

    python -m bench.flows.ray_cluster killed [--stage STAGE] [--items 200] [--url s3://bucket/empty]
    python -m bench.flows.ray_cluster nodes [--stage STAGE] [--items 1000] [--url s3://bucket/empty]
    python -m bench.flows.ray_cluster overhead [--stage STAGE] [--items 1000] [--url s3://bucket/empty]

``killed``: two nodes of one core each on this machine; one is killed when half of the items are done. ``nodes``: one
node of one core, then two. ``overhead``: this machine without Ray on one core, then one node of one core. Tables and
shards must be equal each time; the cluster's start is reported separately. Items are clips (extract), products with a
photograph (export: of 100 kB; candidates: encoded by a ResNet-50 and a BERT with random weights), or images (download)
of four hosts on loopback that take a tenth of a second to answer. With a URL, the nodes share only that object store.
Needs the extra ``ray``. Exits with 1 if results differ.
"""

import argparse
import io
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from ray.cluster_utils import Cluster

from annotate import candidates_stage
from annotate.candidates import CandidateSettings
from bench.extract.scale import different
from bench.extract.small_clips import fill, small_clip
from core.stage import Progress, SilentProgress, StageReport
from crawler import download_stage
from crawler.settings import DownloadSettings
from export import Rights, export_stage
from export.folders import open_folder
from export.settings import ExportSettings
from extract import extract_stage
from extract.settings import ExtractSettings
from flows.engines import on_ray
from storage import Store
from storage.tables import TABLES
from storage.tasks import Runner
from storage.working_copy import store_url_of, working_copy
from tests.annotate.held_out import rows_of
from tests.crawler.media.conftest import MediaServer, serving

_TABLES = ("frames", "audio", "images", "rejects")
_PHOTOGRAPH = 100_000
_HOSTS, _ANSWER_S = 4, 0.1
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Work:
    """A stage to run."""

    fill: Callable[[Store, int], None]
    """Puts a number of items into a new store."""
    run: Callable[[Store, int, Runner | None, Progress], StageReport]
    """Runs the stage with a number of items per task."""
    content: Callable[[Store], object]
    """Returns the content that must be equal."""


class KillHalfWay:
    """A progress sink that calls a function once, when half of the items are done."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._half, self._done, self.acted = 0.0, 0, False

    def start(self, _stage: str, total: int | None) -> None:
        """Store half of the number of items."""
        self._half = (total or 0) / 2

    def advance(self, items: int = 1) -> None:
        """Count the items, and act at half of them."""
        self._done += items
        if not self.acted and self._done >= self._half:
            self.acted = True
            self._act()

    def finish(self) -> None:
        """Ignore the end."""


def main() -> int:
    """Run the chosen measurement."""
    parser = argparse.ArgumentParser(description="Stages on Ray nodes of this machine.")
    parser.add_argument("what", choices=("killed", "nodes", "overhead"))
    parser.add_argument("--stage", choices=("extract", "export", "candidates", "download"), default="extract")
    parser.add_argument("--items", type=int)
    parser.add_argument("--url", help="empty place in an object store; each run has a folder of its own there")
    chosen = parser.parse_args()
    count = chosen.items or (200 if chosen.what == "killed" else 1000)
    with TemporaryDirectory() as folder, _work(chosen.stage, Path(folder)) as work:
        places = _Places(Path(folder), chosen.url, work, count)
        return {"killed": killed, "nodes": nodes, "overhead": overhead}[chosen.what](places, count)


class _Places:
    """Creates the store of each run, filled with the items."""

    def __init__(self, folder: Path, url: str | None, work: Work, count: int) -> None:
        self._folder, self._url, self.work, self._count = folder, url, work, count

    def make(self, name: str, *, local: bool = False) -> Store:
        """Return a new store with the items."""
        folder = self._folder / name if local or self._url is None else working_copy(f"{self._url}/{name}")
        store = Store.create(folder)
        with store.persist_state():
            self.work.fill(store, self._count)
        return store


def killed(places: _Places, count: int) -> int:
    """Kill one of two nodes half-way, and compare with the result of this machine without Ray."""
    work, local, clustered = places.work, places.make("local", local=True), places.make("two")
    work.run(local, count // 20, None, SilentProgress())
    with _cluster(2) as (cluster, second):
        progress = KillHalfWay(lambda: cluster.remove_node(second, allow_graceful=False))
        report = work.run(clustered, count // 20, on_ray, progress)
        alive = second.any_processes_alive()
    equal = work.content(local) == work.content(clustered)
    print(f"{count} items, a node killed half-way: {progress.acted and not alive}; {report}")
    print(f"results {'equal' if equal else 'DIFFER'}")
    return 0 if equal and progress.acted and not alive else 1


def nodes(places: _Places, count: int) -> int:
    """Time one node, and two."""
    one, two = places.make("one"), places.make("two")
    with _cluster(1):
        alone = _timed(places.work, one, count, on_ray)
    with _cluster(2):
        both = _timed(places.work, two, count, on_ray)
    equal = places.work.content(one) == places.work.content(two)
    print(f"{count} items: one node {alone:.1f} s, two nodes {both:.1f} s: {alone / both:.2f} x")
    print(f"results {'equal' if equal else 'DIFFER'}")
    return 0 if equal else 1


def overhead(places: _Places, count: int) -> int:
    """Time one core without Ray, and one node of one core."""
    local, clustered = places.make("local", local=True), places.make("one")
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:1])
    alone = _timed(places.work, local, count, None)
    os.sched_setaffinity(0, cores)
    with _cluster(1):
        far = _timed(places.work, clustered, count, on_ray)
    equal = places.work.content(local) == places.work.content(clustered)
    print(f"{count} items: one core {alone:.1f} s, one node {far:.1f} s: {far / alone - 1:+.1%} (target <= 10 %)")
    print(f"results {'equal' if equal else 'DIFFER'}")
    return 0 if equal else 1


def _timed(work: Work, store: Store, count: int, runner: Runner | None) -> float:
    began = time.perf_counter()
    work.run(store, max(1, count // 10), runner, SilentProgress())
    return time.perf_counter() - began


@contextmanager
def _cluster(count: int) -> Iterator[tuple[Any, Any]]:
    """Connect to a new cluster of nodes with one core each, report its start, and yield it and its last node."""
    began = time.perf_counter()
    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100_000_000}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    last = cluster.head_node
    for _ in range(count - 1):
        last = cluster.add_node(num_cpus=1, object_store_memory=100_000_000)
    cluster.wait_for_nodes()
    import ray  # noqa: PLC0415 - after the cluster

    try:
        ray.init(address=cluster.address, log_to_driver=False)
        print(f"cluster of {count}: started in {time.perf_counter() - began:.1f} s")
        yield cluster, last
    finally:
        ray.shutdown()
        cluster.shutdown()


def _fill_clips(store: Store, count: int) -> None:
    fill(store, different(small_clip("libx264", "mp4", audio_codec="aac", seconds=2, width=320), count))


def _extract(store: Store, a_task: int, runner: Runner | None, progress: Progress) -> StageReport:
    settings = ExtractSettings(partition_items=max(2, a_task))
    return extract_stage.run(store, settings, runner=runner, progress=progress)


def _rows(store: Store) -> object:
    """Return the rows of extraction's tables without observed columns, and the hashes of all objects."""
    snapshot = store.snapshot()
    named = {name: [c.name for c in TABLES[name].columns if not c.observed] for name in _TABLES} | {
        "objects": ["sha256"]
    }
    return {name: snapshot.table(name).select(columns).to_pylist() for name, columns in named.items()}


def _fill_products(store: Store, count: int) -> None:
    """Put products, each with a photograph of random bytes, into one split."""
    random = np.random.default_rng(1)
    rows: dict[str, list[dict[str, object]]] = {"products": [], "media": [], "splits": []}
    with store.stage("fill", settings="bench") as stage:
        with store.objects.writer("media") as writer:
            for number in range(count):
                url, key = f"http://127.0.0.1/{number}", {"product_id": f"bench:{number}"}
                sha256 = writer.put(random.bytes(_PHOTOGRAPH), mime="image/jpeg", url=url)
                known = {
                    "source": "bench",
                    "url": url,
                    "category": [],
                    "masked": 0,
                    "first_seen": _NOW,
                    "last_seen": _NOW,
                }
                rows["products"].append({**key, **known, "native_id": str(number)})
                rows["media"].append(
                    {**key, "kind": "image", "position": 0, "url": url, "state": "ok", "attempts": 1, "sha256": sha256}
                )
                role = {"recipe": "bench", "split": "train", "role": "sample", "label": "0", "label_level": "class"}
                rows["splits"].append({**key, **role, "group_id": f"bench:{number}", "image_position": 0})
        for name, made in rows.items():
            stage.write(name, _table(name, made))
        for name in ("specs", "frames", "audio", "labels", "usage_rights"):
            stage.write(name, _table(name, []))
        stage.commit(StageReport("fill", count, count))


def _table(name: str, rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=TABLES[name].schema)


def _export(store: Store, a_task: int, runner: Runner | None, progress: Progress) -> StageReport:
    settings = ExportSettings(max_shard_bytes=max(1024, a_task * _PHOTOGRAPH))
    rights = {"bench": Rights(share=True, licence="CC0-1.0")}
    return export_stage.run(store, settings, recipe="bench", rights=rights, runner=runner, progress=progress)


def _shards(store: Store) -> object:
    """Return the files of an export, from the object store of a working copy or from the folder."""
    with open_folder(f"{store_url_of(store.root) or store.root}/shards") as folder:
        return {name: folder.read(name) for name in folder.files()}


@contextmanager
def _work(stage: str, folder: Path) -> Iterator[Work]:
    """Yield the work of a stage; the hosts of downloads answer while the context lasts."""
    if stage == "extract":
        yield Work(_fill_clips, _extract, _rows)
    elif stage == "export":
        yield Work(_fill_products, _export, _shards)
    elif stage == "candidates":
        yield Work(_fill_listings, partial(_candidates, *_networks(folder)), partial(_table_of, "candidates"))
    else:
        with ExitStack() as stack:
            hosts = [stack.enter_context(serving()) for _ in range(_HOSTS)]
            for host in hosts:
                host.seconds = _ANSWER_S
            yield Work(partial(_fill_urls, hosts), partial(_download, hosts), partial(_table_of, "media"))


def _networks(folder: Path) -> tuple[str, str]:
    """Write a ResNet-50 and a BERT of four layers, and return their folders."""
    import transformers  # noqa: PLC0415 - the extra train, and seconds to load

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{number}" for number in range(100))]
    transformers.ResNetModel(transformers.ResNetConfig()).save_pretrained(folder / "resnet")
    transformers.BertModel(transformers.BertConfig(num_hidden_layers=4, vocab_size=len(words))).save_pretrained(
        folder / "bert"
    )
    (folder / "bert" / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    (folder / "bert" / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    return str(folder / "resnet"), str(folder / "bert")


def _fill_listings(store: Store, count: int) -> None:
    """Put held-out products, each with a photograph, into one category."""
    ids = [f"bench:{number}" for number in range(count)]
    random = np.random.default_rng(1)
    captions = [" ".join(f"word{word}" for word in random.integers(0, 100, 12)) for _ in ids]
    seen = {"category": [], "first_seen": _NOW, "last_seen": _NOW}
    with store.stage("fill", settings="bench") as stage:
        with store.objects.writer("media") as writer:
            hashes = [writer.put(_photograph(random), mime="image/jpeg", url=one) for one in ids]
        stage.write(
            "products",
            rows_of(
                "products", [{"product_id": one, "caption": c, **seen} for one, c in zip(ids, captions, strict=True)]
            ),
        )
        stage.write("specs", rows_of("specs", []))
        stage.write(
            "images",
            rows_of(
                "images",
                [{"product_id": one, "sha256": sha256, "phash": 0} for one, sha256 in zip(ids, hashes, strict=True)],
            ),
        )
        stage.write(
            "labels",
            rows_of(
                "labels",
                [{"product_id": one, "class_name": "all", "sub_class_id": 1, "sub_class_name": "all"} for one in ids],
            ),
        )
        stage.write(
            "duplicates",
            rows_of(
                "duplicates",
                [{"product_id": one, "group_id": one, "rule": "alone", "kept": True, "size": 1} for one in ids],
            ),
        )
        stage.write("reserve", rows_of("reserve", [{"group_id": one, "held_out": True} for one in ids]))
        stage.commit(StageReport("fill", count, count))


def _photograph(random: np.random.Generator) -> bytes:
    made = io.BytesIO()
    cells = Image.fromarray(random.integers(0, 256, (12, 12, 3), np.uint8))
    cells.resize((300, 300), Image.Resampling.BICUBIC).save(made, "jpeg")
    return made.getvalue()


def _candidates(
    resnet: str, bert: str, store: Store, a_task: int, runner: Runner | None, progress: Progress
) -> StageReport:
    del a_task  # the stage sets the size of its tasks
    import torch  # noqa: PLC0415 - the extra train

    torch.set_num_threads(1)  # as in a task of one core: sums over more threads differ in their last digits
    settings = CandidateSettings(encoder="paper", resnet=resnet, bert=bert, min_category=1, queries=10, best=5)
    return candidates_stage.run(store, settings, runner=runner, progress=progress)


def _fill_urls(hosts: Sequence[MediaServer], store: Store, count: int) -> None:
    """Write pending media, images of all hosts in turn."""
    random = np.random.default_rng(1)
    rows: list[dict[str, object]] = []
    for number in range(count):
        host, path = hosts[number % len(hosts)], f"/{number}"
        host.content[path] = host.content.get(path) or _photograph(random)
        rows.append(
            {
                "product_id": f"bench:{number}",
                "kind": "image",
                "position": 0,
                "url": host.url(path),
                "state": "pending",
                "attempts": 0,
            }
        )
    with store.stage("records", settings="") as stage:
        stage.write("media", _table("media", rows))
        stage.commit(StageReport("records", count, count))


def _download(
    hosts: Sequence[MediaServer], store: Store, a_task: int, runner: Runner | None, progress: Progress
) -> StageReport:
    del a_task  # tasks are chunks of one host's URLs
    local = [host.authority for host in hosts]
    return download_stage.run(store, DownloadSettings(), local_hosts=local, runner=runner, progress=progress)


def _table_of(name: str, store: Store) -> object:
    columns = [c.name for c in TABLES[name].columns if not c.observed]
    return store.snapshot().table(name).select(columns).to_pylist()


if __name__ == "__main__":
    sys.exit(main())
