import asyncio
import gzip

import pytest
from aiohttp import web

from core.errors import DataError
from core.stage import StageReport
from crawler.crawl_stage import run as run_crawl
from crawler.records_stage import run as run_records
from crawler.settings import CrawlSettings
from crawler.survey.findings import Survey
from crawler.survey.survey import look_at
from crawler.survey.visitor import MAX_REQUESTS, Visitor, is_local
from storage import Store
from tests.crawler.crawl.conftest import Answer, Clock, Shop, listing_page, product_page, settings_for

POLITE = CrawlSettings(delay_s=0, contact="mail@lab.example")
NUMBERS = range(30)
WORDS = ("red", "blue", "green", "oak", "tall", "wide", "old", "new", "big", "small")


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


def test_survey_proposes_pattern_language_and_records(shop: Shop) -> None:
    fill(shop)
    survey = look(shop)
    assert survey.start == shop.url + "/en/"
    assert survey.product_urls == (r"//[^/]+/(?:[^?#]*/)?goods/[^/?#]+/?(?:[?#]|$)",)
    assert (survey.languages, survey.other_languages, survey.products) == (("en",), ("de",), 30)
    assert survey.opt_outs == ("robots.txt: content-signal ai-train=no", "robots.txt: Disallow: /basket/")
    assert len(survey.records) == 10
    assert survey.requests == len(shop.asked) <= MAX_REQUESTS
    assert shop.count()["/basket/"] == 0


def test_crawl_with_proposal_finds_every_product_once(shop: Shop, store: Store, clock: Clock) -> None:
    fill(shop)
    report = collect(shop, store, clock, look(shop))
    assert report.kept == 30
    assert set(report.dropped) <= {"listing", "other"}
    asked = [path for path in shop.count() if path.startswith(("/en/", "/de/"))]
    assert len(asked) == 30 + 3  # products, the start page, two listings


def collect(shop: Shop, store: Store, clock: Clock, survey: Survey) -> StageReport:
    """Crawl a shop with the proposed settings and return the report of its records."""
    shop.asked.clear()
    source: dict[str, object] = {
        "start": [survey.start], "product_urls": survey.product_urls, "languages": survey.languages,
    }  # fmt: skip
    settings = settings_for(shop, source=source)
    run_crawl(store, settings, clock=clock)
    return run_records(store, settings, clock=clock)


@pytest.mark.parametrize("mapped", [True, False])
def test_products_of_folders_at_many_depths_all_come(shop: Shop, store: Store, clock: Clock, *, mapped: bool) -> None:
    shelves = ["/cups", "/cups/glass", "/cups/glass/red", "/pots/iron", "/pots/iron/small/round"]
    items = {f"{shelf}/{name}-{n}": shelf for n, shelf in enumerate(shelves) for name in ("ada", "ben", "cleo")}
    shop.pages = {"/": listing_page([f"{shelf}/" for shelf in shelves])}
    shop.pages |= {f"{s}/": listing_page([one for one, shelf in items.items() if shelf == s]) for s in shelves}
    shop.pages |= {one: product_page(one.strip("/").replace("/", "-")) for one in items}
    if mapped:
        shop.pages["/sitemap.xml"] = sitemap(*(shop.url + one for one in items))
    assert collect(shop, store, clock, look(shop)).kept == 15


@pytest.mark.parametrize("further", [(), ("/about", "/terms", "/jobs", "/help")])
def test_products_below_each_category_all_come(
    shop: Shop, store: Store, clock: Clock, further: tuple[str, ...]
) -> None:
    rooms = {f"/{room}": [f"/{room}/{word}-one" for word in WORDS] for room in ("beds", "lamps", "shelves")}
    shop.pages = {"/": listing_page([*rooms, *further])}
    shop.pages |= {room: listing_page(items) for room, items in rooms.items()}
    shop.pages |= {path: listing_page([]) for path in further}
    shop.pages |= {path: product_page(path[1:].replace("/", " ")) for items in rooms.values() for path in items}
    assert collect(shop, store, clock, look(shop)).kept == len(rooms) * len(WORDS)


