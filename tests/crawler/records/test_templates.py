"""Templates, learned from some pages of a shop and used to read the others."""

import json
from collections.abc import Iterable
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from crawler import parse_page, records_stage
from crawler.crawl.stored_pages import StoredPageRow
from crawler.records.templates import priors_of, read_template, sample_of, samples_digest, teach
from m5data.cli.main import app
from reader.document import read_document
from reader.reading import Reader, Reading
from reader.template import NAME_OF_SHOP, VALUE, Observation, Template
from storage import Store
from tests.crawler.crawl.test_records_stage import HOME, _spy, settings, store_pages, table


def observed(value: str, *, right: str, wrong: str = "elsewhere", marked: bool = True) -> Observation:
    return Observation(value, marked, (right,), (wrong,))


def taught(field: str, several: Iterable[Observation]) -> dict[str, float]:
    return {one.place: one.weight for one in teach({field: one} for one in several)}


def test_a_place_that_markup_confirms_is_believed_and_others_are_not() -> None:
    # log((3 + .5) / .5) = 1.9, rounded to 2, doubled because markup confirms it.
    assert taught("price", [observed(str(n), right="b") for n in range(3)]) == {"b": 4.0, "elsewhere": -4.0}


def test_sure_readings_weigh_a_quarter_of_markup() -> None:
    assert taught("price", [observed(str(n), right="b", marked=False) for n in range(3)]) == {
        "b": 1.0,
        "elsewhere": -1.0,
    }


def test_pages_with_markup_teach_alone() -> None:
    sure = [observed(str(n), right="wrong place", marked=False) for n in range(50)]
    assert "wrong place" not in taught("price", [*sure, *(observed(str(n), right="b") for n in range(3))])


def test_two_pages_teach_nothing() -> None:
    assert taught("price", [observed(str(n), right="b") for n in range(2)]) == {}


@pytest.mark.parametrize(("field", "weight"), [("caption", None), ("currency", 6.0), ("brand", 6.0)])
def test_what_stands_on_every_page_is_believed_only_of_fields_that_may(field: str, weight: float | None) -> None:
    assert taught(field, [observed("Same", right="b")] * 9).get("b") == weight


def test_a_brand_that_every_page_shares_is_the_name_of_the_shop() -> None:
    pages = [Observation("Bright", marked=False, right=(NAME_OF_SHOP,), wrong=())] * 8
    assert taught("brand", pages) == {NAME_OF_SHOP: -4.0}
    assert taught("brand", [one._replace(marked=True) for one in pages])[NAME_OF_SHOP] > 0
    others = [Observation("Other", marked=False, right=("b",), wrong=())] * 3
    assert taught("brand", [*pages, *others])[NAME_OF_SHOP] > 0


def test_id_that_several_products_have_is_no_id_of_any() -> None:
    def named(caption: str, sku: str) -> dict[str, Observation]:
        read = {"caption": caption, "chosen native_id": sku}
        return {field: Observation(value, marked=False, right=(), wrong=()) for field, value in read.items()}

    template = Template(priors_of(teach([*(named(f"Lamp {n}", "Stock") for n in range(3)), named("Chair", "C-1")])))
    same = Template(priors_of(teach([named("Lamp", "L-1")] * 9)))

    assert [template.is_shared("native_id", value) for value in ("Stock", "C-1")] == [True, False]
    assert not same.is_shared("native_id", "L-1")


def test_page_of_a_shop_whose_label_is_on_all_pages_gets_another_id() -> None:
    page = "<h1>Green lamp</h1><p>$49.00</p><p>SKU: STORE-1</p><button>Add to cart</button>"
    document = read_document(page.encode(), "https://shop.example/p/green-lamp-1234")
    shared = Template((("native_id", f"{VALUE}STORE-1", -4.0),))

    assert [Reading(document, Reader(template=one)).native_id[0] for one in (None, shared)] == ["STORE-1", "1234"]


def stored(number: int, source: str = "shop") -> StoredPageRow:
    return StoredPageRow(
        source, f"{HOME}/p/{number}", f"sha {number}", {}, listed=False, fetched_at="", parser=None, outcome=None
    )


