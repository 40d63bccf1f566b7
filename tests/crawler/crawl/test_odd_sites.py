"""Oddities of real shops: nothing is lost or asked for twice, and whatever one line does, the crawl ends."""

from aiohttp import web

from crawler import crawl_stage
from storage import Store

from .conftest import Answer, Clock, Shop, listing_page, product_page, settings_for
from .test_crawl_stage import rejects, stored


def page_with(*headers: tuple[str, str], name: str = "Cup") -> Answer:
    async def send(_: web.Request) -> web.StreamResponse:
        response = web.Response(text=product_page(name), content_type="text/html")
        for header, value in headers:
            response.headers.add(header, value)
        return response

    return send


def test_page_is_asked_for_once_in_the_spelling_of_browsers(store: Store, shop: Shop, clock: Clock) -> None:
    links = [
        *("/x/../p/1", "/./p/1", "\\p\\1", "/p/caf%c3%a9", "/p/caf%C3%A9", "/%7Eann", "/~ann", "/a/%2e%2E/private/9"),
        *("/item?sid=12", "/item?sid=13", "/p/1?sid=0123456789abcdef0123456789abcdef"),
    ]
    names = ("/p/1", "/p/caf%C3%A9", "/~ann", "/item?sid=12", "/item?sid=13", "/private/9")
    shop.pages = {name: product_page(f"Cup {at}") for at, name in enumerate(names)}
    shop.pages |= {
        "/": '<html><meta http-equiv="refresh" content="0; url=/shop"></html>',
        "/shop": listing_page([*links, *(f"{shop.url}{link}" for link in links)]),
        "/robots.txt": b"User-agent: *\nDisallow: /private/\n",
    }

    crawl_stage.run(store, settings_for(shop), clock=clock)

    assert stored(store, shop) == {"/", "/shop", *names[:-1]}
    assert rejects(store, shop) == {"/private/9": ("robots", "robots.txt: Disallow")}
    assert max(shop.count().values()) == 1


def test_headers_are_read_line_by_line_however_long(store: Store, shop: Shop, clock: Clock) -> None:
    policy = "default-src " + " ".join(f"https://cdn{n}.example" for n in range(3_000))
    shop.pages = {
        "/": listing_page(["/p/1", "/p/2", "/p/3"]),
        "/p/1": page_with(("X-Robots-Tag", "googlebot: nofollow"), ("X-Robots-Tag", "noai")),
        "/p/2": page_with(("X-Robots-Tag", "googlebot: noai"), ("Content-Security-Policy", policy), name="Bowl"),
        "/p/3": page_with(("Content-Encoding", "none"), name="Pot"),
    }

    crawl_stage.run(store, settings_for(shop), clock=clock)

    assert stored(store, shop) == {"/", "/p/2", "/p/3"}
    assert rejects(store, shop) == {"/p/1": ("opt_out", "header x-robots-tag: noai")}


def test_bad_sitemap_line_stops_nothing(store: Store, shop: Shop, clock: Clock) -> None:
    lines = ["/one.xml", f"//127.0.0.1:{shop.port}/two.xml", "http://", "http://127.0.0.1:9/x.xml", "ftp://a.example/s"]
    shop.pages = {
        "/": listing_page([]),
        "/robots.txt": "".join(f"Sitemap: {line}\n" for line in lines).encode(),
        "/one.xml": b"<urlset><url><loc>/p?a=1&b=2</loc></url></urlset>",
        "/two.xml": f"<sitemapindex><sitemap><loc>{shop.url}/list.txt</loc></sitemap></sitemapindex>".encode("utf-16"),
        "/list.txt": f"\ufeff{shop.url}/p/1\n{shop.url}/p/2\n".encode(),
        "/p?a=1&b=2": product_page("Cup"),
        "/p/1": product_page("Bowl"),
        "/p/2": product_page("Pot"),
    }

    crawl_stage.run(store, settings_for(shop), clock=clock)

    assert stored(store, shop) == {"/", "/one.xml", "/two.xml", "/list.txt", "/p?a=1&b=2", "/p/1", "/p/2"}
    assert {item: reason for item, (reason, _) in rejects(store, shop).items()} == {
        "http://": "bad_url",
        "ftp://a.example/s": "bad_url",
        "http://127.0.0.1:9/x.xml": "offsite",
    }
