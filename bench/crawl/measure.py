"""Pages per second, memory and traffic of ``crawl`` on generated shops of 1,000, 10,000 and 100,000 pages.

python -m bench.crawl.measure [--counts 1000 10000 100000]

Targets: pages per second and memory that do not depend on the size, and less than 2 % of the bytes for a second crawl
with nothing changed. The shop is on this machine, with no delay between requests and eight requests at a time. The
stage runs in its own process, whose start is included; memory is the peak of its largest process.
"""

import argparse
import asyncio
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from core.run_options import RunContext, RunOptions
from flows.run_stage import run_stage
from workspace import Workspace

PER_SITEMAP = 10_000
_NOTHING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
_PROSE = "".join(
    f"<p>Paragraph {n} of the description, as long as such paragraphs are in shops.</p>\n" for n in range(130)
)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests to a shop, and bytes that it sent, since it opened."""

    requests: "Synchronized[int]"
    sent: "Synchronized[int]"
    """Bytes, headers included."""


@contextmanager
def selling(products: int) -> Iterator[tuple[str, Traffic]]:
    """Serve a shop from a separate process; yield its URL, without a trailing slash, and its traffic."""
    context = multiprocessing.get_context("spawn")
    traffic = Traffic(context.Value("q", 0), context.Value("q", 0))
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(products, traffic.requests, traffic.sent, there), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}", traffic
    finally:
        process.terminate()
        process.join()


def _serve(
    products: int, requests: "Synchronized[int]", sent: "Synchronized[int]", ready: "Connection[Any, Any]"
) -> None:
    asyncio.run(_run(products, Traffic(requests, sent), ready))


async def _run(products: int, traffic: Traffic, ready: "Connection[Any, Any]") -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Shop(products, traffic), "127.0.0.1", 0)
    ready.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


class _Shop(asyncio.Protocol):
    def __init__(self, products: int, traffic: Traffic) -> None:
        self._products = products
        self._traffic = traffic
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        *requests, self._received = (self._received + data).split(b"\r\n\r\n")
        for request in requests:
            answer = _answer(request.decode("latin-1"), self._products)
            self._traffic.requests.value += 1
            self._traffic.sent.value += len(answer)
            self._transport.write(answer)


def _answer(request: str, products: int) -> bytes:
    path = request.split(" ", 2)[1]
    host = request.lower().split("\r\nhost: ", 1)[1].split("\r\n", 1)[0]
    tag = f'"{path}"'
    body = _body(path, f"http://{host}", products)
    if body is None:
        return _NOTHING
    if f"\r\nif-none-match: {tag}" in request.lower():
        return f"HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n\r\n".encode()
    mime = "application/xml" if path.endswith(".xml") else "text/html; charset=utf-8"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\nETag: {tag}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _body(path: str, base: str, products: int) -> bytes | None:
    if path == "/sitemap.xml":
        files = range((products + PER_SITEMAP - 1) // PER_SITEMAP)
        listed = "".join(f"<sitemap><loc>{base}/map/{number}.xml</loc></sitemap>" for number in files)
        return f"<sitemapindex>{listed}</sitemapindex>".encode()
    if path.startswith("/map/"):
        first = int(path[5:-4]) * PER_SITEMAP
        numbers = range(first, min(first + PER_SITEMAP, products))
        return f"<urlset>{''.join(f'<url><loc>{base}/p/{n}</loc></url>' for n in numbers)}</urlset>".encode()
    return _page(int(path[3:])).encode() if path.startswith("/p/") else None


def _page(number: int) -> str:
    return f"""<!doctype html><html><head><title>Product {number}</title><link rel="canonical" href="/p/{number}">
<script type="application/ld+json">{{"@context": "https://schema.org", "@type": "Product", "name": "Product {number}",
"sku": "{number}", "image": ["/img/{number}.jpg"], "offers": {{"@type": "Offer", "price": "{number % 900}.90",
"priceCurrency": "EUR"}}}}</script></head><body><h1>Product {number}</h1>
<a href="/p/{number + 1}">next product</a><table><tr><th>Colour</th><td>blue</td></tr>
<tr><th>Weight</th><td>{number % 90} g</td></tr><tr><th>Material</th><td>steel</td></tr></table>
{_PROSE}</body></html>"""


SETTINGS = """
[sources.shop]
start = ["{base}/sitemap.xml"]
crawl_authorised = true
local = true
delay_s = 0.0

[crawl]
concurrency_per_host = 8
"""


@dataclass(frozen=True, slots=True)
class Crawl:
    """Cost of one crawl."""

    seconds: float
    peak_mb: float
    requests: int
    sent: int
    """Bytes that the shop sent."""


def crawl(folder: Path, traffic: Traffic) -> Crawl:
    """Crawl a workspace's shop, with every page due."""
    requests, sent = traffic.requests.value, traffic.sent.value
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "bench.crawl.measure", "--run", str(folder)]) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"crawl of {folder}: ended with {process.returncode}")
    seconds = time.perf_counter() - began
    return Crawl(seconds, usage.ru_maxrss / 1024, traffic.requests.value - requests, traffic.sent.value - sent)


def measure(count: int) -> None:
    """Crawl a shop twice and print the costs."""
    with selling(count) as (base, traffic), TemporaryDirectory() as scratch:
        folder = Path(scratch) / "workspace"
        Workspace.create(folder, SETTINGS.format(base=base))
        first, second = crawl(folder, traffic), crawl(folder, traffic)
    for name, one in (("first", first), ("second", second)):
        print(
            f"{count:6} pages, {name} crawl: {one.seconds:.1f} s, {count / one.seconds:.0f} pages/s, "
            f"at most {one.peak_mb:.0f} MB, {one.requests} requests, {one.sent / 1e6:.2f} MB sent",
            flush=True,
        )
    print(
        f"{count:6} pages: the second crawl took {second.sent / first.sent:.2%} of the bytes (target < 2 %)", flush=True
    )


def main() -> None:
    """Measure shops of all sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.run:
        run_stage(Workspace.open(chosen.run), "crawl", RunContext(options=RunOptions(refresh=True)))
        return
    for count in chosen.counts:
        measure(count)


if __name__ == "__main__":
    main()
