"""A crawl of real pages, served locally under their own hosts, to check that nothing is lost or made up.

python -m bench.crawl.served_pages --shops DIR --pages DIR [--count 300] [--workspace DIR]

``--pages`` holds ``truth.json`` (page id -> url) and ``html/<id>.html.gz``: product pages. ``--shops`` holds
``<shop>.jsonl.gz`` with one page per line: ``url``, ``html``, and ``truth``, null if the page shows no product;
``--count`` of them are used, evenly spaced. A server on loopback answers for all hosts by name; eight hosts form a
source, which starts from a sitemap of each. In the pages, URLs of their own host get the server's port. In the crawling
processes, every host name resolves to loopback; otherwise the crawl is unchanged.

Targets: every product page is a record, no other page is one, and rejects account for the rest.
"""

import argparse
import gzip
import json
import re
import socket
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from core.errors import DataError
from core.processes.children import Child, run_children
from core.urls import normalise
from crawler import crawl_stage, records_stage
from crawler.crawl.frontier import each_frontier
from crawler.crawl.job import CrawlJob, enter
from crawler.crawl.scope import without_order
from workspace import Workspace

_SILENT_S = 1800.0
_HOSTS_A_SOURCE = 8
"""With one process per host, starting it would take longer than its pages."""
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ServedPage:
    """A real page to serve."""

    shop: str
    url: str
    """Original URL without a fragment."""
    body: bytes
    product: bool


def read_pages(folder: Path) -> Iterator[ServedPage]:
    """Yield the product pages of a folder with ``truth.json``, each host as one shop."""
    for name, truth in json.loads((folder / "truth.json").read_text()).items():
        url = truth["url"].partition("#")[0]
        body = gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes())
        yield ServedPage(urlsplit(url).netloc, url, body, product=True)


