"""Endless spaces are abandoned after a bounded number of requests, and every product is still found."""

from collections.abc import Iterator
from itertools import count, permutations
from urllib.parse import parse_qsl

import pytest
from aiohttp import web

from crawler import crawl_stage, records_stage
from storage import Store
from tests.crawler.crawl.conftest import Answer, Clock, Shop, listing_page, product_page, settings_for

ITEMS = 30
SHELF = 10
MAX = 200
"""Most requests that a trap may cost."""


def honest(shop: Shop, *more: str) -> None:
    """Give a shop a home page, three listing pages and 30 products; the home page links to the trap too."""
    lists = ITEMS // SHELF
    shop.pages["/"] = listing_page(["/list?page=1", *more])
    for page in range(1, lists + 1):
        items = [f"/item/{n}" for n in range((page - 1) * SHELF, page * SHELF)]
        following = f"/list?page={page + 1}" if page < lists else None
        shop.pages[f"/list?page={page}"] = listing_page(items, following=following)
    for number in range(ITEMS):
        shop.pages[f"/item/{number}"] = product_page(f"kettle{number}", links='<a href="/">home</a>')


def crawl(store: Store, shop: Shop, clock: Clock) -> tuple[int, int]:
    """Return how many requests the crawl made, and how many products it found."""
    settings = settings_for(shop)
    crawl_stage.run(store, settings, clock=clock)
    records_stage.run(store, settings, clock=clock)
    return len(shop.asked), len(store.snapshot().table("products"))


def only(prefix: str, page: Answer) -> Answer:
    """Return a handler of the URLs that start with ``prefix``; robots.txt and the like are absent."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.startswith(prefix) and not request.path.endswith((".txt", ".xml", ".json")):
            return await page(request)
        return web.Response(status=404)

    return answer


def html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html")


async def calendar(request: web.Request) -> web.Response:
    _, year, month, *day = request.path.strip("/").split("/")
    later = f"/calendar/{int(year) + int(month) // 12}/{int(month) % 12 + 1}"
    days = [] if day else [f"{request.path}/{n}" for n in range(1, 29)]
    return html(listing_page([later, *days]).replace("<title>All", f"<title>Events {request.path}"))


async def filters(request: web.Request) -> web.Response:
    chosen = parse_qsl(request.query_string)
    shelf = {"colour": "red blue green", "size": "s m l", "brand": "acme apex", "fit": "slim wide", "use": "home work"}
    more = [
        "/shelf?" + "&".join(f"{name}={value}" for name, value in order)
        for name, values in shelf.items()
        for value in values.split()
        for order in permutations([*chosen, (name, value)])
    ][:400]
    shown = [f"/item/{n}" for n in range(len(request.query_string) % 7)]
    return html(listing_page([*shown, *more]))


async def path_filters(request: web.Request) -> web.Response:
    chosen = request.path.strip("/").split("/")[1:]
    facets = ["red", "blue", "slim", "wide", "home", "work", "acme", "apex", "wool", "silk"]
    more = [f"/shelf/{'/'.join([*chosen, one])}" for one in facets if one not in chosen]
    return html(listing_page([*more, f"/item/{len(chosen)}"]))


async def next_for_ever(request: web.Request) -> web.Response:
    number = int(request.query.get("page", "1"))
    return html(listing_page([f"/item/{n}" for n in range(5)], following=f"/old?page={number + 1}"))


@pytest.mark.parametrize(
    ("first", "trap"),
    [
        ("/calendar/2024/5", calendar),
        ("/shelf?colour=red", filters),
        ("/shelf/red", path_filters),
        ("/old?page=1", next_for_ever),
    ],
)
def test_a_trap_ends(store: Store, shop: Shop, clock: Clock, first: str, trap: Answer) -> None:
    honest(shop, first)
    shop.otherwise = only(first[:4], trap)
    requests, found = crawl(store, shop, clock)
    assert found == ITEMS
    assert requests - ITEMS - ITEMS // SHELF < MAX
    first_run = len(shop.asked)
    clock.pass_hours(1)
    crawl(store, shop, clock)
    assert len(shop.asked) - first_run < MAX // 4


@pytest.mark.parametrize("form", ["/{path}?visit={session}", "/s{session}/{path}"])
def test_session_ids_in_every_link_end(store: Store, shop: Shop, clock: Clock, form: str) -> None:
    sessions = count(1000)

    def link(path: str) -> str:
        return form.format(path=path, session=next(sessions))

    async def page(request: web.Request) -> web.Response:
        path = request.path.strip("/").split("/")
        kind, number = path[-2:] if len(path) > 1 else ("", "")
        if kind == "item":
            return html(product_page(f"kettle{number}", links=f'<a href="{link("list/1")}">list</a>'))
        first = int(number or 1)
        items = [link(f"item/{n}") for n in range((first - 1) * SHELF, first * SHELF)]
        following = link(f"list/{first + 1}") if first < ITEMS // SHELF else None
        return html(listing_page(items, following=following))

    shop.otherwise = only("/", page)
    requests, found = crawl(store, shop, clock)
    assert found == ITEMS
    assert requests < MAX


def all_orders() -> Iterator[str]:
    return ("/shelf?" + "&".join(order) for order in permutations(["a=1", "b=2", "c=3", "d=4"]))


def test_the_order_and_number_of_parameters_make_no_new_page(store: Store, shop: Shop, clock: Clock) -> None:
    repeated = ["/shelf?a=1" + "&a=1" * times for times in range(17)]
    shop.pages = {"/": listing_page([*all_orders(), *repeated, "/item/1"]), "/item/1": product_page("kettle")}
    shop.pages |= {url: listing_page([url]) for url in ("/shelf?a=1&b=2&c=3&d=4", "/shelf?a=1")}
    assert crawl(store, shop, clock)[1] == 1
    assert sorted(path for path in shop.count() if path.startswith("/shelf")) == [
        "/shelf?a=1", "/shelf?a=1&b=2&c=3&d=4",
    ]  # fmt: skip


def test_a_shop_behind_one_script_is_crawled_whole(store: Store, shop: Shop, clock: Clock) -> None:
    departments = [f"/index.php?path={n}&route=list" for n in range(30)]
    shop.pages["/"] = listing_page(departments)
    for number, url in enumerate(departments):
        items = [f"/index.php?item={number * 3 + n}&path={number}&route=item" for n in range(3)]
        shop.pages[url] = listing_page(items)
        shop.pages |= {item: product_page(f"kettle{number * 3 + n}") for n, item in enumerate(items)}
    assert crawl(store, shop, clock) == (1 + 30 + 90 + 4, 90)
