import asyncio
import gzip

import pytest
from aiohttp import web

from core.errors import DataError, NotAuthorisedError, SettingsError
from core.stage import StageReport
from crawler import crawl_stage
from crawler.crawl.frontier import open_frontier
from crawler.settings import CrawlSettings
from storage import Store

from .conftest import Answer, Clock, Shop, listing_page, product_page, settings_for


def answer(status: int, *, text: str = "", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def send(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=named)

    return send


def in_turn(*answers: Answer) -> Answer:
    left = list(answers)

    async def send(request: web.Request) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return send


def rejects(store: Store, shop: Shop) -> dict[str, tuple[str, str]]:
    rows = store.snapshot().table("rejects").to_pylist()
    return {r["item"].removeprefix(shop.url): (r["reason"], r["detail"].replace(shop.url, "")) for r in rows}


def counts(report: StageReport) -> tuple[int, int, dict[str, int]]:
    return report.read, report.kept, dict(report.dropped)


def stored(store: Store, shop: Shop) -> set[str]:
    query = "SELECT url FROM source_pages WHERE page_sha256 IS NOT NULL"
    with open_frontier(store, "shop") as connection:
        return {url.removeprefix(shop.url) for (url,) in connection.execute(query)}


PRODUCTS = [f"/p/{n}" for n in range(12)]
FLAWED = [
    "/private/1",
    "/gone",
    "/moved",
    "/loop",
    "/away",
    "/once",
    "/never",
    "/short",
    "/big",
    "/picture",
    "/optout",
    "/tired",
]


async def _cut_short(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100", "Content-Type": "text/html"})
    await response.prepare(request)
    await response.write(b"<html>")
    assert request.transport is not None
    request.transport.close()
    return response


def _flaws_of_real_life(shop: Shop) -> dict[str, str | bytes | Answer]:
    elsewhere = ["https://elsewhere.example/", "/p/1#reviews", "/list?sort=price"]
    return {
        "/": listing_page([*PRODUCTS[:4], *FLAWED, *elsewhere], following="/list?page=2"),
        "/list?page=2": listing_page(PRODUCTS[4:8], following="/list?page=3"),
        "/list?page=3": listing_page(PRODUCTS[8:11]),
        "/robots.txt": f"User-agent: *\nDisallow: /private\nSitemap: {shop.url}/maps.xml".encode(),
        "/maps.xml": f"<sitemapindex><sitemap><loc>{shop.url}/map.xml.gz</loc></sitemap></sitemapindex>".encode(),
        "/map.xml.gz": gzip.compress(b"<urlset><url><loc>http://example.com/p/11</loc></url></urlset>"),
        **{path: product_page(path[3:]) for path in PRODUCTS},
        "/moved": answer(301, Location="/p/0"),
        "/loop": answer(302, Location="/loop"),
        "/away": answer(302, Location="http://169.254.169.254/latest"),
        "/once": in_turn(answer(503), answer(200, text="<html>back</html>", Content_Type="text/html")),
        "/never": answer(500),
        "/short": _cut_short,
        "/big": answer(200, text="x" * 300_000, Content_Type="text/html"),
        "/picture": answer(200, text="x", Content_Type="image/png"),
        "/optout": listing_page([], head='<meta name="robots" content="noai">'),
        "/tired": in_turn(answer(429, Retry_After="1"), answer(200, text="<html>ok</html>", Content_Type="text/html")),
    }  # fmt: skip


def test_flawed_shop_is_crawled_whole_and_its_losses_are_named(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = _flaws_of_real_life(shop)
    settings = settings_for(shop, max_page_bytes=200_000, user_agent="testbot", contact="mail@lab.example")
    report = crawl_stage.run(store, settings, clock=clock)

    assert rejects(store, shop) == {
        "/private/1": ("robots", "robots.txt: Disallow"),
        "/gone": ("http_404", "HTTP status 404"),
        "/moved": ("redirect", "to /p/0"),
        "/loop": ("redirect_loop", "to /loop"),
        "/away": ("offsite", "to http://169.254.169.254/latest"),
        "/never": ("http_5xx", "HTTP status 500"),
        "/short": ("truncated", rejects(store, shop)["/short"][1]),
        "/big": ("too_large", "300000 bytes promised, limit 200000"),
        "/picture": ("not_html", "not an HTML page: image/png; charset=utf-8"),
        "/optout": ("opt_out", "meta robots: noai"),
        "/list?sort=price": ("same_items", "sort shows the same items in another way"),
        "https://elsewhere.example/": ("other_host", "the source has no start URL there"),
    }
    kept = {"/", "/list?page=2", "/list?page=3", "/maps.xml", "/map.xml.gz", "/once", "/tired", *PRODUCTS}
    assert stored(store, shop) == kept
    assert counts(report) == (31, 19, {
        "http_404": 1, "http_5xx": 1, "not_html": 1, "offsite": 1, "opt_out": 1, "other_host": 1, "redirect": 1,
        "redirect_loop": 1, "robots": 1, "same_items": 1, "too_large": 1, "truncated": 1,
    })  # fmt: skip
    once = dict.fromkeys([*kept, "/gone", "/moved", "/loop", "/away", "/big", "/picture", "/optout"], 1)
    files = dict.fromkeys(["/robots.txt", "/.well-known/tdmrep.json", "/ai.txt"], 1)
    assert shop.count() == {**once, **files, "/once": 2, "/never": 3, "/short": 3, "/tired": 2}
    assert {headers["User-Agent"] for _, headers in shop.asked} == {"testbot/0.1 (+mail@lab.example)"}


def test_later_crawls_ask_for_nothing_then_conditionally(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = {"/": listing_page(["/p/1", "/p/2", "/p/3"]), **{f"/p/{n}": product_page(str(n)) for n in (1, 2, 3)}}
    settings = settings_for(shop)
    first = crawl_stage.run(store, settings, clock=clock)
    assert (counts(first), first.unchanged) == ((4, 4, {}), False)
    version = store.snapshot().number
    shop.asked.clear()

    clock.pass_hours(23)
    again = crawl_stage.run(store, settings, clock=clock)
    assert (counts(again), again.unchanged, shop.asked) == (counts(first), True, [])

    clock.pass_hours(2)
    later = crawl_stage.run(store, settings, clock=clock)
    assert (later.unchanged, store.snapshot().number) == (True, version)
    asked_for = {path: headers for path, headers in shop.asked if path in shop.pages}
    assert len([path for path, _ in shop.asked if path in shop.pages]) == len(asked_for) == 4
    assert all("If-None-Match" in headers for headers in asked_for.values())

    clock.pass_hours(49)  # after one unchanged visit, pages are due after two days
    shop.pages["/p/2"] = product_page("2", links='<a href="/p/4">new</a>')
    shop.pages["/p/4"] = product_page("4")
    del shop.pages["/p/3"]
    changed = crawl_stage.run(store, settings, clock=clock)
    assert (counts(changed), changed.unchanged) == ((5, 4, {"http_404": 1}), False)
    assert stored(store, shop) == {"/", "/p/1", "/p/2", "/p/3", "/p/4"}

    shop.asked.clear()
    forced = crawl_stage.run(store, settings, clock=clock, force=True)
    assert (forced.unchanged, shop.count()["/p/1"]) == (True, 1)


@pytest.mark.parametrize("how", [answer(503), None])
def test_without_robots_nothing_is_fetched_and_the_next_run_tries_again(
    store: Store, shop: Shop, clock: Clock, how: Answer | None
) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    shop.pages = {"/": listing_page([]), "/robots.txt": how or hang_up}
    settings = settings_for(shop, retries=1)
    with pytest.raises(DataError, match=r"no page was kept: unreachable_robots 1 .*the shop is up, then run again"):
        crawl_stage.run(store, settings, clock=clock)
    assert set(shop.count()) == {"/robots.txt"}
    assert "without it nothing may be fetched" in rejects(store, shop)["/"][1]
    del shop.pages["/robots.txt"]
    assert counts(crawl_stage.run(store, settings, clock=clock)) == (1, 1, {})


def test_a_page_that_never_comes_is_given_up_in_time(store: Store, shop: Shop, clock: Clock) -> None:
    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    shop.pages = {"/": listing_page(["/slow"]), "/slow": trickle}
    settings = settings_for(shop, timeout_s=10, retries=0)
    assert counts(crawl_stage.run(store, settings, clock=clock)) == (2, 1, {"timeout": 1})
    assert rejects(store, shop) == {"/slow": ("timeout", "no whole answer within 10 s")}


def test_a_host_that_asks_for_too_long_a_delay_is_left_alone(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = {"/": listing_page([]), "/robots.txt": b"User-agent: *\nCrawl-delay: 300"}
    with pytest.raises(DataError, match=r"robots_delay 1 \(robots\.txt asks for 300 s.*Ask its owner"):
        crawl_stage.run(store, settings_for(shop), clock=clock)


def test_an_address_inside_the_network_needs_a_source_marked_local(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = {"/": listing_page([])}
    settings = settings_for(shop, source={"local": False}, contact="mail@lab.example", retries=0)
    with pytest.raises(DataError, match=r"set sources\.shop\.local = true"):
        crawl_stage.run(store, settings, clock=clock)
    assert ("private_address" in rejects(store, shop)["/"][1], shop.asked) == (True, [])


def test_a_budget_leaves_the_rest_for_the_next_run(store: Store, shop: Shop, clock: Clock) -> None:
    paths = [f"/p/{n}" for n in range(6)]
    shop.pages = {"/": listing_page(paths), **{path: product_page(path[3:]) for path in paths}}
    few = settings_for(shop, source={"max_pages": 3})
    assert counts(crawl_stage.run(store, few, clock=clock)) == (7, 3, {"budget": 4})
    asked = len(shop.asked)
    crawl_stage.run(store, few, clock=clock)
    assert len(shop.asked) == asked
    two_more = crawl_stage.run(store, settings_for(shop), clock=clock, max_products=2)
    assert counts(two_more) == (7, 5, {"budget": 2})
    assert counts(crawl_stage.run(store, settings_for(shop), clock=clock)) == (7, 7, {})
    assert shop.count()["/p/0"] == 1


def test_a_changed_scope_has_everything_looked_at_again(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = {"/": listing_page(["/p/1", "/q/1"]), "/p/1": product_page("1"), "/q/1": product_page("2")}
    narrow = settings_for(shop, source={"follow": ["/p/"]})
    assert counts(crawl_stage.run(store, narrow, clock=clock)) == (3, 2, {"not_followed": 1})
    assert counts(crawl_stage.run(store, settings_for(shop), clock=clock)) == (3, 3, {})
    assert counts(crawl_stage.run(store, narrow, clock=clock)) == (3, 2, {"not_followed": 1})


def test_sitemaps_of_other_languages_are_not_requested_in_any_run(store: Store, shop: Shop, clock: Clock) -> None:
    files = {tag: f"<sitemap><loc>{shop.url}/map-{tag}.xml</loc></sitemap>" for tag in ("en", "de", "fr")}
    shop.pages = {
        "/": '<!doctype html><html lang="en"><a href="/p/1">kettle</a></html>',
        "/sitemap.xml": f"<sitemapindex>{''.join(files.values())}</sitemapindex>".encode(),
        "/map-en.xml": f"<urlset><url><loc>{shop.url}/p/1</loc></url></urlset>".encode(),
        "/p/1": product_page("1"),
    }
    for _ in range(2):
        crawl_stage.run(store, settings_for(shop), clock=clock)
        clock.pass_hours(30)
    assert (shop.count()["/map-en.xml"], shop.count()["/map-de.xml"], shop.count()["/map-fr.xml"]) == (2, 0, 0)


def test_two_sources_are_crawled_and_one_can_be_named(store: Store, shop: Shop, clock: Clock) -> None:
    with Shop(pages={"/": listing_page([])}) as other:
        shop.pages = {"/": listing_page([])}
        both = {"shop": settings_for(shop).sources["shop"], "other": settings_for(other).sources["shop"]}
        settings = settings_for(shop).model_copy(update={"sources": both})
        assert counts(crawl_stage.run(store, settings, clock=clock, only=["other"])) == (1, 1, {})
        assert (len(other.asked) > 0, shop.asked) == (True, [])
        assert counts(crawl_stage.run(store, settings, clock=clock)) == (2, 2, {})
        assert (store.root / "logs" / "crawl-other.log").exists()


def test_what_cannot_be_crawled_is_refused_before_anything_is_asked_for(store: Store, shop: Shop, clock: Clock) -> None:
    cases: list[tuple[CrawlSettings, type[Exception]]] = [
        (settings_for(shop, source={"crawl_authorised": False}), NotAuthorisedError),
        (settings_for(shop, source={"start": ("ftp://shop/",)}), SettingsError),
        (settings_for(shop, source={"page_object": "nowhere:Page"}), SettingsError),
    ]
    for settings, error in cases:
        with pytest.raises(error):
            crawl_stage.run(store, settings, clock=clock)
    assert (shop.asked, store.snapshot().number) == ([], 0)


def test_a_crawl_that_breaks_says_so_and_keeps_what_it_had(
    store: Store, shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.pages = {"/": listing_page([])}
    (store.root / "logs").mkdir()
    (store.root / "logs" / "crawl-shop.log").mkdir()  # the child cannot write its log
    with pytest.raises(DataError, match=r"source shop: its crawl failed.*logs/crawl-shop.log"):
        crawl_stage.run(store, settings_for(shop), clock=clock)
    (store.root / "logs" / "crawl-shop.log").rmdir()
    assert counts(crawl_stage.run(store, settings_for(shop), clock=clock)) == (1, 1, {})