def read_shops(folder: Path, count: int) -> list[ServedPage]:
    """Return ``count`` pages of a folder of shops, evenly spaced among all whose URL has a host and a path."""
    found: dict[str, ServedPage] = {}
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for row in map(json.loads, file):
                url = str(row["url"]).partition("#")[0]
                parts = urlsplit(url)
                if "." in parts.netloc and parts.path:
                    page = ServedPage(parts.netloc, url, row["html"].encode("utf-8", "replace"), bool(row["truth"]))
                    found.setdefault(url, page)
    pages = list(found.values())
    return [pages[place * len(pages) // count] for place in range(min(count, len(pages)))]


class _Site:
    """Responses of the server, by host and path."""

    def __init__(self, pages: Sequence[ServedPage]) -> None:
        self.answers: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.urls: dict[str, ServedPage] = {}
        """URL as served -> page."""
        self.hosts: dict[str, list[str]] = defaultdict(list)
        self._pages = pages

    def fill(self, port: int) -> None:
        """Put the server's port into the pages' own URLs, and list these in one sitemap per host."""
        for page in self._pages:
            host = urlsplit(page.url).netloc
            own = re.compile(rb"https?:(\\?/\\?/)" + re.escape(host).encode() + rb"(?![\w.:-])")
            url = f"http://{host}:{port}{page.url.split(host, 1)[1]}"
            spelt = normalise(url)
            if spelt is None:
                raise ValueError(f"{page.url}: this is not a URL")
            parts = urlsplit(without_order(spelt))
            charset = _CHARSET.search(page.body[:4096])
            mime = "text/html" if charset else "text/html; charset=utf-8"
            body = own.sub(rf"http:\g<1>{host}:{port}".encode(), page.body)
            self.answers[host, f"{parts.path}?{parts.query}" if parts.query else parts.path] = (mime, body)
            self.urls[parts.geturl()] = page
            self.hosts[host].append(parts.geturl())
        for host, urls in self.hosts.items():
            listed = "".join(f"<url><loc>{escape(url)}</loc></url>" for url in urls)
            self.answers[host, "/sitemap-of-bench.xml"] = ("application/xml", f"<urlset>{listed}</urlset>".encode())


def _handler(site: _Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            host = (self.headers.get("Host") or "").partition(":")[0]
            mime, body = site.answers.get((host, self.path), ("text/plain", b""))
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", mime)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:  # noqa: ANN401  the base class's own signature
            """Log nothing."""

    return Handler


def _enter(job: CrawlJob, progress: Connection) -> None:
    """Run a job in this child process, where every host name resolves to loopback."""
    ask = socket.getaddrinfo

    def lead(_: object, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  the standard library's own signature
        return ask("127.0.0.1", *args, **kwargs)

    with patch("socket.getaddrinfo", lead):
        enter(job, progress)


def _crawl_sources(jobs: Sequence[CrawlJob], at_once: int, progress: Any) -> list[str]:  # noqa: ANN401
    starts = [partial(Child, _enter, job, name=job.name) for job in jobs]
    return run_children(starts, progress.advance, at_once=at_once, silent_s=_SILENT_S)


def _settings(hosts: Mapping[str, Sequence[str]], port: int) -> str:
    """Return settings that crawl the served pages and none of the thousands that they link to."""
    names = sorted(hosts)
    batches = [names[place : place + _HOSTS_A_SOURCE] for place in range(0, len(names), _HOSTS_A_SOURCE)]
    sections = (
        f"[sources.s{number}]\nstart = {[f'http://{host}:{port}/sitemap-of-bench.xml' for host in batch]}\n"
        f"follow = {json.dumps([f'^{re.escape(url)}$' for host in batch for url in hosts[host]])}\n"
        "crawl_authorised = true\nshare_authorised = false\nlocal = true\ndelay_s = 0.0\n"
        for number, batch in enumerate(batches)
    )
    return "[crawl]\nsources_at_once = 2\n\n" + "\n".join(sections)


def measure(pages: Sequence[ServedPage], folder: Path) -> None:
    """Serve and crawl the pages, and print their outcomes."""
    site = _Site(pages)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    port = server.server_address[1]
    site.fill(port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    workspace = Workspace.create(folder, _settings(site.hosts, port))
    with patch("crawler.crawl_stage.crawl_sources", _crawl_sources):
        for stage in (crawl_stage, records_stage):
            try:
                stage.run(workspace.store, workspace.settings.crawl)
            except DataError as error:  # nothing of a source was kept
                print(f"said: {' '.join(str(error).split())[:300]}")
    server.shutdown()
    _report(workspace, site)


def _report(workspace: Workspace, site: _Site) -> None:
    snapshot = workspace.store.snapshot()
    rejects = {row["item"]: row for row in snapshot.sql("SELECT item, reason, detail FROM rejects").to_pylist()}
    query = "SELECT url FROM source_pages WHERE outcome = 'product'"
    read = (row for _, connection in each_frontier(workspace.store) for row in connection.execute(query))
    records = {url for (url,) in read if url not in rejects}
    lost = {url: rejects.get(url) for url, page in site.urls.items() if page.product and url not in records}
    made_up = sorted(url for url, page in site.urls.items() if not page.product and url in records)
    products = sum(page.product for page in site.urls.values())
    print(f"{len(site.urls)} pages of {len(site.hosts)} hosts: {products} of products")
    print(f"product pages that are records: {products - len(lost)} of {products}; rejects say of the others:")
    for reason, count in Counter(row["reason"] if row else "nothing" for row in lost.values()).most_common():
        print(f"  {reason} {count}")
    for url, row in sorted(lost.items()):
        print(f"    {url}: {row['reason'] if row else 'nothing'} {row['detail'] if row else ''}")
    print(f"other pages that are records: {len(made_up)} of {len(site.urls) - products}")
    for url in made_up:
        print(f"    {url}")
    silent = [url for url in site.urls if url not in records and url not in rejects]
    print(f"pages that are neither a record nor a reject: {len(silent)}")


def main() -> None:
    """Read the folders, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shops", type=Path, required=True)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--workspace", type=Path, help="kept; default: a temporary one")
    chosen = parser.parse_args()
    pages = [*read_pages(chosen.pages), *read_shops(chosen.shops, chosen.count)]
    with TemporaryDirectory() as scratch:
        measure(pages, chosen.workspace or Path(scratch) / "workspace")


if __name__ == "__main__":
    main()
