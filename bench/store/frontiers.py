"""Bytes that a crawl of a small source puts to S3 (moto's server), next to a source with many pages.

    python -m bench.store.frontiers FOLDER PAGES

Both are synthetic: a shop of 20 pages on this machine, and a frontier written directly, without a shop.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from core.stage import utc_now
from crawler import crawl_stage
from crawler.crawl.frontier import Frontier, make_frontier, open_frontier
from crawler.crawl.visits import CrawlTask, Found, Visit
from crawler.settings import CrawlSettings
from storage import Store
from storage.location import ObjectStore
from storage.working_copy import WORKING_COPIES, working_copy
from tests.s3_server import make_bucket, serving_s3

_PAGES = 20
_URL = "s3://bucket/shop"


def main() -> None:
    """Crawl the small source twice, and print the bytes that each crawl puts to the store."""
    shop = ThreadingHTTPServer(("127.0.0.1", 0), _Shop)
    Thread(target=shop.serve_forever, daemon=True).start()
    with serving_s3() as environment:
        os.environ.update(environment)
        os.environ[WORKING_COPIES] = str(Path(sys.argv[1]).absolute())
        make_bucket(environment, "bucket")
        store = Store.create(working_copy(_URL))
        with store.persist_state():
            _fill(store, int(sys.argv[2]))
        stored = _counting()
        settings = _settings(shop.server_port)
        for run in ("first", "second"):
            stored.clear()
            crawl_stage.run(store, settings, only=["small"], force=True)
            print(f"{run} crawl of {_PAGES} pages: {stored.total():,} bytes put")
            for name, size in stored.most_common():
                print(f"  {size:>12,} {name}")
    shop.shutdown()


class _Shop(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/robots.txt" or "sitemap" in self.path:
            self.send_error(404)
            return
        links = "".join(f'<a href="/p/{n}">{n}</a>' for n in range(_PAGES - 1))
        body = f"<html><body><h1>{self.path}</h1>{links}</body></html>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""


def _settings(port: int) -> CrawlSettings:
    own = {"crawl_authorised": True, "local": True, "start": [f"http://127.0.0.1:{port}/"]}
    large = {"crawl_authorised": True, "start": ["https://large.example/"]}
    return CrawlSettings.model_validate({"sources": {"small": own, "large": large}, "delay_s": 0})


def _fill(store: Store, pages: int) -> None:
    now = utc_now().isoformat()
    make_frontier(store, "large")
    with open_frontier(store, "large") as connection:
        frontier = Frontier(connection, "large", now)
        urls = [f"https://large.example/products/category-{n % 300}/product-name-{n}.html" for n in range(pages)]
        frontier.add(Found(url) for url in urls)
        headers = {"content-type": "text/html; charset=utf-8", "etag": '"0123456789abcdef"'}
        frontier.record(
            Visit(CrawlTask(url, "page", 3, 1, 0, 0, listed=False), "done", page_sha256=f"{n:064x}", headers=headers)
            for n, url in enumerate(urls)
        )


def _counting() -> Counter[str]:
    """Return a counter of what is put to the store from now on: path -> bytes."""
    stored: Counter[str] = Counter()

    def counted(put: Callable[..., str | None]) -> Callable[..., str | None]:
        def count(place: ObjectStore, path: str, content: Path | bytes, *known: str) -> str | None:
            stored[path] += content.stat().st_size if isinstance(content, Path) else len(content)
            return put(place, path, content, *known)

        return count

    for name in ("create", "replace"):
        setattr(ObjectStore, name, counted(getattr(ObjectStore, name)))
    return stored


if __name__ == "__main__":
    main()
