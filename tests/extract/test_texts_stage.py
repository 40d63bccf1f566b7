from datetime import UTC, datetime
from math import log
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from core.errors import MissingInputError
from core.stage import StageReport
from extract.settings import TextSettings
from extract.text import word_count
from extract.text.agreement import make_agreement
from extract.texts_stage import run
from storage import Store
from storage.tables import TABLES
from tests.extract.test_dedup_stage import NOON, Listings, fill

SETTINGS = TextSettings()

LISTINGS: Listings = {
    "n:1": ("包邮！！包邮！！ 云步女鞋 深海蓝 ＹＢ-201😀", [], [("颜色", "深海蓝"), ("型号", "YB201")]),
    "n:2": ("行远 女鞋 樱花粉 XY-7", [], [("颜色", "樱花粉"), ("型号", "XY7")]),
    "n:3": ("棠记 女鞋 TJ-55", [], [("颜色", "樱花粉"), ("型号", "TJ55")]),
    "n:4": ("行远 女鞋 樱花粉 XY-7", [], [("颜色", "驼色"), ("型号", "MB30")]),  # another product's caption
    "n:5": ("女鞋", [], []),
    "n:6": (None, [], [("颜色", "驼色")]),
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "shop", buckets=3)


def texts(store: Store) -> dict[str, tuple[object, ...]]:
    return {row["product_id"]: tuple(row.values())[1:] for row in store.snapshot().table("texts").to_pylist()}


def silent(*, c: float, u: float, r: float, k: float) -> float:
    return log(1 - u - r) - log(1 - u * c - r - u * (1 - c) * k)


def contradicted(*, c: float, u: float, r: float, k: float) -> float:
    return log(r) - log(r + u * (1 - c) * k)


def test_whole_result(store: Store) -> None:
    fill(store, LISTINGS)
    report = run(store, SETTINGS, clock=lambda: NOON)
    assert report == StageReport("texts", read=6, kept=5, dropped={"no_caption": 1})
    # Four tables have a caption. Of the other three, none has the colour of n:1 or n:4 or shares a model, and one has
    # the colour of n:2 and n:3, which is therefore the only value searched for in captions: half of all colours. Two
    # captions state their colour, one states another (that of n:4), and three state their model.
    own, common = 0.5 / 4, 1.5 / 4
    odds = [
        -log(own) - log(own),
        -log(common) - log(own),
        silent(c=common, u=2.5 / 4, r=1.25 / 4, k=0.5) - log(own),
        contradicted(c=own, u=2.5 / 4, r=0.25 / 4, k=0.5) + silent(c=own, u=3.5 / 4, r=0.25 / 4, k=0),
        None,
    ]
    expected = {
        "n:1": ("包邮! 云步女鞋 深海蓝 YB-201", "zh", 16, 2, 2, 0, "well"),
        "n:2": ("行远 女鞋 樱花粉 XY-7", "zh", 11, 2, 2, 0, "well"),
        "n:3": ("棠记 女鞋 TJ-55", "zh", 9, 2, 1, 0, "partially"),
        "n:4": ("行远 女鞋 樱花粉 XY-7", "zh", 11, 2, 0, 1, "poorly"),
        "n:5": ("女鞋", "zh", 2, 0, 0, 0, None),
    }
    found = texts(store)
    assert {name: (*row[:3], *row[4:7], row[8]) for name, row in found.items()} == expected
    assert [row[7] for row in found.values()] == [None if one is None else pytest.approx(one) for one in odds]
    assert all(row[3] == word_count(str(row[0])) for row in found.values())
    rejects = [tuple(row.values()) for row in store.snapshot().table("rejects").to_pylist()]
    assert rejects == [("texts", "n:6", "no_caption", "the product has no caption")]


def test_odds_that_count_as_well_matched_are_set(store: Store) -> None:
    fill(store, LISTINGS)
    run(store, TextSettings(well_matched_odds=1000))
    assert [row[8] for row in texts(store).values()] == ["partially", "partially", "partially", "poorly", None]


def test_second_run_over_the_same_input_does_nothing(store: Store) -> None:
    fill(store, LISTINGS)
    report = run(store, SETTINGS, clock=lambda: NOON)
    version = store.snapshot().number
    again = run(store, SETTINGS, clock=lambda: NOON)
    assert again == StageReport(report.stage, report.read, report.kept, report.dropped, unchanged=True)
    assert store.snapshot().number == version


def test_a_changed_caption_is_measured_again_and_its_neighbours_are_not(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, LISTINGS)
    run(store, SETTINGS)
    before = texts(store)
    counted: list[str] = []

    def count(text: str) -> int:
        counted.append(text)
        return 99

    monkeypatch.setattr("extract.text.sql.word_count", count)
    fill(store, {**LISTINGS, "n:5": ("男鞋", [], [])})
    run(store, SETTINGS)
    assert counted == ["男鞋"]
    assert texts(store) == {**before, "n:5": ("男鞋", "zh", 2, 99, 0, 0, 0, None, None)}


