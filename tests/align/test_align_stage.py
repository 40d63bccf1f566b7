from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest

from align import Category, align, align_stage, propose_for_workspace
from align.catalogue import Facts, read_facts
from align.settings import AlignSettings
from core.errors import MissingInputError
from core.stage import StageReport
from storage import Store
from storage.tables import TABLES

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
SETTINGS = AlignSettings(first_level={"s:零食": "食品"})
COFFEE = "速溶咖啡 三合一 咖啡粉"


class Listing(NamedTuple):
    name: str
    category: Sequence[str]
    caption: str | None = None
    kept: bool = True


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "shop", buckets=3)


def fill(store: Store, listings: Sequence[Listing]) -> None:
    empty = dict.fromkeys(TABLES["products"].schema.names)
    products = [
        {
            **empty,
            "product_id": one.name,
            "source": one.name.partition(":")[0],
            "native_id": one.name.partition(":")[2],
            "url": f"http://{one.name}",
            "caption": one.caption,
            "category": list(one.category),
            "masked": 0,
            "first_seen": NOON,
            "last_seen": NOON,
        }
        for one in listings
    ]
    duplicates = [
        {"product_id": one.name, "group_id": one.name, "rule": "alone", "kept": one.kept, "size": 1} for one in listings
    ]
    with store.stage("dedup", settings="test") as stage:
        stage.write("products", pa.Table.from_pylist(products, schema=TABLES["products"].schema))
        stage.write("duplicates", pa.Table.from_pylist(duplicates, schema=TABLES["duplicates"].schema))
        stage.commit(StageReport("dedup", 0, 0))


def run(store: Store, settings: AlignSettings = SETTINGS) -> StageReport:
    return align_stage.run(store, settings, clock=lambda: NOON)


LISTINGS = [
    Listing("n:1", ["食品", "咖啡"], COFFEE),
    Listing("n:2", ["食品", "咖啡"], f"{COFFEE} 新款"),
    Listing("n:3", ["食品", "咖啡"], "洗发水", kept=False),
    Listing("n:4", ["食品"], "杂粮"),
    Listing("n:5", [], "无类"),
    Listing("s:1", ["零食", "咖啡/奶茶", "速溶"], COFFEE),
    Listing("s:2", ["零食", ""]),
    Listing("s:3", ["玩具", "积木"]),
]


def test_whole_result(store: Store) -> None:
    fill(store, LISTINGS)
    assert run(store) == StageReport("align", read=7, kept=5, dropped={"empty_name": 1, "no_category": 1})
    snapshot = store.snapshot()
    titles: dict[Category, list[str]] = {
        Category("n", ("食品", "咖啡")): [COFFEE, f"{COFFEE} 新款"],
        Category("n", ("食品",)): ["杂粮"],
        Category("s", ("零食", "咖啡/奶茶", "速溶")): [COFFEE],
        Category("s", ("玩具", "积木")): [],
    }
    sizes = {category: max(len(found), 1) for category, found in titles.items()}
    assert snapshot.table("label_map").equals(align(titles, titles, sizes=sizes, first_level=SETTINGS.first_level))
    assert [tuple(row.values()) for row in snapshot.table("labels").to_pylist()] == [
        ("n:1", 1, "食品", 1, "咖啡", -1, ""),
        ("n:2", 1, "食品", 1, "咖啡", -1, ""),
        ("n:4", 1, "食品", -1, "", -1, ""),
        ("s:1", 1, "食品", 1, "咖啡", -1, ""),
        ("s:3", 0, "玩具", 0, "积木", -1, ""),
    ]
    assert [tuple(row.values()) for row in snapshot.table("rejects").to_pylist()] == [
        ("align", "n:5", "no_category", "the product has no category path"),
        ("align", "s:2", "empty_name", "level 2: the name is empty"),
    ]


def test_second_run_over_the_same_input_does_nothing(store: Store) -> None:
    fill(store, LISTINGS)
    first = run(store)
    version = store.snapshot().number
    assert run(store) == StageReport("align", first.read, first.kept, first.dropped, unchanged=True)
    assert store.snapshot().number == version


