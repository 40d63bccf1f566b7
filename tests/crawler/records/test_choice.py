"""The choice of one page per product, and the recognition of pages that show the same product."""

from dataclasses import replace

import pytest

from crawler.crawl.stored_pages import StoredPageRow
from crawler.records.choice import ChosenPages, choose_products
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
    said = Claims(HOME + canonical if canonical else url, number, guessed, **claims)
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
    "canonical URL, similar captions": (
        page("/a", caption="Iron kettle"),
        page("/a?colour=red", canonical="/a", number="b", caption="Iron kettle, red"),
        "the same canonical URL and a similar caption",
    ),
    "canonical URL, one without a caption": (
        page("/a", caption="Iron kettle"),
        page("/b", canonical="/a", number="b"),
        "the same canonical URL, and no captions to compare",
    ),
    "canonical URL and id, captions in two languages": (
        page("/a", caption="Iron kettle"),
        page("/b", canonical="/a", caption="Eiserner Kessel"),
        "the same canonical URL and id",
    ),
    "id on the page, similar captions": (
        page("/a", caption="Iron kettle"),
        page("/b", caption="Iron Kettle"),
        "the same id and a similar caption",
    ),
    "id on the page, captions in two languages, one image": (
        page("/a", caption="Iron kettle", image="/k.jpg"),
        page("/b", caption="Eiserner Kessel", image="/k.jpg"),
        "the same id and main image",
    ),
    "id on the page, and the GTIN": (
        page("/a", caption="Iron kettle", gtin="4006381333931"),
        page("/b", caption="Kessel", gtin="4006381333931"),
        "the same id and GTIN",
    ),
    "Chinese captions": (
        page("/a", caption="纯棉短袖 男款"),
        page("/b", caption="男款纯棉短袖"),
        "the same id and a similar caption",
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
    "id from the URL, no captions": (page("/a", guessed=True), page("/b", guessed=True)),
    "id from the URL of a category that is the id of a product": (
        page("/c/a", guessed=True, caption="All kettles"),
        page("/p/1", caption="Iron kettle"),
    ),
    "the id of a template": (
        page("/a", number="SKU1", caption="Kettle"),
        page("/b", number="SKU1", caption="Red lamp"),
    ),
    "id on the page, other GTINs": (
        page("/a", caption="Iron kettle", gtin="1"),
        page("/b", caption="Iron kettle", gtin="2"),
    ),
    "the canonical URL of a template": (
        page("/a", canonical="/", number="a", caption="Iron kettle"),
        page("/b", canonical="/", number="b", caption="Red lamp"),
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


def test_of_a_shared_canonical_url_the_second_product_has_its_own() -> None:
    chosen = choose(*APART["the canonical URL of a template"])
    assert products(chosen) == {"s:a": ("/a", "/"), "s:b": ("/b", "/b")}


def test_of_a_shared_id_the_second_product_gets_a_suffix_that_does_not_depend_on_other_pages() -> None:
    one, other = APART["the id of a template"]
    names = list(choose(one, other).products)
    assert (names[0], names[1].partition("~")[0]) == ("s:SKU1", "s:SKU1")
    third = page("/z", number="SKU1", caption="Blue chair")
    assert set(names) < set(choose(third, one, other).products)


def test_sources_do_not_share_products_and_their_rejects_are_told_apart() -> None:
    rows = [page("/a", source=name, caption="Kettle") for name in ("one", "two", "three")]
    assert list(choose(*rows).products) == ["one:a", "three:a", "two:a"]
    others = [(row, PageOutcome("other")) for row, _ in rows]
    details = [reject.detail for reject in choose(*others).rejects]
    assert (len(set(details)), details[0]) == (3, "no product on the page")


def test_sizes_on_pages_of_their_own_are_the_product_that_the_sitemap_names() -> None:
    said = {"guessed": True, "caption": "Shirt", "price": "15 EUR", "image": "/none.jpg"}
    small, large, parent = (page(f"/shirt_{n}", number=f"shirt_{n}", **said) for n in (8, 9, 10))  # type: ignore[arg-type]
    named = (replace(parent[0], listed=True), parent[1])
    chosen = choose(small, large, named)
    assert products(chosen) == {"s:shirt_10": ("/shirt_10", "/shirt_10")}
    why = f"the same product as {HOME}/shirt_10: the same caption, price, main image and URL except for its numbers"
    assert [(one.reason, one.detail) for one in chosen.rejects] == [("duplicate_url", why)] * 2


@pytest.mark.parametrize("other", [{"caption": "Coat"}, {"price": "16 EUR"}, {"image": "/b.jpg"}, {"gtin": "96385074"}])
def test_what_differs_in_more_than_the_number_of_its_url_is_another_product(other: dict[str, str]) -> None:
    said = {"caption": "Shirt", "price": "15 EUR", "image": "/a.jpg"}
    first = page("/shirt_8", number="8", guessed=True, **said)
    chosen = choose(first, page("/shirt_9", number="9", guessed=True, **said | other))
    assert len(chosen.products) == 2