def test_the_same_pages_of_a_large_shop_teach_whatever_comes_to_it() -> None:
    pages = [stored(number) for number in range(1000)]
    sample = sample_of(pages)["shop"]
    assert len(sample) == 120
    later = sample_of([*pages, *(stored(number) for number in range(1000, 1010))])["shop"]
    assert len({page.url for page in sample} & {page.url for page in later}) >= 115
    assert samples_digest(sample, "reader") != samples_digest(sample, "other reader")
    assert sample_of([stored(number) for number in range(9)]) == {}


def lamp(number: int, *, markup: bool) -> str:
    """Return a page with two prices; only markup tells which is the product's."""
    says = {"@type": "Product", "name": f"Lamp {number}", "offers": {"price": 60 + number, "priceCurrency": "EUR"}}
    script = f'<script type="application/ld+json">{json.dumps(says)}</script>' if markup else ""
    prices = f'<div class="offer"><p class="k1 price">€ {20 + number}.00</p><p class="k2">€ {60 + number}.00</p></div>'
    button = '<form class="cart" action="/cart/add"><button name="add">Add to cart</button></form>'
    return (
        f"<html><title>Lamp {number}</title><body>{script}<h1>Lamp {number}</h1>{prices}<p>SKU: L-{number}</p>{button}"
    )


@pytest.fixture
def shop(store: Store) -> Store:
    pages = {f"/p/lamp-{number}": lamp(number, markup=number % 2 == 0) for number in range(10, 22)}
    store_pages(store, pages)
    return store


def prices(store: Store) -> dict[str, Decimal]:
    return {str(url).rpartition("-")[2]: price for url, price in table(store, "products", "url", "price")}  # type: ignore[misc]


def test_a_page_without_markup_is_read_as_the_markup_of_others_says(shop: Store) -> None:
    assert parse_page(lamp(11, markup=False).encode(), f"{HOME}/p/lamp-11").price == Decimal(31)
    records_stage.run(shop, settings())
    read = prices(shop)
    assert {number: read[str(number)] for number in range(11, 22, 2)} == {
        number: Decimal(60 + number) for number in range(11, 22, 2)
    }


def test_a_new_page_is_read_alone_unless_it_changes_the_template(shop: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    records_stage.run(shop, settings())
    before = priors_of(read_template(shop, "shop"))
    read: list[str] = []
    monkeypatch.setattr(shop.objects, "read", _spy(shop.objects.read, read))
    assert records_stage.run(shop, settings()).unchanged
    assert read == []
    store_pages(shop, {"/p/lamp-23": lamp(23, markup=False)})
    records_stage.run(shop, settings())
    assert priors_of(read_template(shop, "shop")) == before
    assert len(read) == 13 + 1  # all pages to learn the template, and the new one to parse it
    assert prices(shop)["23"] == Decimal(83)


def test_a_page_that_cannot_be_read_teaches_nothing_and_costs_nothing_else(store: Store) -> None:
    pages = {f"/p/lamp-{number}": lamp(number, markup=True) for number in range(12)}
    store_pages(store, {**pages, "/p/empty": "", "/p/deep": "<div>" * 5000})
    records_stage.run(store, settings())
    assert len(prices(store)) == 12


def test_the_template_of_a_source_can_be_seen(shop: Store) -> None:
    (shop.root / "m5data.toml").write_text(f'[sources.shop]\nstart = ["{HOME}"]\ncrawl_authorised = true\n')
    records_stage.run(shop, settings())
    done = CliRunner().invoke(app, ["parse", "--source", "shop", "-w", str(shop.root), "--json"])
    places = {one["place"]: one for one in json.loads(done.stdout) if one["field"] == "price"}
    right, wrong = "here:p.k<div.offer<body joint:1", "here:p.k.price<div.offer<body joint:1"
    assert {name: (one["right"], one["wrong"], one["marked"]) for name, one in places.items()} == {
        right: (6, 0, True),
        wrong: (0, 6, True),
    }
    table = CliRunner().invoke(app, ["parse", "--source", "shop", "-w", str(shop.root)])
    assert "template of shop" in table.stdout
    unknown = CliRunner().invoke(app, ["parse", "--source", "other", "-w", str(shop.root)])
    assert "other: its pages have taught no template" in str(unknown.exception)
