"""The choice of one page per product, and the recognition of pages that show the same product."""

import pytest

from core.records import Reject
from crawler.crawl.stored_pages import StoredPageRow
from crawler.records.choice import ChosenPages, SharedId, choose_products
from crawler.records.page_outcome import Claims, PageOutcome
from crawler.settings import CrawlSettings

HOME = "https://shop.example"
NONE = CrawlSettings()
Row = tuple[StoredPageRow, PageOutcome]


def page(
    path: str, *, canonical: str = "", number: str = "a", guessed: bool = False, source: str = "s", **claims: str
) -> Row:
    """Return the row of a product page, and its outcome with these claims."""
    url = HOME + path
    texts = (claims.get(name, "") for name in ("caption", "gtin", "price", "image", "own_url"))
    caption, gtin, price, image, own_url = texts
    said = Claims(HOME + canonical if canonical else url, number, guessed, caption, gtin, price, image, own_url)
    row = StoredPageRow(source, url, path, {}, listed=False, fetched_at="", parser=None, outcome=None)
    return row, PageOutcome("product", "", number, said.url, said)


def choose(*rows: Row, settings: CrawlSettings = NONE) -> ChosenPages:
    return choose_products([row for row, _ in rows], {(row.source, row.url): said for row, said in rows}, settings)


def products(chosen: ChosenPages) -> dict[str, tuple[str, str]]:
    """Return product id -> path of its page and of its URL; an id's suffix is cut to ``~``."""
    return {
        name.partition("~")[0] + "~" * ("~" in name): (one.page.url.removeprefix(HOME), one.url.removeprefix(HOME))
        for name, one in chosen.products.items()
    }


MERGED = {
    "canonical URL and id, captions in two languages": (
        page("/a", caption="Iron kettle"),
        page("/b", canonical="/a", caption="Eiserner Kessel"),
        "the same canonical URL and id",
    ),
    "canonical URL, caption and price, ids from the URL": (
        page("/a", guessed=True, caption="Iron kettle", price="5 EUR", image="/1.jpg"),
        page("/a?colour=red", canonical="/a", guessed=True, caption="Iron Kettle", price="5 EUR", image="/2.jpg"),
        "the same canonical URL, caption and price",
    ),
    "canonical URL and caption, no prices, one id from the URL": (
        page("/a", number="b", caption="Iron kettle"),
        page("/a?colour=red", canonical="/a", number="c", guessed=True, caption="Iron kettle"),
        "the same canonical URL and caption",
    ),
    "canonical URL and id, prices in two currencies": (
        page("/a", caption="Iron kettle", price="5 EUR"),
        page("/a?currency=usd", canonical="/a", caption="Iron kettle", price="6 USD"),
        "the same canonical URL and id",
    ),
    "id on the page, caption and price": (
        page("/a", caption="Iron kettle", price="5 EUR"),
        page("/b", caption="Iron Kettle", price="5 EUR"),
        "the same id, caption and price",
    ),
    "id on the page, caption and image": (
        page("/a", caption="Iron kettle", image="/k.jpg"),
        page("/b", caption="Iron kettle", image="/k.jpg"),
        "the same id and caption",
    ),
    "id on the page, and the GTIN": (
        page("/a", caption="Iron kettle", gtin="4006381333931"),
        page("/b", caption="Kessel", gtin="4006381333931"),
        "the same id and GTIN",
    ),
    "id from the URL, all else equal": (
        page("/a", guessed=True, caption="Iron kettle", price="5 EUR"),
        page("/b", guessed=True, caption="Iron  Kettle", price="5 EUR"),
        "the same id in the URL, caption and price",
    ),
}

