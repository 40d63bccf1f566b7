"""Candidates are searched in the reserve, and become tasks."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from annotate import candidates_stage, judgements_stage, tasks_stage
from annotate.candidates import CandidateSettings, LightEncoder, Listing, load_encoder, vectors
from annotate.tasks import LeasedTask, TaskBoard, TaskSettings
from core.errors import DataError, MissingInputError, SettingsError
from core.stage import StageReport
from storage import Store
from storage.tables import TABLES
from storage.tasks import TaskFunction, in_process
from tests.annotate.asking import next_task
from tests.annotate.held_out import held_out_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return held_out_store(tmp_path / "workspace")


def found(store: Store, settings: CandidateSettings) -> list[tuple[str, str, int]]:
    candidates_stage.run(store, settings)
    rows = store.snapshot().table("candidates", ["query", "candidate", "rank"]).to_pylist()
    return [(row["query"], row["candidate"], row["rank"]) for row in rows]


@pytest.mark.parametrize("search", ["exact", "approximate"])
def test_the_most_similar_held_out_listing_comes_first(store: Store, search: str) -> None:
    plan = CandidateSettings.model_validate({"min_category": 2, "best": 1, "search": search})
    assert found(store, plan) == [
        ("s:a1", "s:a2", 0),
        ("s:a2", "s:a1", 0),
        ("s:a3", "s:a4", 0),
        ("s:a4", "s:a3", 0),
    ]


def test_descriptions_are_read_where_the_settings_ask_for_it(store: Store) -> None:
    with store.stage("ingest", settings="", reads=["products"]) as stage:
        said = {"s:a1": "the same words of one maker", "s:a3": "the same words of one maker"}
        listed = [
            row | {"description": said.get(row["product_id"])} for row in stage.before.table("products").to_pylist()
        ]
        stage.write("products", pa.Table.from_pylist(listed, schema=TABLES["products"].schema))
        stage.commit(StageReport("ingest", len(listed), len(listed)))
    read = [
        {one.product_id: one.caption for some in found for one in some}
        for asked in (False, True)
        for found in [candidates_stage.read_listings(store.snapshot(), frozenset(said), description=asked)]
    ]
    captions = read[0]
    assert read[1] == {one: f"{caption}\nthe same words of one maker" for one, caption in captions.items()}


def test_tasks_encode_to_the_same_candidates_and_a_killed_run_is_resumed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = CandidateSettings(min_category=2, best=2)
    expected = found(store, plan)
    other, encoded = held_out_store(tmp_path / "other"), list[str]()
    monkeypatch.setattr(vectors, "_LISTINGS", 1)

    def killed_after_two(
        function: TaskFunction, location: str, names: Iterable[str | None]
    ) -> Iterator[tuple[str, object]]:
        for name, result in in_process(function, location, names):
            encoded.append(name)
            yield name, result
            if len(encoded) == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        candidates_stage.run(other, plan, runner=killed_after_two)
    report = candidates_stage.run(other, plan, runner=killed_after_two)
    assert len(encoded) == len(set(encoded)) == report.read
    assert found(other, plan) == expected


def test_an_unchanged_input_is_no_work_and_the_seed_draws_the_queries(store: Store) -> None:
    plan = CandidateSettings(min_category=2, best=9, queries=1)
    first = found(store, plan)
    assert len(first) == 4
    assert candidates_stage.run(store, plan).unchanged
    drawn = {found(store, plan.model_copy(update={"seed": seed}))[0][0] for seed in range(6)}
    assert 1 < len(drawn) <= 4


def test_too_small_categories_an_unknown_encoder_and_no_reserve_are_errors(store: Store, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no category has 2001 products outside train; the largest has 2"):
        candidates_stage.run(store, CandidateSettings())
    with pytest.raises(SettingsError, match=r"encoder must be one of light, paper, scale, not 'heavy'"):
        candidates_stage.run(store, CandidateSettings(min_category=1, encoder="heavy"))
    with pytest.raises(MissingInputError, match="Run m5data build-splits first"):
        candidates_stage.run(Store.create(tmp_path / "other"), CandidateSettings())


def test_pairs_become_tasks_once_and_gold_rows_gold(store: Store, tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="Run m5data annotate candidates first"):
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
        while (task := next_task(board, "ann")) is not None:
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
        task = next_task(board, "ann")
    assert isinstance(task, LeasedTask)
    assert task.options == ("home", "home > chairs", "home > lamps", "uncertain")


def test_the_light_encoder_encodes_present_modalities_only() -> None:
    listings = [
        Listing("s:1", "红色 连衣裙 XL", (("颜色", "红色"),), None, -1),
        Listing("s:2", "红色　连衣裙 ＸＬ", (("颜色", "红色"),), None, -1),
        Listing("s:3"),
    ]
    vectors = LightEncoder().encode(listings, lambda sha: b"")
    assert vectors.shape == (3, 2112)
    assert (vectors[0] == vectors[1]).all()
    assert not vectors[2].any()
    assert (vectors[0, :1024] ** 2).sum() == pytest.approx(1)
    assert isinstance(load_encoder(CandidateSettings()), LightEncoder)


def test_the_encoder_scale_needs_an_existing_checkpoint(store: Store, tmp_path: Path) -> None:
    plan = CandidateSettings(min_category=2, encoder="scale")
    with pytest.raises(SettingsError, match=r"annotate\.candidates\.checkpoint: the encoder scale needs this setting"):
        candidates_stage.run(store, plan)
    with pytest.raises(MissingInputError, match=r"checkpoint: .*none\.pt cannot be read"):
        candidates_stage.run(store, plan.model_copy(update={"checkpoint": tmp_path / "none.pt"}))


def test_without_the_extra_an_encoder_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "scale.encoders.paper", raising=False)
    with pytest.raises(
        SettingsError, match=r"paper needs the extra train \(torch is not installed\)\. Run pip install"
    ):
        load_encoder(CandidateSettings(encoder="paper"))