def test_products_of_two_families_both_come(shop: Shop, store: Store, clock: Clock) -> None:
    vinyl, tapes = [f"/vinyl/{n}" for n in "abcdefgh"], [f"/tapes/{n}" for n in "klmn"]
    shop.pages = {"/": listing_page(["/all/", "/about", "/terms"]), "/all/": listing_page([*vinyl, *tapes])}
    shop.pages |= {one: product_page(one[1:].replace("/", "-")) for one in (*vinyl, *tapes)}
    shop.pages |= {one: f"<html><h1>{one}</h1><p>Words.</p></html>" for one in ("/about", "/terms")}
    assert collect(shop, store, clock, look(shop)).kept == 12


def test_what_a_pattern_leaves_out_is_counted(shop: Shop) -> None:
    items, words = [f"/goods/{n}" for n in "abcdefgh"], [f"/words/{n}" for n in "klm"]
    shop.pages = {"/": listing_page([]), "/sitemap.xml": sitemap(*(shop.url + one for one in (*items, *words)))}
    shop.pages |= {one: product_page(one[1:].replace("/", "-")) for one in items}
    shop.pages |= {one: f"<html><h1>{one}</h1><p>Words.</p></html>" for one in words}
    survey = look(shop)
    assert survey.product_urls == ("//[^/]+/(?:[^?#]*/)?goods/[^/?#]",)
    assert (survey.products, survey.pages, survey.left_out, survey.left_out_read) == (8, 12, 4, 4)


def test_shop_whose_urls_look_alike_has_no_pattern(shop: Shop) -> None:
    names = ("kettle", "pan", "lid", "about", "terms", "jobs")
    shop.pages = {"/": listing_page([f"/{name}" for name in names])}
    shop.pages |= {f"/{name}": product_page(name) for name in names[:3]}
    shop.pages |= {f"/{name}": f'<html><h1>{name}</h1><a href="/">home</a></html>' for name in names[3:]}
    survey = look(shop)
    assert (survey.product_urls, survey.products, survey.left_out) == ((), None, 0)
    assert {record.caption for record in survey.records} == {"kettle", "pan", "lid"}
    assert any("the reader looks at every page" in note for note in survey.notes)


def test_link_in_another_language_proposes_none(shop: Shop, store: Store, clock: Clock) -> None:
    items = [f"/tovar/{n}" for n in "abcdef"]
    shop.pages = {"/": listing_page([*items, "/pl/start"]), "/pl/start": listing_page([])}
    shop.pages |= {one: product_page(one[1:].replace("/", "-")) for one in items}
    survey = look(shop)
    assert (survey.languages, survey.other_languages) == ((), ("pl",))
    assert collect(shop, store, clock, survey).kept == 6


def test_theme_that_declares_one_language_and_pages_another_loses_none(shop: Shop, store: Store, clock: Clock) -> None:
    items = [f"/tovar/{n}" for n in "abcdef"]
    shop.pages = {"/": listing_page([*items, "/pl/start"]).replace("<html>", '<html lang="en">')}
    shop.pages |= {one: product_page(one[1:].replace("/", "-")).replace("<html>", '<html lang="ru">') for one in items}
    assert collect(shop, store, clock, look(shop)).kept == 6


def test_shop_whose_products_are_not_found_at_once_is_not_narrowed(shop: Shop) -> None:
    shop.pages = {"/": listing_page([f"/p/{n}" for n in range(60)])}
    survey = look(shop)
    assert (survey.records, survey.product_urls, survey.languages) == ((), (), ())
    assert survey.unread == 60 - (MAX_REQUESTS - 5)  # robots.txt and two like it, the start page, the sitemap


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


def answering(*headers: tuple[str, str], status: int = 200, body: bytes = b"") -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers=dict(headers), body=body)

    return answer