APART = {
    "id from the URL, other captions": (
        page("/2001_19/", number="2001", guessed=True, caption="Anna, a novel", price="5 EUR"),
        page("/2001_20/", number="2001", guessed=True, caption="Bert, a novel", price="5 EUR"),
    ),
    "id from the URL, other prices": (
        page("/a", guessed=True, caption="Kettle", price="5 EUR"),
        page("/b", guessed=True, caption="Kettle", price="6 EUR"),
    ),
    "id from the URL, other GTINs": (
        page("/a", guessed=True, caption="Kettle", gtin="1"),
        page("/b", guessed=True, caption="Kettle", gtin="2"),
    ),
    "id from the URL, other images": (
        page("/a", guessed=True, caption="Kettle", price="5 EUR", image="/red.jpg"),
        page("/b", guessed=True, caption="Kettle", price="5 EUR", image="/blue.jpg"),
    ),
    "id from the URL, no captions": (page("/a", guessed=True), page("/b", guessed=True)),
    "id from the URL of a category that is the id of a product": (
        page("/c/a", guessed=True, caption="All kettles"),
        page("/p/1", caption="Iron kettle"),
    ),
    "the id of a template": (
        page("/a", number="SKU1", caption="Kettle"),
        page("/b", number="SKU1", caption="Red lamp"),
    ),
    "id on the page, sizes": (
        page("/a", caption="Iron kettle, 1 l", price="5 EUR", image="/k.jpg"),
        page("/b", caption="Iron kettle, 2 l", price="5 EUR", image="/k.jpg"),
    ),
    "id on the page, other GTINs": (
        page("/a", caption="Iron kettle", gtin="1"),
        page("/b", caption="Iron kettle", gtin="2"),
    ),
    "id on the page, other prices": (
        page("/a", caption="Iron kettle", price="5 EUR"),
        page("/b", caption="Iron kettle", price="6 EUR"),
    ),
    "canonical URL, other ids": (
        page("/a", canonical="/a", number="a", caption="Iron kettle", price="5 EUR"),
        page("/b", canonical="/a", number="b", caption="Iron kettle", price="5 EUR"),
    ),
    "canonical URL and id, other prices": (
        page("/a", canonical="/a", caption="Iron kettle", price="5 EUR"),
        page("/b", canonical="/a", caption="Iron kettle", price="6 EUR"),
    ),
    "canonical URL, other GTINs": (
        page("/a", canonical="/a", guessed=True, caption="Iron kettle", gtin="1"),
        page("/b", canonical="/a", guessed=True, caption="Iron kettle", gtin="2"),
    ),
    "canonical URL, other URLs in the markup": (
        page("/a", canonical="/t", guessed=True, caption="Iron kettle", price="5 EUR", own_url=HOME + "/a", image="/1"),
        page("/b", canonical="/t", guessed=True, caption="Iron kettle", price="5 EUR", own_url=HOME + "/b", image="/2"),
    ),
    "the canonical URL of a template": (
        page("/a", canonical="/", number="a", caption="Iron kettle"),
        page("/b", canonical="/", number="b", caption="Red lamp"),
    ),
    "one caption, price and image, URLs with other numbers": (
        page("/cable_8", number="8", guessed=True, caption="Cable", price="5 EUR", image="/none.jpg"),
        page("/cable_9", number="9", guessed=True, caption="Cable", price="5 EUR", image="/none.jpg"),
    ),
}


@pytest.mark.parametrize("name", MERGED)
def test_pages_that_agree_are_one_product_and_the_reject_says_why(name: str) -> None:
    one, other, why = MERGED[name]
    for rows in ((one, other), (other, one)):
        chosen = choose(*rows)
        assert products(chosen) == {f"s:{one[1].native_id}": ("/a", "/a")}
        (reject,) = chosen.rejects
        assert (reject.item, reject.reason) == (other[0].url, "duplicate_url")
        assert reject.detail == f"the same product as {HOME}/a: {why}"
        shown = chosen.outcomes["s", other[0].url]
        assert (shown.native_id, shown.identity) == (one[1].native_id, HOME + "/a")


