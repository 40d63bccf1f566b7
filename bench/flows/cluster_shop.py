"""A generated shop from pages to shards, on this machine and on a Ray cluster that shares only an object store.

    python -m bench.flows.cluster_shop FOLDER [--products 20000]

The products are divided among four synthetic shops on loopback; each product has four images, every tenth also a video
of its own, every other one a fifth image. ``m5data run`` runs in a folder, then ``m5data run --engine ray`` on moto's
S3 with two Ray nodes of one core each. The workspace in S3 is then opened as on another machine: tables must be equal
in content and order, and shards byte for byte. Needs the extra ``ray``. Images are kept in FOLDER for later runs.
"""

import argparse
import asyncio
import io
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image
from ray.cluster_utils import Cluster

from bench.extract.small_clips import small_clip
from storage.working_copy import WORKING_COPIES, working_copy
from tests.pipeline.workspace_content import leftovers, shard_bytes, table_rows
from tests.s3_server import make_bucket, serving_s3
from workspace import Workspace
from workspace.copying import copy_workspace

_SHOPS = 4
_IMAGES = 5
_CELLS, _PIXELS = 12, 160
_BUCKET = "bucket"
_SETTINGS = """
[store]
buckets = 8

[crawl]
concurrency_per_host = 8

[splits]
recipe = "default"
reserve_share = 0.3
"""
_SOURCE = """
[sources.shop{number}]
start = ["{base}/sitemap.xml"]
crawl_authorised = true
share_authorised = true
licence = "CC0-1.0"
local = true
delay_s = 0.0
"""


@contextmanager
def _selling(products: int, kept: Path) -> Iterator[list[str]]:
    """Serve the shops from one process, each on its own port; yield their URLs."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(products, kept, there), daemon=True)
    process.start()
    try:
        yield [f"http://127.0.0.1:{port}" for port in here.recv()]
    finally:
        process.terminate()
        process.join()


def _serve(products: int, kept: Path, ready: "Connection[Any, Any]") -> None:
    asyncio.run(_run_server(products, kept, ready))


async def _run_server(products: int, kept: Path, ready: "Connection[Any, Any]") -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(partial(_Shop, n, products, kept), "127.0.0.1", 0) for n in range(_SHOPS)]
    ready.send([server.sockets[0].getsockname()[1] for server in servers])
    await asyncio.gather(*(server.serve_forever() for server in servers))


class _Shop(asyncio.Protocol):
    def __init__(self, shop: int, products: int, kept: Path) -> None:
        self._numbers = range(shop, products, _SHOPS)
        self._kept = kept
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        *requests, self._received = (self._received + data).split(b"\r\n\r\n")
        for request in requests:
            self._transport.write(self._answer(request.decode("latin-1")))

    def _answer(self, request: str) -> bytes:
        path = request.split(" ", 2)[1]
        host = request.lower().split("\r\nhost: ", 1)[1].split("\r\n", 1)[0]
        mime, body = self._body(path, f"http://{host}")
        if not body:
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        tag = f'ETag: "{path}"\r\n' if path.startswith("/p/") else ""
        return f"HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\n{tag}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def _body(self, path: str, base: str) -> tuple[str, bytes]:
        if path == "/sitemap.xml":
            urls = "".join(f"<url><loc>{base}/p/{number}</loc></url>" for number in self._numbers)
            return "application/xml", f"<urlset>{urls}</urlset>".encode()
        if path.startswith("/p/"):
            return "text/html; charset=utf-8", _page(int(path[3:]), base).encode()
        if path.startswith("/i/"):
            return "image/jpeg", self._image(path[3:])
        return ("video/mp4", _video(int(path[3:-4]))) if path.startswith("/v/") else ("", b"")

    def _image(self, name: str) -> bytes:
        file = self._kept / name
        if not file.exists():
            number, place = (int(part) for part in name.removesuffix(".jpg").split("-"))
            file.write_bytes(_draw(number, place))
        return file.read_bytes()


def _draw(number: int, place: int) -> bytes:
    cells = np.random.default_rng([number, place]).integers(0, 256, (_CELLS, _CELLS, 3), np.uint8)
    made = io.BytesIO()
    Image.fromarray(cells).resize((_PIXELS, _PIXELS), Image.Resampling.BICUBIC).save(made, "jpeg", quality=60)
    return made.getvalue()


def _video(number: int) -> bytes:
    """Return a clip unique to a product: a ``free`` box at its end holds the number."""
    return small_clip("libx264", "mp4", audio_codec="aac") + (16).to_bytes(4) + b"free" + number.to_bytes(8)


_NOUNS = ("chair", "lamp", "kettle", "jacket", "bicycle", "notebook", "pillow", "racket", "blender", "rug")
_WORDS = ("oak", "steel", "folding", "linen", "compact", "quiet", "striped", "outdoor", "classic", "light")


def _page(number: int, base: str) -> str:
    random = np.random.default_rng(number)
    noun = _NOUNS[number // _SHOPS % len(_NOUNS)]
    words = " ".join(random.permutation(_WORDS)[:4])
    title = f"{words.capitalize()} {noun} {number:05d}"
    video = number % 10 == 0
    images = [f"{base}/i/{number}-{place}.jpg" for place in range(_IMAGES - video)]
    shown = "".join(f'<img src="{url}" alt="{title}">' for url in images)
    clip = f'<video src="{base}/v/{number}.mp4"></video>' if video else ""
    rows = {"Colour": random.choice(["blue", "red", "green"]), "Weight": f"{number % 90} kg", "Material": "steel"}
    table = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows.items())
    listed = ", ".join(f'"{url}"' for url in images)
    return f"""<!doctype html><html lang="en"><head><title>{title}</title>