def test_no_products_have_no_texts(store: Store) -> None:
    fill(store, {"n:1": ("红鞋", [], [])})
    fill(store, {})
    assert run(store, SETTINGS, clock=lambda: NOON) == StageReport("texts", 0, 0)
    assert store.snapshot().table("texts").num_rows == 0


def test_stage_before_is_missing(store: Store) -> None:
    with pytest.raises(MissingInputError, match=r"texts: there is no table products yet\. Run m5data crawl first"):
        run(store, SETTINGS)


def test_categories_are_compared_within_themselves(store: Store) -> None:
    """A fact may be common in one category and rare in another; it is judged within its own."""
    rows = [(f"n:{number}", "深海蓝 女鞋") for number in range(4)]
    fill(store, {name: (caption, [], [("颜色", "深海蓝")]) for name, caption in rows})
    run(store, SETTINGS)
    alike = [row[7] for row in texts(store).values()]
    products = store.snapshot().table("products").to_pylist()
    for number, row in enumerate(products):
        row["category"] = ["鞋", str(number)]
        row["first_seen"] = row["last_seen"] = datetime(2024, 1, 1, tzinfo=UTC)
    with store.stage("records", settings="moved") as stage:
        stage.write("products", pa.Table.from_pylist(products, schema=TABLES["products"].schema))
        stage.commit(StageReport("records", 0, 0))
    run(store, SETTINGS)
    assert alike == [pytest.approx(-log(3.5 / 4))] * 4
    assert [row[7] for row in texts(store).values()] == [pytest.approx(-log(0.5))] * 4


def test_many_products_are_judged_block_by_block_with_the_same_result(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = {f"{shop}{name}": listing for shop in "abcde" for name, listing in LISTINGS.items()}
    fill(store, several)
    run(store, SETTINGS, clock=lambda: NOON)
    monkeypatch.setattr("extract.texts_stage._TOGETHER", 4)
    divided = Store.create(tmp_path / "divided", buckets=3)
    fill(divided, several)
    run(divided, SETTINGS, clock=lambda: NOON)
    assert texts(divided) == texts(store)
    assert {row[-1] for row in texts(divided).values()} > {None, "well"}


def test_only_sources_that_changed_are_looked_at(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.tables.partition_writer._SMALL", 0)
    monkeypatch.setattr("extract.texts_stage._OWN_FILE", 1)
    looked: list[int] = []

    def agreement(connection: duckdb.DuckDBPyConnection) -> None:
        looked.append(len(connection.sql("FROM products").fetchall()))
        make_agreement(connection)

    monkeypatch.setattr("extract.texts_stage.make_agreement", agreement)
    shops = {shop: {f"{shop}{name}": listing for name, listing in LISTINGS.items()} for shop in "ab"}
    for shop, listings in shops.items():
        fill(store, listings, within=[f"{shop}n:"])
    first = run(store, SETTINGS, clock=lambda: NOON)
    files = set(store.snapshot().files("texts"))
    shops["b"]["bn:5"] = ("男鞋", [], [("颜色", "驼色")])
    fill(store, shops["b"], within=["bn:"])
    second = run(store, SETTINGS, clock=lambda: NOON)
    anew = Store.create(tmp_path / "anew", buckets=3)
    fill(anew, {**shops["a"], **shops["b"]})
    third = run(anew, SETTINGS, clock=lambda: NOON)

    assert looked == [12, 6, 12]
    assert first == second == third == StageReport("texts", read=12, kept=10, dropped={"no_caption": 2})
    assert texts(store) == texts(anew)
    assert store.snapshot().table("rejects").equals(anew.snapshot().table("rejects"))
    kept = set(store.snapshot().files("texts")) & files
    assert {Path(file.path).name.partition("%3A")[0] for file in kept} >= {"an"}


def test_a_take_down_has_every_source_looked_at(store: Store) -> None:
    fill(store, LISTINGS)
    run(store, SETTINGS)
    with store.stage("forget", settings="") as stage:
        stage.touch("specs")
        stage.commit(StageReport("forget", 0, 0))
    with store.stage("texts", settings=SETTINGS.digest(), reads=("products", "specs")) as stage:
        assert stage.changed_sources() is None


def test_log_entries_that_vacuum_removed_have_every_source_looked_at(store: Store) -> None:
    fill(store, LISTINGS)
    run(store, SETTINGS)
    for caption in ("男鞋", "童鞋"):
        fill(store, {**LISTINGS, "n:5": (caption, [], [])})
    folder = store.root / "tables" / "products"
    DeltaTable(folder).create_checkpoint()
    (folder / "_delta_log" / f"{1:020}.json").unlink()
    run(store, SETTINGS)
    assert texts(store)["n:5"][0] == "童鞋"
