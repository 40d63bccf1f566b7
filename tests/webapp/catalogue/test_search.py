"""Finding products, and one product in all its modalities."""

from pathlib import Path

import pytest

from m5data.stage import StageReport
from storage import Store
from tests.export.conftest import store as five_modalities
from tests.export.synthetic import product, rows
from tests.webapp.conftest import Filled, Site
from webapp.catalogue.product_detail import read_detail
from webapp.catalogue.product_reader import ProductReader
from webapp.catalogue.search import PAGE, Filters, Search, find_products, list_filters

store = five_modalities


def test_a_product_is_shown_with_its_five_modalities_its_ledger_and_its_split(store: Store) -> None:
    found = read_detail(store.snapshot(), "shop:1")
    assert found is not None
    assert dict(found.ledger) == dict.fromkeys(("image", "caption", "specifications", "video", "audio"), "present")
    assert [(spec.property, spec.value) for spec in found.card.specs] == [("颜色", "红"), ("材质", "陶")]
    assert (len(found.card.images), found.card.videos[0].sound, len(found.frames), len(found.audio)) == (
        1,
        True,
        2,
        1,
    )
    assert found.labels == ("家居", "茶具")
    assert [(one.split, one.role) for one in found.splits] == [("train", "sample")]
    lacking = read_detail(store.snapshot(), "shop:3")
    assert lacking is not None
    assert dict(lacking.ledger) == {
        "image": "no_image_on_page", "caption": "present", "specifications": "no_specs", "video": "no_video",
        "audio": "no_video",
    }  # fmt: skip
    assert read_detail(store.snapshot(), "shop:99") is None


def test_products_are_found_by_text_shop_class_and_split(store: Store) -> None:
    def ids(**search: str) -> list[str]:
        with products.reading() as engine:
            return [card.product_id for card in find_products(engine, Search(**search)).cards]

    products = ProductReader(store, lambda: 0.0)
    assert ids() == ["shop:1", "shop:2", "shop:3"]
    assert ids(text="茶壶") == ["shop:1"]
    assert ids(text="shop:2") == ["shop:2"]
    assert ids(split="query-c") == ["shop:3"]
    assert ids(sub_class="茶具", source="shop", after="shop:1") == ["shop:2", "shop:3"]
    assert ids(source="other") == []
    with products.reading() as engine:
        assert list_filters(engine) == Filters(("shop",), ("query-c", "train"), ("茶具",))
    products.close()


def test_pages_follow_each_other_without_gap_or_overlap(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "many", buckets=2)
    with store.stage("fill", settings="") as stage:
        stage.write("products", rows("products", *(product(n, None) for n in range(1000, 1000 + 2 * PAGE + 5))))
        stage.commit(StageReport("fill", 2 * PAGE + 5, 2 * PAGE + 5))
    products = ProductReader(store, lambda: 0.0)
    pages, after = [], ""
    with products.reading() as engine:
        while True:
            found = find_products(engine, Search(after=after))
            pages.append([card.product_id for card in found.cards])
            if found.next is None:
                break
            after = found.next
    products.close()
    assert [len(page) for page in pages] == [PAGE, PAGE, 5]
    together = [product_id for page in pages for product_id in page]
    assert together == sorted(together)


def test_a_newer_version_is_seen_and_what_was_taken_down_is_not(store: Store) -> None:
    now = 0.0
    products = ProductReader(store, lambda: now)
    assert set(products.cards(["shop:1", "shop:2"])) == {"shop:1", "shop:2"}
    with store.stage("fill", settings="other") as stage:
        stage.write("products", rows("products", product(2, "一张椅子")))
        stage.commit(StageReport("fill", 1, 1))
    now = 10.0
    found = products.cards(["shop:1", "shop:2"])
    assert {one: card.caption for one, card in found.items()} == {"shop:2": "一张椅子"}
    products.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_is_there_in_both_languages(judged: Site, filled: Filled, language: str) -> None:
    rita, ann = judged.signed_in("rita", "reviewer").client, judged.signed_in("ann").client
    for client, path in (
        (rita, "/products"), (rita, f"/products/{filled.hostile['script']}"), (rita, "/labels"), (ann, "/annotate"),
    ):  # fmt: skip
        answer = client.get(path, params={"lang": language})
        assert answer.status_code == 200
        assert f'lang="{"zh-Hans" if language == "zh" else "en"}"' in answer.text