<script type="application/ld+json">{{"@context": "https://schema.org", "@type": "Product", "name": "{title}",
"sku": "{number}", "category": "Home > {noun}", "image": [{listed}], "offers": {{"@type": "Offer",
"price": "{number % 900}.90", "priceCurrency": "EUR", "availability": "https://schema.org/InStock"}}}}</script></head>
<body><h1>{title}</h1>{shown}{clip}<table>{table}</table></body></html>"""


@contextmanager
def _nodes(count: int) -> Iterator[str]:
    """Yield the address of a cluster of nodes with one core each."""
    node = {"num_cpus": 1, "object_store_memory": 100_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        for _ in range(count - 1):
            cluster.add_node(**node)
        cluster.wait_for_nodes()
        yield str(cluster.address)
    finally:
        cluster.shutdown()


def _run(workspace: str, *options: str, environment: Mapping[str, str]) -> float:
    began = time.perf_counter()
    program = str(Path(sys.executable).parent / "m5data")
    subprocess.run([program, "run", "-w", workspace, *options], env={**os.environ, **environment}, check=True)
    return time.perf_counter() - began


def main() -> int:
    """Run both ways and compare the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--products", type=int, default=20_000)
    chosen = parser.parse_args()
    folder: Path = chosen.folder
    for name in ("here", "copies"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        shops = stack.enter_context(_selling(chosen.products, folder / "images"))
        settings = _SETTINGS + "".join(_SOURCE.format(number=n, base=base) for n, base in enumerate(shops))
        here = Workspace.create(folder / "here", settings)
        at_s3 = {**stack.enter_context(serving_s3()), WORKING_COPIES: str(folder / "copies")}
        os.environ.update(at_s3)
        make_bucket(at_s3, _BUCKET)
        url = f"s3://{_BUCKET}/shop"
        copy_workspace(here, working_copy(url))
        alone = _run(str(folder / "here"), environment={})
        print(f"{chosen.products} products: this machine {alone:.0f} s", flush=True)
        far = _run(url, "--engine", "ray", environment={"RAY_ADDRESS": stack.enter_context(_nodes(2))})
        print(f"{chosen.products} products: two nodes and S3 {far:.0f} s", flush=True)
        return _compare(folder / "here", url)


def _compare(here: Path, url: str) -> int:
    """Open the workspace in S3 as another machine would, and print the differences."""
    shutil.rmtree(working_copy(url))
    opened = Workspace.open(working_copy(url))
    expected, got = table_rows(here), table_rows(opened.root)
    for name, rows in expected.items():
        print(f"{name:16}{len(rows):9} rows, {'equal' if got[name] == rows else 'DIFFERENT'}")
    shards = shard_bytes(here)
    same = shards == shard_bytes(opened.root)
    lost = [*opened.store.verify_objects(), *leftovers(opened.root)]
    print(f"{len(shards)} shards {'equal' if same else 'DIFFERENT'}; objects damaged, files left over: {lost}")
    return 0 if same and not lost and got == expected else 1


if __name__ == "__main__":
    sys.exit(main())