def test_robots_txt_behind_redirects_is_obeyed(shop: Shop) -> None:
    shop.pages = {"/": listing_page([]), "/robots.txt": answering(("Location", "/a"), status=301)}
    shop.pages |= {"/a": answering(("Location", "/rules"), status=302), "/rules": b"User-agent: *\nDisallow: /"}
    with pytest.raises(DataError, match=r"robots\.txt: Disallow"):
        look(shop)
    assert shop.count()["/"] == 0


def test_longer_crawl_delay_than_the_crawl_honours_is_named(shop: Shop) -> None:
    shop.pages = {"/": listing_page([]), "/robots.txt": b"User-agent: *\nCrawl-delay: 1e9"}
    with pytest.raises(DataError, match=r"asks for 1e\+09 s between requests, crawl\.max_delay_s is 120"):
        look(shop)


@pytest.mark.parametrize(("delay_s", "requests"), [(0.0, 20), (10.0, 20), (60.0, 5), (120.0, 3)])
def test_survey_makes_as_many_requests_as_its_time_allows(delay_s: float, requests: int) -> None:
    async def looking() -> int:
        async with Visitor("http://127.0.0.1:9", POLITE, local=True) as visitor:
            visitor.slow_down(delay_s)
            return visitor.left

    assert asyncio.run(looking()) == requests


def test_sitemap_that_unpacks_to_more_than_the_limit_is_named(shop: Shop) -> None:
    items = [f"/goods/{n}" for n in "abc"]
    body = gzip.compress(b"<urlset>" + b" " * (POLITE.max_sitemap_bytes + 1))
    shop.pages = {"/": listing_page(items), "/sitemap.xml": body}
    shop.pages |= {one: product_page(one[1:].replace("/", "-")) for one in items}
    survey = look(shop)
    assert len(survey.records) == 3
    limit = f"more than the limit of {POLITE.max_sitemap_bytes} bytes"
    assert f"{shop.url}/sitemap.xml: not read ({limit}" in survey.notes[0]


def test_page_with_very_many_links_is_read_like_the_crawl_does(shop: Shop) -> None:
    shop.pages = {"/": listing_page([f"/goods/{n}" for n in range(6_000)])}
    assert look(shop).pages == 5_000 + 1


def test_page_that_redirects_is_followed_within_the_shop(shop: Shop) -> None:
    items = [f"/goods/{n}" for n in "abc"]
    shop.pages = {"/": listing_page([*(f"/old/{n}" for n in "abc"), "/away"])}
    shop.pages |= {f"/old/{n}": answering(("Location", f"/goods/{n}"), status=301) for n in "abc"}
    shop.pages |= {one: product_page(one[1:].replace("/", "-")) for one in items}
    shop.pages["/away"] = answering(("Location", "http://127.0.0.1:1/x"), status=301)
    survey = look(shop)
    assert sorted(record.caption or "" for record in survey.records) == ["goods-a", "goods-b", "goods-c"]
    assert any("offsite: redirect to http://127.0.0.1:1/x" in note for note in survey.notes)


def test_sitemap_with_very_many_urls_is_looked_through_in_part(shop: Shop) -> None:
    shop.pages = {"/": listing_page([]), "/sitemap.xml": sitemap(*(f"{shop.url}/goods/{n}" for n in range(50_001)))}
    survey = look(shop)
    assert survey.pages == 50_000 + 1
    assert f"{shop.url}/sitemap.xml: it names more URLs than the 50,000 that are looked through" in survey.notes


def test_pattern_that_leaves_out_a_form_nobody_looked_at_is_not_proposed(shop: Shop) -> None:
    items, rest = [f"/goods/{n}" for n in "abcdefgh"], [f"/{place}/x/{n}" for n, place in enumerate("klmnopqrstuv")]
    shop.pages = {"/": listing_page([*items, *rest])}
    shop.pages |= {one: product_page(one[1:]) for one in items}
    survey = look(shop)
    assert (survey.product_urls, survey.left_out) == ((), 0)
    assert any("goods/[^/?#] leaves out may be products" in note for note in survey.notes)
