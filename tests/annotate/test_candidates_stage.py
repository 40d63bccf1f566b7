"""From the reserve to candidates, and from candidates to tasks."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from annotate import candidates_stage, judgements_stage, tasks_stage
from annotate.candidates import CandidateSettings, LightEncoder, Listing, load_encoder
from annotate.tasks import Handed, TaskBoard, TaskSettings
from m5data.errors import DataError, MissingInputError, SettingsError
from m5data.stage import StageReport
from storage import Store
from storage.schemas import TABLES

NOW = datetime(2026, 1, 2, tzinfo=UTC)
GOODS = {
    # native id: (caption, colour, sub-class, held out)
    "a1": ("Oak chair with armrest", "brown", 1, True),
    "a2": ("oak chair, with arm rest", "brown", 1, True),
    "a3": ("Steel lamp 40 W", "grey", 2, True),
    "a4": ("steel lamp 60 W", "grey", 2, True),
    "a5": ("Steel lamp 40 W", "grey", 2, False),
    "a6": ("A rug", "red", -1, True),
}


def rows_of(table: str, rows: Sequence[dict[str, object]]) -> pa.Table:
    schema = TABLES[table].schema
    blank = {f.name: None if f.nullable else {"string": "", "int32": 0}.get(str(f.type)) for f in schema}
    return pa.Table.from_pylist([{**blank, **row} for row in rows], schema=schema)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store.create(tmp_path / "workspace", buckets=2)
    ids = {f"s:{name}": values for name, values in GOODS.items()}
    seen = {"category": [], "first_seen": NOW, "last_seen": NOW}
    with made.stage("fill", settings="") as stage:
        products = [{"product_id": i, "caption": caption, **seen} for i, (caption, *_) in ids.items()]
        stage.write("products", rows_of("products", products))
        specs: list[dict[str, object]] = [
            {"product_id": i, "property": "Colour", "value": colour} for i, (_, colour, *_) in ids.items()
        ]
        stage.write("specs", rows_of("specs", specs))
        labels = [
            {
                "product_id": i,
                "class_name": "home",
                "sub_class_id": sub,
                "sub_class_name": {1: "chairs", 2: "lamps"}.get(sub, ""),
            }
            for i, (_, _, sub, _) in ids.items()
        ]
        stage.write("labels", rows_of("labels", labels))
        groups = [{"product_id": i, "group_id": i, "rule": "alone", "kept": True, "size": 1} for i in ids]
        stage.write("duplicates", rows_of("duplicates", groups))
        stage.write("reserve", rows_of("reserve", [{"group_id": i, "held_out": held} for i, (*_, held) in ids.items()]))
        stage.commit(StageReport("fill", len(ids), len(ids)))
    return made


def found(store: Store, settings: CandidateSettings) -> list[tuple[str, str, int]]:
    candidates_stage.run(store, settings)
    rows = store.snapshot().table("candidates", ["query", "candidate", "rank"]).to_pylist()
    return [(row["query"], row["candidate"], row["rank"]) for row in rows]


@pytest.mark.parametrize("search", ["exact", "approximate"])
def test_the_likest_listing_outside_train_comes_first(store: Store, search: str) -> None:
    plan = CandidateSettings.model_validate({"min_category": 2, "best": 1, "search": search})
    assert found(store, plan) == [
        ("s:a1", "s:a2", 0),
        ("s:a2", "s:a1", 0),
        ("s:a3", "s:a4", 0),
        ("s:a4", "s:a3", 0),
    ]


def test_nothing_new_is_no_work_and_the_seed_draws_the_queries(store: Store) -> None:
    plan = CandidateSettings(min_category=2, best=9, queries=1)
    first = found(store, plan)
    assert len(first) == 4
    assert candidates_stage.run(store, plan).unchanged
    drawn = {found(store, plan.model_copy(update={"seed": seed}))[0][0] for seed in range(6)}
    assert 1 < len(drawn) <= 4


def test_too_small_categories_an_unknown_encoder_and_no_reserve_are_errors(store: Store, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="wanted categories of 2001 products outside train, the largest has 2"):
        candidates_stage.run(store, CandidateSettings())
    with pytest.raises(SettingsError, match=r"annotate\.candidates\.encoder: wanted one of light, got 'heavy'"):
        candidates_stage.run(store, CandidateSettings(min_category=1, encoder="heavy"))
    with pytest.raises(MissingInputError, match="run m5data build-splits first"):
        candidates_stage.run(Store.create(tmp_path / "other"), CandidateSettings())


def test_pairs_become_tasks_once_and_gold_rows_gold(store: Store, tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="run m5data annotate candidates first"):
        tasks_stage.run(store, TaskSettings())
    found(store, CandidateSettings(min_category=2, best=1))
    gold = tmp_path / "gold.csv"
    gold.write_text("query,candidate,worker,answer,gold\ns:a1,s:a2,boss,matched,true\ns:a3,s:a6,boss,mismatched,true\n")
    judgements_stage.run(store, gold)
    plan = TaskSettings(gold_first=2)
    report = tasks_stage.run(store, plan)
    assert (report.read, report.kept, dict(report.dropped)) == (4, 2, {"mirrored": 2})
    report = tasks_stage.run(store, plan)
    assert (report.read, report.kept, dict(report.dropped)) == (4, 0, {"known": 2, "mirrored": 2})
    with TaskBoard(store.state, plan) as board:
        board.invite(["ann"])
        seen = []
        while (task := board.next_task("ann")) is not None:
            board.answer("ann", task.number, "matched", 1)
            seen.append((task.query, task.candidate))
        assert (board.pay()[0].gold_asked, board.pay()[0].gold_right) == (2, 1)
    assert sorted(seen[:2]) == [("s:a1", "s:a2"), ("s:a3", "s:a6")]
    assert seen[2:] == [("s:a3", "s:a4")]


def test_categories_to_choose_from_are_the_products_own_and_its_neighbours(store: Store) -> None:
    found(store, CandidateSettings(min_category=2, best=4))
    report = tasks_stage.run(store, TaskSettings(), kind="category")
    assert (report.read, report.kept) == (4, 4)
    with TaskBoard(store.state, TaskSettings()) as board:
        board.invite(["ann"])
        task = board.next_task("ann")
    assert isinstance(task, Handed)
    assert task.options == ("home", "home > chairs", "home > lamps", "uncertain")


def test_the_light_encoder_sees_each_modality_and_none_where_there_is_none() -> None:
    listings = [
        Listing("s:1", "红色 连衣裙 XL", (("颜色", "红色"),), None, -1),
        Listing("s:2", "红色　连衣裙 ＸＬ", (("颜色", "红色"),), None, -1),
        Listing("s:3"),
    ]
    vectors = LightEncoder().encode(listings, lambda sha: b"")
    assert vectors.shape == (3, 1600)
    assert (vectors[0] == vectors[1]).all()
    assert not vectors[2].any()
    assert (vectors[0, :1024] ** 2).sum() == pytest.approx(1)
    assert isinstance(load_encoder("light"), LightEncoder)
