import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from crawler.crawl.frontier import Frontier, make_frontier, open_frontier
from crawler.crawl.frontier_queue import FrontierQueue, QueueLimits
from crawler.crawl.visits import CrawlTask, Found, Visit
from storage import Store

URL = "https://shop.example/"
LIMITS = QueueLimits(
    max_pages=100, max_products=None, max_bytes=1_000_000, max_seconds=100, max_failures_in_a_row=3, max_depth=5,
    max_listing_pages=3, retries=2, backoff_s=1, max_wait_s=10, batch_pages=10, batch_s=100,
)  # fmt: skip


@dataclass
class Pages:
    """A stand-in for the page writer that records its calls."""

    calls: list[str] = field(default_factory=list)

    def put(self, payload: bytes, *, mime: str, url: str, headers: object, status: int) -> str:
        self.calls.append(f"put {mime} {status} {url}")
        return payload.decode()

    def revisit(self, url: str, sha256: str, status: int = 304) -> None:
        self.calls.append(f"revisit {url} {sha256} {status}")

    def flush(self) -> None:
        self.calls.append("flush")


@pytest.fixture
def frontier(store: Store) -> Iterator[Frontier]:
    make_frontier(store, "s")
    with open_frontier(store, "s") as connection:
        yield Frontier(connection, "s", "2024-05-01")


def queue_of(frontier: Frontier, pages: Pages | None = None, **limits: object) -> FrontierQueue:
    refuse = {URL + "private": ("robots", "Disallow")}.get
    limited = replace(LIMITS, **limits)  # type: ignore[arg-type]
    return FrontierQueue(frontier, pages or Pages(), limited, refuse, lambda _: None, lambda url, *_: "/p" in url)


def done(task: CrawlTask, *found: Found) -> Visit:
    return Visit(task, "done", http_status=200, headers={"content-type": "text/html; charset=x"}, found=found)


def drain(queue: FrontierQueue) -> list[str]:
    taken = []
    while task := queue.next():
        taken.append(task.url.removeprefix(URL))
        queue.finish(done(task), b"page")
    queue.flush()
    return taken


def state(frontier: Frontier, connection: sqlite3.Connection | None = None) -> dict[str, tuple[str, str | None]]:
    rows = (connection or frontier._connection).execute("SELECT url, state, reason FROM source_pages ORDER BY url")
    return {url.removeprefix(URL): (state, reason) for url, state, reason in rows}


def test_pages_are_durable_before_anything_is_said_of_them(frontier: Frontier) -> None:
    pages = Pages()
    queue = queue_of(frontier, pages)
    frontier.add([Found(URL)])
    task = queue.next()
    assert task is not None
    queue.finish(done(task, Found(URL + "a", depth=1)), b"aa")
    assert (frontier.stored(), queue.is_waiting()) == (0, True)
    following = queue.next()
    assert following is not None
    assert following.url == URL + "a"
    assert (pages.calls, frontier.stored()) == ([f"put text/html 200 {URL}", "flush"], 1)


def test_robots_are_asked_for_every_address(frontier: Frontier) -> None:
    frontier.add([Found(URL + "private"), Found(URL + "z")])
    assert drain(queue_of(frontier)) == ["z"]
    assert state(frontier) == {"private": ("skipped", "robots"), "z": ("done", None)}


def test_deep_and_endless_places_are_named_and_not_fetched(frontier: Frontier) -> None:
    queue = queue_of(frontier)
    frontier.add([Found(URL)])
    task = queue.next()
    assert task is not None
    found = [
        Found(URL + "deep", depth=6),
        Found(URL + "next", chain=4),
        *(Found(f"{URL}cal?d={n}", depth=1) for n in range(5)),
    ]
    queue.finish(done(task, *found), b"aa")
    assert drain(queue) == ["cal?d=0", "cal?d=1", "cal?d=2"]
    assert {u: why for u, (_, why) in state(frontier).items() if why} == {
        "deep": "too_deep", "next": "trap", "cal?d=3": "trap", "cal?d=4": "trap",
    }  # fmt: skip


