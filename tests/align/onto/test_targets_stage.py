from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from align import align_stage
from align.category import Category
from align.onto.target_review import uncertain_targets
from align.review import (
    Decision,
    SheetReader,
    all_decisions,
    read_sheet,
    record_decisions,
    resolve_decisions,
    write_sheet,
)
from align.settings import AlignSettings
from core.errors import SettingsError, UsageError
from core.stage import StageReport
from storage import Store
from storage.tables import TABLES

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
TREE = "# Google_Product_Taxonomy_Version: 1\n1 - Garden\n2 - Garden > Rakes\n3 - Garden > Spades\n4 - Kitchen\n"
PRODUCTS = {"s:1": ("Outdoor", "Leaf rakes"), "s:2": ("Outdoor", "Spades"), "s:3": ("Ωψξ",), "s:4": ("Kitchen",)}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.create(tmp_path / "shop", buckets=2)
    empty = dict.fromkeys(TABLES["products"].schema.names)
    products = [
        {
            **empty,
            "product_id": name,
            "source": "s",
            "native_id": name[2:],
            "url": f"http://{name}",
            "caption": "thing",
            "category": list(path),
            "masked": 0,
            "first_seen": NOON,
            "last_seen": NOON,
        }
        for name, path in PRODUCTS.items()
    ]
    duplicates = [
        {"product_id": name, "group_id": name, "rule": "alone", "kept": name != "s:4", "size": 1} for name in PRODUCTS
    ]
    with store.stage("dedup", settings="test") as stage:
        stage.write("products", pa.Table.from_pylist(products, schema=TABLES["products"].schema))
        stage.write("duplicates", pa.Table.from_pylist(duplicates, schema=TABLES["duplicates"].schema))
        stage.commit(StageReport("dedup", 0, 0))
    return store


@pytest.fixture
def settings(tmp_path: Path) -> AlignSettings:
    file = tmp_path / "tree.txt"
    file.write_text(TREE, "utf-8")
    return AlignSettings(onto={"google": file})


def run(store: Store, settings: AlignSettings) -> StageReport:
    return align_stage.run(store, settings, clock=lambda: NOON)


def targets(store: Store) -> list[tuple[object, ...]]:
    columns = ["path", "target", "node_id", "node", "rule"]
    return [tuple(row.values()) for row in store.snapshot().table("targets", columns).to_pylist()]


def test_categories_and_products_have_nodes(store: Store, settings: AlignSettings) -> None:
    report = run(store, settings)
    assert (report.read, report.kept, report.dropped) == (4, 3, {"no_node": 1})
    assert [row for row in targets(store) if row[0] != "Outdoor"] == [
        ("Outdoor > Leaf rakes", "google", "2", "Garden > Rakes", "learned"),
        ("Outdoor > Spades", "google", "3", "Garden > Spades", "learned"),
    ]
    found = store.snapshot().sql("SELECT product_id, target, node_id, node FROM product_targets ORDER BY 1")
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        ("s:1", "google", "2", "Garden > Rakes"),
        ("s:2", "google", "3", "Garden > Spades"),
    ]


def test_without_trees_the_table_is_empty(store: Store, settings: AlignSettings) -> None:
    run(store, settings)
    run(store, AlignSettings())
    assert targets(store) == []


def test_stage_runs_again_only_if_the_content_of_a_tree_changes(
    store: Store, settings: AlignSettings, tmp_path: Path
) -> None:
    run(store, settings)
    moved = tmp_path / "moved.txt"
    moved.write_text(TREE, "utf-8")
    assert run(store, AlignSettings(onto={"google": moved})).unchanged
    moved.write_text(TREE.replace("2 - ", "9 - "), "utf-8")
    assert not run(store, AlignSettings(onto={"google": moved})).unchanged
    assert targets(store)[-2][2] == "9"


def test_sheet_of_a_tree_overrides_and_is_applied(store: Store, settings: AlignSettings, tmp_path: Path) -> None:
    run(store, settings)
    decided = resolve_decisions(all_decisions(store.state))
    pairs = uncertain_targets(store.snapshot(), decided, "google")
    assert {pair.a.text for pair in pairs} >= {"Outdoor > Leaf rakes", "Outdoor > Spades"}
    assert [pair.probability for pair in pairs] == sorted(pair.probability or 0 for pair in pairs)
    sheet = tmp_path / "sheet.csv"
    write_sheet(sheet, pairs)
    text = sheet.read_text("utf-8-sig")
    lines = [fill(line) for line in text.splitlines(keepends=True)]
    sheet.write_text("".join(lines), "utf-8")
    record_decisions(store.state, decisions(sheet))
    run(store, settings)
    assert ("Outdoor > Spades", "google", "4", "Kitchen", "person:Ana") in targets(store)
    decided = resolve_decisions(all_decisions(store.state))
    left = uncertain_targets(store.snapshot(), decided, "google")
    assert "Outdoor > Spades" not in {pair.a.text for pair in left}


def fill(line: str) -> str:
    return "target" + line.replace("Garden > Spades", "Kitchen", 1) if "s,Outdoor > Spades," in line else line


def decisions(sheet: Path) -> Sequence[Decision]:
    return [one for one in read_sheet(sheet, SheetReader("Ana", NOON)) if isinstance(one, Decision)]


def test_decisions_that_name_nothing_are_counted(store: Store, settings: AlignSettings) -> None:
    category = Category("s", ("Outdoor",))
    ends = [
        (category, Category("google", ("Nowhere",))),
        (category, Category("gpc", ("Garden",))),
        (Category("s", ("Gone",)), Category("google", ("Garden",))),
    ]
    record_decisions(store.state, [Decision("target", a, b, "Ana", NOON) for a, b in ends])
    assert run(store, settings).dropped == {"no_node": 1, "unknown_category": 3}
    rows = store.snapshot().table("rejects", ["item", "detail"]).to_pylist()
    assert [tuple(row.values()) for row in rows if row["item"].startswith("decision:")] == [
        ("decision:s:Gone ~ google:Garden", "a decision names this category, which does not exist"),
        ("decision:s:Outdoor ~ google:Nowhere", "the tree google has no such node"),
        ("decision:s:Outdoor ~ gpc:Garden", "align.onto names no tree gpc"),
    ]


def test_a_tree_may_not_have_the_name_of_a_source(store: Store, settings: AlignSettings) -> None:
    with pytest.raises(SettingsError, match=r"^align.onto.s: a source has this name; give the tree another one\.$"):
        run(store, AlignSettings(onto={"s": settings.onto["google"]}))


def test_sheet_of_an_unknown_tree_is_refused(store: Store, settings: AlignSettings) -> None:
    run(store, settings)
    decided = resolve_decisions(all_decisions(store.state))
    with pytest.raises(UsageError, match=r"no tree gpc \(it has google\)"):
        uncertain_targets(store.snapshot(), decided, "gpc")


def test_a_single_file_is_a_tree_with_its_name() -> None:
    assert AlignSettings.model_validate({"onto": "trees/google.txt"}).onto == {"google": Path("trees/google.txt")}