def test_ids_stay_when_products_are_added(store: Store) -> None:
    fill(store, LISTINGS)
    run(store)
    fill(store, [*LISTINGS, Listing("a:1", ["书", "小说"]), Listing("a:2", ["玩具", "积木"])])
    run(store)
    columns = ["product_id", "class_id", "sub_class_id"]
    assert [tuple(row.values()) for row in store.snapshot().table("labels", columns).to_pylist()] == [
        ("a:1", 2, 2),
        ("a:2", 0, 0),
        ("n:1", 1, 1),
        ("n:2", 1, 1),
        ("n:4", 1, -1),
        ("s:1", 1, 1),
        ("s:3", 0, 0),
    ]


def test_changed_setting_aligns_again(store: Store) -> None:
    fill(store, LISTINGS)
    run(store)
    again = run(store, AlignSettings())
    assert not again.unchanged
    assert "零食" in store.snapshot().table("labels")["class_name"].to_pylist()


def test_settings_that_name_nothing_are_rejects(store: Store) -> None:
    fill(store, LISTINGS[:2])
    report = run(store, AlignSettings(first_level={"x:食品": "食品"}, third_level=("糖果",)))
    assert report == StageReport("align", read=4, kept=2, dropped={"unknown_category": 2})
    assert store.snapshot().table("rejects", ["item", "reason"]).to_pylist() == [
        {"item": "first_level.x:食品", "reason": "unknown_category"},
        {"item": "third_level.糖果", "reason": "unknown_category"},
    ]


def test_titles_are_read_up_to_the_characters_that_count(store: Store) -> None:
    # With 12 characters, only the first title of each side counts, and the two are equal.
    first, others = "速溶咖啡", ["洗衣机 电视机 电冰箱", "儿童积木 拼图"]
    fill(
        store,
        [
            Listing("n:1", ["食品", "咖啡粉"], first),
            Listing("n:2", ["食品", "咖啡粉"], f"{first} {first} {others[0]}"),
            Listing("s:1", ["食品", "咖啡"], first),
            Listing("s:2", ["食品", "咖啡"], f"{first} {first} {others[1]}"),
        ],
    )
    run(store, AlignSettings(characters=12))
    assert store.snapshot().table("label_map")["s_content"].to_pylist()[1] == pytest.approx(1.0)
    run(store, AlignSettings())
    assert store.snapshot().table("label_map", ["rule"])["rule"].to_pylist()[1] == "mep3m"
    assert store.snapshot().table("label_map")["s_content"].to_pylist()[1] < 0.99


def test_no_products_have_no_labels(store: Store) -> None:
    fill(store, LISTINGS)
    fill(store, [])
    assert run(store, AlignSettings()) == StageReport("align", 0, 0)
    assert store.snapshot().table("labels").num_rows == 0


def test_missing_duplicates_are_an_error(store: Store) -> None:
    with pytest.raises(MissingInputError, match=r"align: the table duplicates is missing\. Run m5data dedup first"):
        run(store)


def fill_specs(store: Store, lines: Sequence[tuple[str, int, str, str]]) -> None:
    columns = ("product_id", "position", "property", "value")
    specs = [dict(zip(columns, line, strict=True)) for line in lines]
    with store.stage("records", settings="test") as stage:
        stage.write("specs", pa.Table.from_pylist(specs, schema=TABLES["specs"].schema))
        stage.commit(StageReport("records", 0, 0))


def test_numbers_are_read_by_the_mark_of_their_source(store: Store) -> None:
    fill(store, [Listing(name, ["食品"]) for name in ("a:1", "b:1", "c:1")])
    lines = [("a:1", 0, "Weight", "1,500 kg"), ("a:1", 1, "Length", "2.5 cm")]
    lines += [("b:1", 0, "Gewicht", "1,500 kg"), ("b:1", 1, "Länge", "2,5 cm"), ("c:1", 0, "Gewicht", "1,500 kg")]
    fill_specs(store, lines)
    run(store)
    norms = store.snapshot().table("spec_norms", ["product_id", "value_norm", "unit"]).to_pylist()
    assert [tuple(row.values()) for row in norms] == [
        ("a:1", "1500000", "g"),
        ("a:1", "25", "mm"),
        ("b:1", "1500", "g"),
        ("b:1", "25", "mm"),
        ("c:1", "1,500 kg", None),
    ]


