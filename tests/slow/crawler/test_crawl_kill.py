"""A crawl that is killed again and again ends like an undisturbed one."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import crawler
from crawler import crawl_stage
from crawler.crawl.frontier import open_frontier
from crawler.settings import CrawlSettings
from storage import Store
from tests.crawler.crawl.conftest import NOW, Clock, Shop, listing_page, product_page, settings_for

SEED = 20240501
KILLS = 3
BATCH = 5
AT_ONCE = 4

_RUN = """
import sys
from datetime import datetime
from pathlib import Path
from crawler import crawl_stage
from crawler.settings import CrawlSettings
from storage import Store
if __name__ == "__main__":
    settings = CrawlSettings.model_validate_json(sys.argv[2])
    crawl_stage.run(Store.open(Path(sys.argv[1])), settings, clock=lambda: datetime.fromisoformat(sys.argv[3]))
"""


def synthetic_shop() -> dict[str, str]:
    pages = {f"/p/{n}": product_page(str(n)) for n in range(60)}
    for page in range(1, 7):
        items = [f"/p/{n}" for n in range((page - 1) * 10, page * 10)] + [f"/gone/{page}"]
        pages["/" if page == 1 else f"/?page={page}"] = listing_page(
            items, following=f"/?page={page + 1}" if page < 6 else None
        )
    return pages


def run_until(shop: Shop, requests: int | None, store: Store, settings: CrawlSettings) -> None:
    """Run the stage in a separate process, killed after a number of requests to the shop; None: run to its end."""
    script = Path(store.root.parent / "run_crawl.py")
    script.write_text(_RUN)
    environment = {**os.environ, "PYTHONPATH": str(Path(crawler.__file__).parents[1])}
    arguments = [sys.executable, str(script), str(store.root), settings.model_dump_json(), NOW.isoformat()]
    with subprocess.Popen(arguments, env=environment) as process:
        if requests is not None:
            shop.at_request[len(shop.asked) + requests] = lambda: os.kill(process.pid, signal.SIGKILL)
        code = process.wait(60)
    assert code == (0 if requests is None else -signal.SIGKILL)


def everything(store: Store, shop: Shop) -> object:
    with open_frontier(store, "shop") as connection:
        rows = connection.execute(
            "SELECT source, url, kind, rank, depth, listed, state, reason, detail, http_status, etag, headers, "
            "page_sha256, redirect_to, canonical, fetched_at FROM source_pages ORDER BY source, url"
        ).fetchall()
    objects = store.snapshot().sql("SELECT sha256, kind, mime, payload_length FROM objects ORDER BY sha256").to_pylist()
    bodies = [store.objects.read(o["sha256"]) for o in objects]
    return rows, objects, bodies, store.snapshot().table("rejects").to_pylist()


def test_kills_at_seeded_moments_repeat_only_work_in_flight(
    store: Store, shop: Shop, clock: Clock, tmp_path: Path
) -> None:
    shop.pages = dict(synthetic_shop())
    settings = settings_for(shop, batch_pages=BATCH, concurrency_per_host=AT_ONCE)
    unbroken = Store.create(tmp_path / "unbroken", buckets=2)
    crawl_stage.run(unbroken, settings, clock=clock)
    total = len(shop.asked)
    assert shop.busiest <= AT_ONCE
    shop.asked.clear()

    moments = random.Random(SEED)
    for _ in range(KILLS):
        run_until(shop, moments.randrange(1, total // KILLS), store, settings)
    run_until(shop, None, store, settings)

    assert everything(store, shop) == everything(unbroken, shop)
    times = Counter(path for path in shop.count().elements() if path in shop.pages)
    assert set(times) == set(shop.pages)
    repeated = times.total() - len(times)
    assert repeated <= KILLS * (BATCH + AT_ONCE)
    assert max(times.values()) <= 1 + KILLS


def test_a_killed_crawl_leaves_no_process_behind_that_could_write(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = dict(synthetic_shop())
    settings = settings_for(shop, batch_pages=1)
    run_until(shop, 20, store, settings)
    with store.lock():
        before = rows(store)
        asked = len(shop.asked)
        crawl_stage.run(store, settings.model_copy(update={"sources": {}}), clock=clock)
        assert (rows(store), len(shop.asked)) == (before, asked)


def rows(store: Store) -> list[tuple[str, str]]:
    with open_frontier(store, "shop") as connection:
        found: list[tuple[str, str]] = connection.execute("SELECT url, state FROM source_pages").fetchall()
        assert isinstance(connection, sqlite3.Connection)
        return found
