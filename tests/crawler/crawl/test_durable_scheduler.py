"""The scheduler for any Scrapy project, with a simulated engine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.utils.test import get_crawler

from crawler.crawl.durable_scheduler import DurableScheduler

HOME = "https://shop.example"


class Engine:
    """A simulated crawl with one scheduler; it ends as if killed unless :meth:`close` is called."""

    def __init__(self, folder: Path, batch: int = 1) -> None:
        crawler = cast("Any", get_crawler(Spider, {"DURABLE_DIR": str(folder), "DURABLE_BATCH": batch}))
        self.slot = SimpleNamespace(inprogress=set())
        crawler.engine = SimpleNamespace(_slot=self.slot)
        self.spider = Spider("shop")
        self.scheduler = DurableScheduler.from_crawler(crawler)
        self.scheduler.open(self.spider)

    def add(
        self, *paths: str, priority: int = 0, dont_filter: bool = False, meta: dict[str, Any] | None = None
    ) -> list[bool]:
        made = (Request(HOME + path, priority=priority, dont_filter=dont_filter, meta=meta) for path in paths)
        return [self.scheduler.enqueue_request(request) for request in made]

    def take(self) -> Request:
        request = self.scheduler.next_request()
        assert request is not None
        self.slot.inprogress.add(request)
        return request

    def end(self, request: Request) -> None:
        self.slot.inprogress.discard(request)
        self.scheduler.has_pending_requests()
        self.scheduler._settle()

    def rest(self) -> list[str]:
        taken = []
        while (request := self.scheduler.next_request()) is not None:
            self.slot.inprogress.add(request)
            taken.append(request.url.removeprefix(HOME))
        return taken


@contextmanager
def running(folder: Path, batch: int = 1) -> Iterator[Engine]:
    """Run a crawl, then kill it: closing the connection discards uncommitted changes."""
    engine = Engine(folder, batch)
    try:
        yield engine
    finally:
        engine.scheduler._state.close()


def test_requests_come_by_priority_then_in_order_and_each_once(tmp_path: Path) -> None:
    with running(tmp_path) as crawl:
        assert crawl.add("/a", "/b", "/a") == [True, True, False]
        assert crawl.add("/first", priority=5) == [True]
        assert crawl.add("/a", dont_filter=True) == [True]
        assert len(crawl.scheduler) == 4
        assert crawl.rest() == ["/first", "/a", "/b", "/a"]
        assert not crawl.scheduler.has_pending_requests()


def test_a_kill_repeats_what_had_not_ended_and_nothing_else(tmp_path: Path) -> None:
    with running(tmp_path) as crawl:
        crawl.add("/a", "/b", "/c")
        done, _under_way = crawl.take(), crawl.take()
        crawl.add("/found")
        crawl.end(done)
    with running(tmp_path) as crawl:
        assert crawl.add("/a", "/found") == [False, False]
        assert crawl.rest() == ["/b", "/c", "/found"]


def test_what_a_request_found_is_never_lost_with_it(tmp_path: Path) -> None:
    with running(tmp_path, batch=100) as crawl:
        crawl.add("/a")
        crawl.scheduler._commit()
        page = crawl.take()
        crawl.add("/found")
        crawl.end(page)
    with running(tmp_path) as crawl:
        assert crawl.rest() == ["/a"]  # neither its end nor the URL that it found was committed
        assert crawl.add("/found") == [True]


def test_a_clean_end_repeats_nothing(tmp_path: Path) -> None:
    crawl = Engine(tmp_path, batch=100)
    crawl.add("/a", "/b")
    crawl.slot.inprogress.discard(crawl.take())
    crawl.scheduler.close("shutdown")
    with running(tmp_path) as again:
        assert again.rest() == ["/b"]


def test_start_requests_are_sent_again_only_by_a_crawl_of_its_own(tmp_path: Path) -> None:
    start = {"is_start_request": True}
    with running(tmp_path) as crawl:
        assert crawl.add("/", "/", dont_filter=True, meta=start) == [True, True]
        crawl.end(crawl.take())
        crawl.end(crawl.take())
    with running(tmp_path) as crawl:
        assert crawl.add("/", dont_filter=True, meta=start) == [False]
        assert crawl.add("/", dont_filter=True, meta={**start, "retry_times": 1}) == [True]


def _named(crawl: Engine, callback: Callable[..., Any]) -> Request:
    return Request(HOME + "/a", callback=callback, cb_kwargs={"x": [1]}, meta={"depth": 2}, headers={"A": "b"})


def test_a_request_comes_back_as_it_was(tmp_path: Path) -> None:
    with running(tmp_path) as crawl:
        crawl.scheduler.enqueue_request(_named(crawl, crawl.spider.parse))
        request = crawl.take()
        assert (request.callback, request.cb_kwargs, request.meta) == (crawl.spider.parse, {"x": [1]}, {"depth": 2})
        assert request.headers["A"] == b"b"


def test_a_request_that_cannot_be_stored_is_sent_but_lost_by_a_kill(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tmp_path) as crawl:
        for _ in range(2):
            assert crawl.scheduler.enqueue_request(_named(crawl, lambda response: response))
        assert len(crawl.scheduler) == 2
        assert crawl.take().url == HOME + "/a"
    assert [record.message for record in caplog.records if "cannot be stored" in record.message][1:] == []
    with running(tmp_path) as crawl:
        assert crawl.rest() == []


def test_a_folder_belongs_to_one_crawl(tmp_path: Path) -> None:
    with running(tmp_path), pytest.raises(RuntimeError, match="Give each crawl a DURABLE_DIR of its own"):
        Engine(tmp_path)


def test_the_folder_must_be_named() -> None:
    crawler: Crawler = get_crawler(Spider)
    with pytest.raises(ValueError, match="DURABLE_DIR must name"):
        DurableScheduler.from_crawler(crawler)
