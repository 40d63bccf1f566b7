"""The table ``usage_rights``: from the signals that a shop serves to the allowed uses of its products."""

from collections.abc import Callable
from datetime import datetime, timedelta

from aiohttp import web

from crawler import crawl_stage, records_stage
from crawler.crawl.frontier import open_frontier
from crawler.settings import CrawlSettings
from storage import Store

from .conftest import Answer, Clock, Shop, listing_page, product_page, settings_for

LICENCE = """<rsl xmlns="https://rslstandard.org/rsl"><content url="/">
<license><prohibits type="usage">ai-train</prohibits></license></content></rsl>"""
DAY = timedelta(days=2)


def served(name: str, *, status: int = 200, head: str = "", **headers: str) -> Answer:
    async def send(_: web.Request) -> web.StreamResponse:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return web.Response(status=status, text=product_page(name, head=head), content_type="text/html", headers=named)

    return send


def robots(rules: str) -> bytes:
    return f"User-agent: *\nAllow: /\n{rules}".encode()


def visit(store: Store, settings: CrawlSettings, clock: Callable[[], datetime]) -> list[tuple[str, ...]]:
    """Crawl, read records, and return the signals by product, with verdicts and the days first and last seen."""
    crawl_stage.run(store, settings, clock=clock)
    records_stage.run(store, settings, clock=clock)
    query = """SELECT split_part(product_id, ':', 2) AS product, signal, place, served,
        concat_ws(' ', train, evaluate, search, display) AS verdicts,
        concat(day(since), '-', day(until)) AS days FROM usage_rights ORDER BY product_id, signal, place, since"""
    return [tuple(row.values()) for row in store.snapshot().sql(query).to_pylist()]


def test_a_shop_that_withdraws_is_found_on_the_next_visit(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = {
        "/": listing_page(["/p/a", "/p/b"]),
        "/p/a": product_page("a"),
        "/p/b": product_page("b"),
        "/robots.txt": robots("Content-Signal: search=yes, ai-train=yes"),
    }
    settings = settings_for(shop)
    allowed = "allowed unknown allowed unknown"
    first = visit(store, settings, clock)
    assert first == [
        (name, "content-signal", "robots.txt", "search=yes, ai-train=yes", allowed, "1-") for name in ("a", "b")
    ]
    clock.now += DAY
    assert visit(store, settings, clock) == first

    shop.pages["/robots.txt"] = robots("Content-Signal: search=yes, ai-train=no")
    shop.pages["/p/b"] = served("b", Content_Usage="search=n")
    clock.now += DAY
    refused = "refused unknown allowed unknown"
    changed = [
        row
        for name in ("a", "b")
        for row in (
            (name, "content-signal", "robots.txt", "search=yes, ai-train=yes", allowed, "1-5"),
            (name, "content-signal", "robots.txt", "search=yes, ai-train=no", refused, "5-"),
        )
    ]
    changed.append(("b", "content-usage", "header", "search=n", "unknown unknown refused unknown", "5-"))
    assert visit(store, settings, clock) == changed


def test_licences_payment_and_pages_that_opt_out(store: Store, shop: Shop, clock: Clock) -> None:
    licence = f"{shop.url}/license.xml"
    linked = '<link rel="license" type="application/rsl+xml" href="/license.xml">'
    shop.pages = {
        "/": listing_page(["/p/a", "/p/b", "/p/c"]),
        "/p/a": product_page("a", head=linked),
        "/p/b": product_page("b"),
        "/p/c": product_page("c"),
        "/license.xml": LICENCE.encode(),
    }
    settings = settings_for(shop)
    terms = LICENCE[LICENCE.index("<content") : LICENCE.index("</rsl>")]
    (row,) = visit(store, settings, clock)
    assert row[:3] == ("a", "rsl", "link")
    assert row[3].startswith(f"{licence}\n<content ")
    assert "ai-train" in terms
    assert row[4:] == ("refused unknown unknown unknown", "1-")

    shop.pages["/p/b"] = served("b", status=402, Crawler_Price="USD 0.01")
    shop.pages["/p/c"] = product_page("c", head='<meta name="robots" content="noai">')
    del shop.pages["/license.xml"]
    clock.now += DAY
    refused = "refused refused refused refused"
    assert visit(store, settings, clock) == [
        (*row[:5], "1-3"),
        ("a", "rsl", "link", f"{licence}\ncould not be read", refused, "3-"),
        ("b", "http-402", "status", "402; crawler-price: USD 0.01", refused, "3-"),
        ("c", "noai", "meta robots", "noai", "refused refused unknown unknown", "3-"),
    ]


def test_what_a_host_says_is_stored_with_the_page(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = {"/": product_page("a"), "/robots.txt": robots("Content-Usage: / train-ai=n")}
    crawl_stage.run(store, settings_for(shop), clock=clock)
    with open_frontier(store, "shop") as connection:
        ((sha256,),) = connection.execute("SELECT page_sha256 FROM source_pages WHERE page_sha256 IS NOT NULL")
    headers = store.objects.page(sha256).headers
    assert ("X-Archive-Usage", "robots.txt content-usage: train-ai=n") in headers


def test_an_outage_of_robots_txt_allows_nothing_that_was_refused(store: Store, shop: Shop, clock: Clock) -> None:
    shop.pages = {"/": product_page("a"), "/robots.txt": robots("Content-Usage: train-ai=n")}
    settings = settings_for(shop, retries=0)
    first = visit(store, settings, clock)

    async def down(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    shop.pages["/robots.txt"] = down
    clock.now += DAY
    assert visit(store, settings, clock) == first
    assert first[0][4] == "refused unknown unknown unknown"