@pytest.mark.parametrize("name", APART)
def test_pages_that_do_not_agree_stay_apart(name: str) -> None:
    one, other = APART[name]
    for rows in ((one, other), (other, one)):
        chosen = choose(*rows)
        assert sorted(p.page.url for p in chosen.products.values()) == [one[0].url, other[0].url]
        assert chosen.rejects == ()


def test_second_product_of_a_canonical_url_has_its_own_url() -> None:
    chosen = choose(*APART["the canonical URL of a template"])
    assert products(chosen) == {"s:a": ("/a", "/"), "s:b": ("/b", "/b")}


def test_second_product_of_an_id_gets_a_suffix_of_its_page() -> None:
    chosen = choose(*APART["the id of a template"])
    assert products(chosen) == {"s:SKU1": ("/a", "/a"), "s:SKU1~": ("/b", "/b")}


def test_canonical_url_that_does_not_exist_is_not_that_of_the_product() -> None:
    row, said = page("/kettle/index5.html", canonical="/kettle/", caption="Kettle")
    outcomes, dead = {(row.source, row.url): said}, {("s", HOME + "/kettle/")}
    assert products(choose_products([row], outcomes, NONE, dead)) == {"s:a": ("/kettle/index5.html",) * 2}


def test_canonical_url_without_a_product_is_not_taken() -> None:
    row, said = page("/kettle/index5.html", canonical="/index.html?p=5", caption="Kettle")
    home, shown = page("/index.html?p=5")[0], PageOutcome("listing", "", None, None)
    outcomes = {(row.source, row.url): said, (home.source, home.url): shown}
    assert products(choose_products([row, home], outcomes, NONE)) == {"s:a": ("/kettle/index5.html",) * 2}


def test_id_of_many_products_is_replaced_by_that_of_the_url() -> None:
    colours = ("red", "green", "blue")
    rows = [
        page(f"/lamp-{colour}-{n}4001", number="Availability", caption=f"Lamp, {colour}", price="5 EUR")
        for n, colour in enumerate(colours, 1)
    ]
    chosen = choose(*rows)
    assert products(chosen) == {f"s:{n}4001": (f"/lamp-{c}-{n}4001",) * 2 for n, c in enumerate(colours, 1)}
    assert (chosen.shared_ids, chosen.rejects) == ((SharedId("s", "Availability", 3),), ())


def test_id_of_one_product_at_many_urls_stays() -> None:
    said = {"price": "5 EUR", "caption": "Iron kettle"}
    chosen = choose(*(page(f"/{shelf}/kettle", **said) for shelf in ("new", "sale", "steel")))  # type: ignore[arg-type]
    assert (products(chosen), chosen.shared_ids) == ({"s:a": ("/new/kettle", "/new/kettle")}, ())


def test_canonical_url_of_many_products_is_none_of_theirs() -> None:
    tables = [page(f"/table?size={n}", canonical="/table", number=f"t{n}", caption=f"Table, {n} cm") for n in "123"]
    chosen = choose(*tables)
    assert products(chosen) == {f"s:t{n}": (f"/table?size={n}",) * 2 for n in "123"}


def test_product_outside_product_urls_is_a_reject_of_its_own() -> None:
    settings = CrawlSettings.model_validate({"sources": {"s": {"product_urls": ["/p/"]}}})
    chosen = choose(
        page("/p/1", number="1", caption="Kettle"), page("/q/2", number="2", caption="Lamp"), settings=settings
    )
    assert list(chosen.products) == ["s:1"]
    assert chosen.rejects == (
        Reject(HOME + "/q/2", "outside_product_urls", "a product, but it matches no product_urls"),
    )


def test_sources_do_not_share_products_and_their_rejects_are_told_apart() -> None:
    rows = [page("/a", source=name, caption="Kettle") for name in ("one", "two", "three")]
    assert list(choose(*rows).products) == ["one:a", "three:a", "two:a"]
    others = [(row, PageOutcome("other")) for row, _ in rows]
    details = [reject.detail for reject in choose(*others).rejects]
    assert (len(set(details)), details[0]) == (3, "no product on the page")