def test_page_budget_holds_back_new_pages_alone(frontier: Frontier) -> None:
    frontier.add(Found(f"{URL}{n}") for n in range(4))
    assert drain(queue_of(frontier, max_pages=2)) == ["0", "1"]
    frontier.reopen()
    assert drain(queue_of(frontier, max_pages=2)) == ["0", "1"]
    assert drain(queue_of(frontier, max_pages=3)) == ["2"]


def test_a_limit_of_products_counts_pages_that_show_one(frontier: Frontier) -> None:
    frontier.add(Found(f"{URL}{name}") for name in ("a", "p1", "p2", "p3"))
    limited = queue_of(frontier, max_products=2)
    assert (drain(limited), limited.stopped) == (
        ["a", "p1", "p2"], ("budget", "limit of 2 products in this run"),
    )  # fmt: skip


def test_the_byte_budget_ends_the_run(frontier: Frontier) -> None:
    frontier.add(Found(f"{URL}{n}") for n in range(3))
    queue = queue_of(frontier, max_bytes=1_000)
    task = queue.next()
    assert task is not None
    queue.count_bytes(1_000)
    queue.finish(done(task), b"page")
    assert (queue.next(), queue.stopped) == (None, ("budget", "1000 bytes in this run, limit 1000"))


def test_pages_wait_for_the_sitemap_that_may_call_them_unchanged(frontier: Frontier) -> None:
    frontier.add([Found(URL + "map.xml", kind="sitemap", rank=0), Found(URL + "p")])
    queue = queue_of(frontier)
    sitemap = queue.next()
    assert sitemap is not None
    assert (sitemap.kind, queue.next()) == ("sitemap", None)
    queue.finish(replace(done(sitemap), kind="sitemap"), b"map")
    assert drain(queue) == ["p"]


def test_tries_are_bounded_and_wait_longer_each_time(frontier: Frontier) -> None:
    frontier.add([Found(URL)])
    queue = queue_of(frontier)
    task = queue.next()
    assert task is not None
    assert queue.retry_in(task, "http_404", None) is None
    first, second, third = (queue.retry_in(task, "http_5xx", None) for _ in range(3))
    assert first is not None
    assert second is not None
    assert (0.5 <= first <= 1 <= second <= 2, third) == (True, None)
    assert queue.is_waiting()
    queue.put_back(task)
    queue.put_back(task)
    again = queue.next()
    assert again == task
    queue.finish(Visit(task, "failed", "http_5xx", http_status=503))
    queue.flush()
    assert frontier._connection.execute("SELECT attempts FROM source_pages").fetchone() == (3,)


def test_a_wait_that_the_server_asks_for_holds_for_all(frontier: Frontier) -> None:
    frontier.add([Found(URL + "a"), Found(URL + "b")])
    queue = queue_of(frontier)
    task = queue.next()
    assert task is not None
    assert queue.retry_in(task, "http_429", 9) == 9
    assert (queue.next(), queue.is_waiting()) == (None, True)


def test_a_server_that_asks_for_long_peace_gets_it(frontier: Frontier) -> None:
    frontier.add([Found(URL + "a"), Found(URL + "b")])
    queue = queue_of(frontier)
    task = queue.next()
    assert task is not None
    assert queue.retry_in(task, "http_5xx", 11) is None
    assert (queue.next(), queue.stopped) == (None, ("source_down", "the server asks to be left alone for 11 s"))


def test_a_source_that_is_down_is_left_alone(frontier: Frontier) -> None:
    frontier.add(Found(f"{URL}{n}") for n in range(5))
    queue = queue_of(frontier)
    for _ in range(3):
        task = queue.next()
        assert task is not None
        queue.finish(Visit(task, "failed", "timeout"))
    assert (queue.next(), queue.is_waiting()) == (None, False)
    assert queue.stopped == ("source_down", "3 pages in a row failed, last: timeout")


def test_an_unchanged_page_is_noted(frontier: Frontier) -> None:
    frontier.add([Found(URL)])
    drain(queue_of(frontier))
    frontier.reopen()
    pages = Pages()
    queue = queue_of(frontier, pages)
    task = queue.next()
    assert task is not None
    queue.finish(Visit(task, "done", http_status=304))
    queue.flush()
    assert pages.calls == [f"revisit {URL} page 304", "flush"]
    assert (frontier.stored(), state(frontier)) == (1, {"": ("done", None)})
