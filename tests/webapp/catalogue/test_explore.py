"""Search for products, by query, facet and page."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.stage import StageReport
from storage import Store
from tests.export.conftest import make_store
from tests.export.conftest import store as five_modalities
from tests.export.synthetic import product, rows
from tests.webapp.conftest import Filled, Site
from webapp.catalogue.explore import PAGE, Facet, FacetValue, Overview, explore
from webapp.catalogue.index import CurrentIndex
from webapp.catalogue.product_reader import ProductReader
from webapp.catalogue.selection import Selection, sql_of_selection

store = five_modalities


@pytest.fixture(scope="module")
def read_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return the store of five modalities, for tests that only read."""
    return make_store(tmp_path_factory.mktemp("explored") / "workspace")


@pytest.fixture(scope="module")
def found(read_store: Store) -> Iterator[Callable[[str], Overview]]:
    """Return a function that explores the store by a URL's query."""
    index = CurrentIndex(read_store.snapshot, read_store.state)

    def find(query: str) -> Overview:
        with index.reading() as engine:
            return explore(engine, Selection.parse(parse_qsl(query, keep_blank_values=True)))

    yield find
    index.close()


def ids(overview: Overview) -> list[str]:
    return [card.product_id for card in overview.cards]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["shop:1", "shop:2", "shop:3"]),
        ("q=茶壶", ["shop:1"]),
        ("q=陶 茶壶", ["shop:1"]),
        ("q=SHOP:2", ["shop:2"]),
        ("q=' OR true --", []),
        ("split=shards/query-c&split=demo/query-c", ["shop:3"]),
        ("sub_class=茶具&source=shop", ["shop:1", "shop:2", "shop:3"]),
        ("source=other", []),
        ("video=present", ["shop:1"]),
        ("image=no_image_on_page", ["shop:3"]),
        ("p.颜色=红", ["shop:1"]),
        ("p.颜色=", ["shop:1"]),
        ("p.颜色=蓝", []),
        ("brand=", ["shop:1", "shop:2", "shop:3"]),
        ("spec_lines=1..", ["shop:1"]),
        ("spec_lines=..0&sort=-caption_length", ["shop:3", "shop:2"]),
        ("seen=2026-01-01..", ["shop:1", "shop:2", "shop:3"]),
        ("seen=..2020-01-01", []),
        ("seen=today&area=1,2", ["shop:1", "shop:2", "shop:3"]),
        ("tag=none", []),
        ("tag=&q=茶壶 陶", ["shop:1"]),
        ("spec_lines=abc&nothing=1&page=0&sort=evil", ["shop:1", "shop:2", "shop:3"]),
    ],
)
def test_products_are_found_and_sql_finds_the_same(
    read_store: Store, found: Callable[[str], Overview], query: str, expected: list[str]
) -> None:
    overview = found(query)
    assert (ids(overview), overview.count) == (expected, len(expected))
    selection = Selection.parse(parse_qsl(query, keep_blank_values=True))
    assert read_store.snapshot().sql(sql_of_selection(selection))["product_id"].to_pylist() == expected


def test_facets_count_what_choosing_a_value_would_leave(found: Callable[[str], Overview]) -> None:
    facets = {facet.name: facet.values for facet in found("video=present").facets}
    assert facets["video"] == (FacetValue("no_video", 2, chosen=False), FacetValue("present", 1, chosen=True))[::-1]
    assert facets["image"] == (FacetValue("present", 1, chosen=False),)
    overview = found("p.颜色=红")
    assert overview.property_facets == (Facet("颜色", (FacetValue("红", 1, chosen=True),)),)
    assert overview.properties == (("材质", 1), ("颜色", 1))
    lines = next(one for one in found("").histograms if one.name == "spec_lines")
    assert (sum(bar.count for bar in lines.bars), lines.bars[0].count, lines.highest) == (3, 2, 2)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["q", "source", "tag", "video", "split", "price", "seen", "area", "p.颜色", "sort", "page", "?"]
            ),
            st.text(max_size=9)
            | st.sampled_from(["1..2", "..9", "-price", "3", "", "2026-01-01..", "1,2_3,4_5,6", "1,2_3,4"]),
        ),
        max_size=6,
    )
)
def test_a_selection_survives_its_own_url(given_pairs: list[tuple[str, str]]) -> None:
    selection = Selection.parse(given_pairs)
    again = Selection.parse(parse_qsl(selection.url(page=selection.page)[1:], keep_blank_values=True))
    assert again == selection


def test_pages_follow_each_other_without_gap_or_overlap(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "many", buckets=2)
    with store.stage("fill", settings="") as stage:
        stage.write("products", rows("products", *(product(n, None) for n in range(1000, 1000 + 2 * PAGE + 5))))
        stage.commit(StageReport("fill", 2 * PAGE + 5, 2 * PAGE + 5))
    index = CurrentIndex(store.snapshot, store.state)
    with index.reading() as engine:
        pages = [ids(explore(engine, Selection(page=page))) for page in (1, 2, 3, 4)]
    index.close()
    assert [len(page) for page in pages] == [PAGE, PAGE, 5, 0]
    together = [product_id for page in pages for product_id in page]
    assert together == [f"shop:{n}" for n in range(1000, 1000 + 2 * PAGE + 5)]


def test_a_newer_version_replaces_the_index_under_its_readers(store: Store) -> None:
    index = CurrentIndex(store.snapshot, store.state)
    with index.reading() as before:
        with store.stage("fill", settings="other") as stage:
            stage.write("products", rows("products", product(2, "一张椅子")))
            stage.commit(StageReport("fill", 1, 1))
        with index.reading() as after:
            assert ids(explore(after, Selection())) == ["shop:2"]
        assert len(ids(explore(before, Selection()))) == 3
    index.close()


def test_a_newer_version_is_seen_and_what_was_taken_down_is_not(store: Store) -> None:
    products = ProductReader(store)
    assert set(products.cards(["shop:1", "shop:2"])) == {"shop:1", "shop:2"}
    with store.stage("fill", settings="other") as stage:
        stage.write("products", rows("products", product(2, "一张椅子")))
        stage.commit(StageReport("fill", 1, 1))
    found = products.cards(["shop:1", "shop:2"])
    assert {one: card.caption for one, card in found.items()} == {"shop:2": "一张椅子"}
    products.close()


def test_version_removed_while_read_is_no_server_error(judged: Site, filled: Filled) -> None:
    client = judged.signed_in("rita", "reviewer").client
    for path in (filled.store.root / "tables" / "products").rglob("*.parquet"):
        path.unlink()
    answer = client.get(f"/products/{filled.hostile['script']}")
    assert (answer.status_code, answer.json()) == (
        503,
        {"error": "The dataset is being prepared or has just changed. Try again in a moment."},
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_is_there_in_both_languages(judged: Site, filled: Filled, language: str) -> None:
    rita, ann = judged.signed_in("rita", "reviewer").client, judged.signed_in("ann").client
    for client, path in (
        (rita, "/products"), (rita, f"/products/{filled.hostile['script']}"), (rita, "/labels"), (ann, "/annotate"),
    ):  # fmt: skip
        answer = client.get(path, params={"lang": language})
        assert answer.status_code == 200
        assert f'lang="{"zh-Hans" if language == "zh" else "en"}"' in answer.text