def test_values_of_the_first_shop_are_read_once_a_second_comes(store: Store) -> None:
    first = [("a:1", place, "Brand", value) for place, value in enumerate(("Bosch", "Braun", "Philips"))]
    second = [("b:1", place, "品牌", value) for place, value in enumerate(("Bosch", "Braun", "Philips"))]
    fill(store, [Listing("a:1", ["食品"])])
    fill_specs(store, first)
    run(store)
    assert store.snapshot().table("properties", ["terms"]).to_pylist() == [{"terms": []}]
    fill(store, [Listing("a:1", ["食品"]), Listing("b:1", ["食品"])])
    fill_specs(store, [*first, *second])
    run(store)
    rows = store.snapshot().table("properties", ["source", "property_norm"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [("a", "Brand"), ("b", "Brand")]


def test_specifications_get_shared_names_and_units(store: Store) -> None:
    fill(store, [Listing("n:1", ["食品", "咖啡"]), Listing("s:1", ["零食", "咖啡"])])
    fill_specs(store, [("n:1", 0, "净含量", "0.5kg"), ("n:1", 1, "产地", "云南"), ("s:1", 0, "净含量(g)", "500克")])
    run(store)
    assert [tuple(row.values()) for row in store.snapshot().table("spec_norms").to_pylist()] == [
        ("n:1", 0, "500", "g", 500.0),
        ("n:1", 1, "云南", None, None),
        ("s:1", 0, "500", "g", 500.0),
    ]
    assert [tuple(row.values()) for row in store.snapshot().table("specs").to_pylist()] == [
        ("n:1", 0, "净含量", "0.5kg", "净含量", "500", "g"),
        ("n:1", 1, "产地", "云南", "产地", "云南", None),
        ("s:1", 0, "净含量(g)", "500克", "净含量", "500", "g"),
    ]
    told = store.snapshot().sql("SELECT unit FROM specs WHERE property_norm = '净含量'")
    assert told["unit"].to_pylist() == ["g", "g"]
    assert run(store).unchanged


def test_values_in_images_are_proposed_and_never_merged(store: Store) -> None:
    fill(store, [Listing(f"n:{n}", ["食品", "咖啡"]) for n in (1, 2, 3)])
    specs = [{"product_id": f"n:{n}", "position": 0, "property": "规格容积", "value": "1L"} for n in (1, 2)]
    box = {f"{axis}{corner}": corner for axis in "xy" for corner in range(4)}
    known = {"position": 4, "sha256": "ab", "confidence": 0.95, "repeated": False, "contact": None, **box}
    texts = [("n:1", 0, "产地：云南"), ("n:1", 1, "规格容积：2L"), ("n:3", 0, "规格容积：2L")]
    lines: list[dict[str, object]] = [{**known, "product_id": p, "line": n, "text": text} for p, n, text in texts]
    lines.append({**known, "product_id": "n:2", "line": 0, "text": "产地：云南", "repeated": True})
    lines.append({**known, "product_id": "n:2", "line": 1, "text": "品牌：〈wechat〉", "contact": "wechat"})
    with store.stage("records", settings="test") as stage:
        stage.write("specs", pa.Table.from_pylist(specs, schema=TABLES["specs"].schema))
        stage.write("image_text", pa.Table.from_pylist(lines, schema=TABLES["image_text"].schema))
        stage.commit(StageReport("records", 0, 0))
    run(store)
    assert [tuple(row.values()) for row in store.snapshot().table("spec_proposals").to_pylist()] == [
        ("n:1", "产地", "云南", None, "云南", None, 4, 0, "ab", "named", 0.95),
        ("n:3", "规格容积", "2L", "规格容积", "2000", "ml", 4, 0, "ab", "named", 0.95),
    ]
    assert store.snapshot().table("specs", ["value"])["value"].to_pylist() == ["1L", "1L"]


def test_the_learned_rule_reads_what_products_have(store: Store) -> None:
    fill(store, LISTINGS)
    assert run(store, SETTINGS.model_copy(update={"rule": "learned"})).kept == 5
    rules = store.snapshot().table("label_map", ["rule"])["rule"].to_pylist()
    assert "learned" in rules
    with closing(store.snapshot().connection()) as connection:
        facts = read_facts(connection)
    assert facts == Facts({}, {}, {})


def test_first_levels_that_stand_alone_are_proposed_after_the_stage(store: Store) -> None:
    assert propose_for_workspace(store.snapshot()) == []
    fill(store, [Listing("n:1", ["家用电器", "风扇"], "落地扇"), Listing("s:1", ["电器城", "风扇"], "落地扇")])
    run(store)
    for titles in (True, False):
        found = propose_for_workspace(store.snapshot(), titles=titles)
        assert [(one.a, one.b, one.entry) for one in found] == [
            (("n", "家用电器"), ("s", "电器城"), ("s:电器城", "家用电器"))
        ]
