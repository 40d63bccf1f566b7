"""The ``Referer`` that requests for media carry, and that the queue keeps no page once a URL is done."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

from crawler.download_stage import run
from crawler.takedown import forget_urls
from storage import Store
from tests.crawler.media.test_download_stage import FAST, download
from tests.crawler.media.test_queue import queue_of

Make = Callable[..., bytes]
Server = Any
Want = Callable[..., None]


def test_requests_carry_the_page_as_a_browser_sends_it(
    store: Store, server: Server, other_server: Server, want: Want, image: Make
) -> None:
    server.content = {"/a": image("PNG"), "/b": other_server.url("/moved")}
    other_server.content = {"/moved": image("GIF"), "/c": image("BMP")}
    page, second = server.url("/lamp?visitor=7"), server.url("/vase")
    rows = [("s:2", "image", 0, server.url("/a")), ("s:1", "image", 0, server.url("/a"))]
    rows += [("s:1", "image", 1, server.url("/b")), ("s:1", "image", 2, other_server.url("/c"))]
    want(*rows, ("s:3", "image", 0, server.url("/gone")), pages={"s:1": page, "s:2": second})
    hosts = {server.authority, other_server.authority}
    run(store, FAST, local_hosts=hosts)
    assert server.referers == {"/a": server.url("/lamp"), "/b": server.url("/lamp"), "/gone": None}
    assert other_server.referers == {"/moved": server.url("/"), "/c": server.url("/")}
    assert {row[-1] for row in queue_of(store)} == {""}


def test_conditional_requests_carry_the_page_too(store: Store, server: Server, want: Want, image: Make) -> None:
    server.content = {"/a": image("PNG")}
    want(("s:1", "image", 0, server.url("/a")), pages={"s:1": server.url("/lamp")})
    download(store, server)
    server.referers.clear()
    download(store, server, refresh=True)
    assert server.referers == {"/a": server.url("/lamp")}


def test_no_page_is_sent_if_the_setting_says_so(store: Store, server: Server, want: Want, image: Make) -> None:
    server.content = {"/a": image("PNG")}
    want(("s:1", "image", 0, server.url("/a")), pages={"s:1": server.url("/lamp")})
    download(store, server, FAST.model_copy(update={"referer": "none"}))
    assert server.referers == {"/a": None}


def test_take_down_removes_the_page_from_open_urls(store: Store, server: Server, want: Want, image: Make) -> None:
    server.content = {"/a": image("PNG")}
    want(("s:1", "image", 0, server.url("/a")), pages={"s:1": server.url("/lamp")})
    download(store, server)
    with closing(store.downloads.connect()) as queue:
        queue.execute("UPDATE media_urls SET state = 'pending', page = ?", (server.url("/lamp"),))
        queue.commit()
    forget_urls(store, [server.url("/lamp")])
    assert [row[-1] for row in queue_of(store)] == [""]
