import asyncio

import pytest
from aiohttp import web

from core.errors import DataError
from crawler.crawl_stage import run as run_crawl
from crawler.records_stage import run as run_records
from crawler.settings import CrawlSettings
from crawler.survey.survey import Survey, look_at
from crawler.survey.visitor import MOST_REQUESTS, Visitor, is_local
from storage import Store
from tests.crawler.crawl.conftest import Clock, Shop, listing_page, product_page, settings_for

POLITE = CrawlSettings(delay_s=0, contact="mail@lab.example")
NUMBERS = range(30)


def look(shop: Shop, path: str = "/") -> Survey:
    async def looking() -> Survey:
        async with Visitor(shop.url, POLITE, local=True) as visitor:
            return await look_at(shop.url + path, POLITE, visitor)

    return asyncio.run(looking())


def sitemap(*urls: str) -> bytes:
    return f"<urlset>{''.join(f'<url><loc>{url}</loc></url>' for url in urls)}</urlset>".encode()


def fill(shop: Shop) -> None:
    """Fill a shop in two languages, with a sitemap for each, categories, reviews and a login."""

    async def to_english(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/en/")

    files = [f"{shop.url}/map-products-{tag}.xml" for tag in ("en", "de")]
    index = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in files)
    shop.pages = {"/": to_english, "/sitemap.xml": f"<sitemapindex>{index}</sitemapindex>".encode()}
    shop.pages["/robots.txt"] = b"User-agent: *\nDisallow: /basket/\nContent-Signal: ai-train=no\nCrawl-delay: 0"
    for tag in ("en", "de"):
        items = [f"/{tag}/goods/kettle-{n}_{n}/" for n in NUMBERS]
        rooms = [f"/{tag}/goods/rooms/{room}_{n}/" for n, room in enumerate(("hall", "attic"))]
        shop.pages[f"/map-products-{tag}.xml"] = sitemap(*(shop.url + url for url in items))
        shop.pages[f"/{tag}/"] = listing_page([*rooms, *items[:5], f"/{tag}/login", "/basket/"])
        shop.pages |= {room: listing_page(items[n::2]) for n, room in enumerate(rooms)}
        for number, url in enumerate(items):
            reviews = f'<a href="{url}reviews/add/">review</a>'
            page = product_page(f"kettle{number}", links=reviews).replace("<html>", f'<html lang="{tag}">')
            shop.pages[url] = page
            shop.pages[f"{url}reviews/add/"] = page.replace("kettle", "review of kettle")


def test_a_look_proposes_patterns_language_and_records_within_its_requests(shop: Shop) -> None:
    fill(shop)
    survey = look(shop)
    assert survey.start == shop.url + "/en/"
    assert survey.product_urls == (r"//[^/]+/en/goods/[^/?]*_\d+/$",)
    assert survey.follow == (r"//[^/]+/en/(\?page=\d+)?$", r"//[^/]+/en/goods/rooms/[^?]*(\?page=\d+)?$")
    assert (survey.languages, survey.products, survey.listings) == (("en", "de"), 30, 2)
    assert survey.opt_outs == ("robots.txt: content-signal ai-train=no", "robots.txt: Disallow: /basket/")
    assert len(survey.records) == 10
    assert survey.requests == len(shop.asked) <= MOST_REQUESTS
    assert shop.count()["/basket/"] == 0


def test_a_crawl_with_the_proposal_finds_every_product_once(shop: Shop, store: Store, clock: Clock) -> None:
    fill(shop)
    survey = look(shop)
    shop.asked.clear()
    source: dict[str, object] = {
        "start": [survey.start], "product_urls": survey.product_urls, "follow": survey.follow,
        "languages": survey.languages[:1],
    }  # fmt: skip
    settings = settings_for(shop, source=source)
    run_crawl(store, settings, clock=clock)
    report = run_records(store, settings, clock=clock)
    assert (report.kept, report.read) == (30, 30 + 3)
    assert set(report.dropped) <= {"listing", "other"}
    asked = [path for path in shop.count() if path.startswith(("/en/", "/de/"))]
    assert len(asked) == 30 + 2 + 1


def test_a_shop_whose_urls_look_alike_has_no_pattern(shop: Shop) -> None:
    names = ("kettle", "pan", "lid", "about", "terms", "jobs")
    shop.pages = {"/": listing_page([f"/{name}" for name in names])}
    shop.pages |= {f"/{name}": product_page(name) for name in names[:3]}
    shop.pages |= {f"/{name}": f'<html><h1>{name}</h1><a href="/">home</a></html>' for name in names[3:]}
    survey = look(shop)
    assert (survey.product_urls, survey.follow, survey.products) == ((), (), None)
    assert {record.caption for record in survey.records} == {"kettle", "pan", "lid"}
    assert any("no URLs of their own" in note for note in survey.notes)


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ({"/robots.txt": b"User-agent: *\nDisallow: /"}, "robots.txt: Disallow; this crawler may not look at it"),
        ({}, "HTTP status 404. Name a page that the shop serves"),
    ],
)
def test_a_shop_that_shows_nothing_is_quoted(shop: Shop, pages: dict[str, str | bytes], message: str) -> None:
    shop.pages = {**pages}
    with pytest.raises(DataError, match=message):
        look(shop)


def test_loopback_is_local_and_a_public_address_is_not() -> None:
    assert (is_local("http://127.0.0.1:8000/"), is_local("http://93.184.216.34/")) == (True, False)
