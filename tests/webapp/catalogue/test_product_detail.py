"""One product in all its modalities, and its related products."""

from decimal import Decimal

import pyarrow as pa

from core.stage import StageReport
from storage import Store
from tests.export.conftest import store as five_modalities
from tests.export.synthetic import NOW, product, rows
from webapp.catalogue.product_detail import Offer, Statements, read_detail

store = five_modalities


def test_product_is_shown_with_modalities_ledger_and_split(store: Store) -> None:
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
    assert found.lineage.labels == ("家居", "茶具")
    assert [(one.split, one.role) for one in found.lineage.splits] == [("train", "sample")]
    lacking = read_detail(store.snapshot(), "shop:3")
    assert lacking is not None
    assert dict(lacking.ledger) == {
        "image": "no_image_on_page", "caption": "present", "specifications": "no_specs", "video": "no_video",
        "audio": "no_video",
    }  # fmt: skip
    assert read_detail(store.snapshot(), "shop:99") is None


def test_statements_of_the_shop_are_shown_as_text(store: Store) -> None:
    full, bare = (read_detail(store.snapshot(), f"shop:{n}") for n in (1, 2))
    assert full is not None
    assert bare is not None
    assert full.stated == Statements(
        *("手工制作。\n容量一升。", ("保温", "轻"), "59.00 CNY", 4.5, 12, "New", "R7", "00012345600012")
    )
    assert bare.stated == Statements(None, (), None, None, None, None, None, None)
    assert (full.offers, bare.offers) == ((), ())


def test_offers_of_one_gtin_are_shown_with_their_earlier_prices(store: Store) -> None:
    offer = {"gtin14": "00012345600012", "currency": "EUR", "price": Decimal(20), "condition": "Used"}
    told = {"product_id": "other:1", "source": "other", "url": "https://other.example/1", "native_id": "1"}
    with store.stage("ingest", settings="", reads=["products"]) as stage:
        before = stage.before.table("products")
        stage.write("products", pa.concat_tables([before, rows("products", product(1, "pot") | told | offer)]))
        was = {"product_id": "other:1", "changed_at": NOW, "field": "price", "before": "25", "after": "20"}
        stage.write("history", rows("history", was))
        stage.commit(StageReport("ingest", 4, 4))
    found = [read_detail(store.snapshot(), one) for one in ("shop:1", "other:1")]
    offers = (
        Offer("other:1", "other", "20.00 EUR", None, None, "Used", ((NOW, "25"),)),
        Offer("shop:1", "shop", "49.50 CNY", "59.00 CNY", None, "New", ()),
    )
    assert [one and one.offers for one in found] == [offers, offers]


def test_related_products_come_closest_first(store: Store) -> None:
    with store.stage("dedup", settings="") as stage:
        group = {"group_id": "shop:1", "rule": "exact_text", "size": 2}
        alone = {"group_id": "shop:3", "rule": "alone", "size": 1, "product_id": "shop:3", "kept": True}
        members = [{**group, "product_id": "shop:1", "kept": True}, {**group, "product_id": "shop:2", "kept": False}]
        stage.write("duplicates", rows("duplicates", *members, alone))
        near = {"product_id": "shop:1", "other_id": "shop:3", "rule": "near_text", "distance": 0.1, "joined": True}
        stage.write("duplicate_pairs", rows("duplicate_pairs", near))
        stage.commit(StageReport("dedup", 3, 3))
    related = {
        one: [(other.product_id, other.how, other.caption) for other in found.lineage.related]
        for one in ("shop:1", "shop:2", "shop:3")
        if (found := read_detail(store.snapshot(), one)) is not None
    }
    assert related == {
        "shop:1": [("shop:2", ("exact_text",), ""), ("shop:3", ("near_text",), "一张桌子")],
        "shop:2": [],
        "shop:3": [("shop:1", ("near_text",), "红色 茶壶")],
    }
