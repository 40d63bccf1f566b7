import gzip
from datetime import UTC, datetime

import pytest

from crawler.crawl.visits import CrawlTask, Found, Visit
from crawler.page_scrub import scrub_page
from crawler.tombstoned_pages import PageRedactor
from storage import Store
from takedown.register import Mark, open_register

HOME = "https://shop.example/a/list"
GONE = "https://shop.example/p/7"


def is_gone(url: str) -> bool:
    return url == GONE


def task(url: str = HOME) -> CrawlTask:
    return CrawlTask(url, "page", 3, 1, 0, 0, listed=False)


@pytest.fixture
def redact_page(store: Store) -> PageRedactor:
    register = open_register(store)
    register.add(store.state, [Mark("url", GONE)], datetime(2026, 1, 1, tzinfo=UTC))
    return PageRedactor(open_register(store))


@pytest.mark.parametrize(
    ("page", "clean"),
    [
        ('<a class="x" href="/p/7">One red teapot</a><a href="/p/77">more</a>', '<a></a><a href="/p/77">more</a>'),
        ("<a href=../p/7><img alt='One red teapot'></a><b>One red teapot</b>", "<a></a><b></b>"),
        ('<a href="/p/7?from=list">more</a> <i>more</i>', "<a></a> <i>more</i>"),
        ('<meta content="https://shop.example/p/7">', '<meta content="">'),
        ('{"item": "https:\\/\\/shop.example\\/p\\/7", "other": "/p/8"}', '{"item": "", "other": "/p/8"}'),
        ('<img srcset="/p/7 1x, /p/8 2x">', '<img srcset=" 1x, /p/8 2x">'),
        ("<loc>https://shop.example/p/7</loc>", "<loc></loc>"),
        ("<p>nothing of it</p>", "<p>nothing of it</p>"),
    ],
)
def test_links_and_what_they_say_go_and_all_else_stays(page: str, clean: str) -> None:
    assert scrub_page(page.encode(), HOME, is_gone).decode() == clean


def test_a_packed_sitemap_is_cleaned_inside() -> None:
    packed = gzip.compress(b"<loc>https://shop.example/p/7</loc><loc>https://shop.example/p/8</loc>")
    assert gzip.decompress(scrub_page(packed, HOME, is_gone)) == b"<loc></loc><loc>https://shop.example/p/8</loc>"
    untouched = gzip.compress(b"<loc>https://shop.example/p/8</loc>")
    assert scrub_page(untouched, HOME, is_gone) == untouched


def test_what_does_not_unpack_is_emptied() -> None:
    assert scrub_page(b"\x1f\x8bbroken", HOME, is_gone) == b""


def test_a_page_in_another_encoding_is_cleaned() -> None:
    page = '<a href="/p/7">一把精美的红色茶壶</a><b>一把精美的红色茶壶</b>'.encode("gb18030")
    assert scrub_page(page, HOME, is_gone) == b"<a></a><b></b>"


def test_links_are_not_followed_and_not_kept(redact_page: PageRedactor) -> None:
    visit = Visit(task(), "done", found=(Found(GONE), Found("https://shop.example/p/8")))
    kept, body = redact_page(visit, b'<a href="/p/7">x</a>')
    assert (kept.found, body) == ((Found("https://shop.example/p/8"),), b"<a></a>")


@pytest.mark.parametrize("way", ["redirect_to", "canonical"])
def test_an_address_that_leads_there_is_absent(redact_page: PageRedactor, way: str) -> None:
    visit = Visit(task(), "done", detail=f"to {GONE}", found=(Found(GONE),), **{way: GONE})  # type: ignore[arg-type]
    assert redact_page(visit, b"the page") == (Visit(task(), "absent", forget=True), None)


def test_an_empty_register_changes_nothing(store: Store) -> None:
    visit = Visit(task(), "done", found=(Found(GONE),))
    assert PageRedactor(open_register(store))(visit, b"/p/7") == (visit, b"/p/7")
