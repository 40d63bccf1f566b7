"""Evaluation of a training: every task is scored, results repeat, and what cannot be scored is reported."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from bench.scale.generated import World, write_world
from core.errors import DataError, MissingInputError
from m5data.cli.main import app
from scale.data.shard_folder import ShardFolder
from scale.training_recipe import MODALITIES
from tests.scale.tiny_recipes import recipe
from workspace import Workspace

torch = pytest.importorskip("torch")

from scale.data.tensors import make_batch  # noqa: E402 - needs torch
from scale.evaluation.evaluate import evaluate  # noqa: E402
from scale.evaluation.evaluator import Evaluator  # noqa: E402
from scale.evaluation.features import Features, load_model  # noqa: E402
from scale.evaluation.scores import score, search  # noqa: E402
from scale.model.network import restrict_to  # noqa: E402
from scale.training.train import PRETRAINED, train  # noqa: E402

CPU = torch.device("cpu")
ROWS = ["T", "I", "Tab", "V", "A", "T + I", "T + I + Tab", "T + I + Tab + V", "T + I + Tab + V + A"]


@pytest.fixture(scope="module")
def trained(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    train(ShardFolder(export), recipe(), folder, cache=folder / "cache", device="cpu")
    return folder


@pytest.fixture(scope="module")
def results(export: Path, trained: Path) -> dict[str, Any]:
    return evaluate(ShardFolder(export), trained, trained / "evaluation", cache=trained / "cache", device="cpu")


def test_every_task_is_judged_in_both_phases(results: dict[str, Any], trained: Path) -> None:
    assert list(results["phases"]) == ["pretrained", "finetuned"]
    for phase, found in results["phases"].items():
        assert list(found["retrieval"]) == ["coarse"]
        assert list(found["retrieval"]["coarse"]) == ROWS
        classifiers = [f"linear, {row}" for row in ROWS]
        assert list(found["classification"]) == (["fine-tuned"] if phase == "finetuned" else []) + classifiers
        assert {"NMI", "AMI", "ARI", "purity", "accuracy", "k"} == set(found["clustering"])
        assert list(found["cross-modal"]) == [
            "image → text",
            "cosines",
            "text → image",
            "table → image",
            "video → audio",
        ]
    row = results["phases"]["finetuned"]["retrieval"]["coarse"]["T"]
    measures = {f"{kind}@{k}" for kind in ("mAP", "Prec") for k in (1, 5, 10)}
    named = {f"{definition} {name}" for definition in ("released", "paper", "standard") for name in measures}
    assert set(row) == named | {"queries", "unanswerable"}
    assert results["absent splits"] == ["query-fg", "gallery-fg"]
    assert results["choices"]["form"] == "detached"
    words = ["bag of words", "TF-IDF of words", "TF-IDF of characters"]
    pixels = ["raw pixels", "colours and gradients"]
    assert list(results["baselines"]) == [*words, *pixels, "random initialisation"]
    sees = {**dict.fromkeys(words, "T + Tab"), **dict.fromkeys(pixels, "I"), "random initialisation": ROWS[-1]}
    for name, row in sees.items():
        found = results["baselines"][name]
        assert list(found["retrieval"]["coarse"]) == [row]
        assert list(found["classification"]) == [f"linear, {row}"]
    assert json.loads((trained / "evaluation" / "results.json").read_text()) == results


def test_trained_and_untrained_networks_are_read_out_in_three_ways(results: dict[str, Any]) -> None:
    random = results["baselines"]["random initialisation"]
    for found in (*results["phases"].values(), random):
        assert list(found["read-outs"]) == ["released", "cosine", "contrasted"]
        assert found["read-outs"][found["read-out"]] == found["retrieval"]
        rows = [list(tasks["coarse"]) for tasks in found["read-outs"].values()]
        assert rows[0] == rows[1] == rows[2]
    used = [found["read-out"] for found in (*results["phases"].values(), random)]
    assert used == ["contrasted", "cosine", "contrasted"]
    read = random["read-outs"]
    assert read["cosine"] != read["released"] != read["contrasted"] != read["cosine"]


def test_modalities_that_no_product_has_are_not_measured(tmp_path: Path) -> None:
    sizes = {"train": 32, "classification-train": 32, "classification-test": 16, "query-c": 8, "gallery-c": 16}
    shards = ShardFolder(write_world(World(7, absent=frozenset({"image", "video"})), tmp_path / "shards", sizes))
    train(shards, recipe(optimiser={"epochs": 1, "finetune_epochs": 1}), tmp_path / "run", device="cpu")
    found = evaluate(shards, tmp_path / "run", tmp_path / "evaluation", device="cpu")["phases"]["pretrained"]
    rows = ["T", "Tab", "A", "T + Tab", "T + Tab + A"]
    assert list(found["retrieval"]["coarse"]) == rows
    assert list(found["classification"]) == [f"linear, {row}" for row in rows]
    assert found["cross-modal"] == {}


def test_the_same_numbers_twice(results: dict[str, Any], export: Path, trained: Path, tmp_path: Path) -> None:
    assert evaluate(ShardFolder(export), trained, tmp_path, device="cpu") == results
    assert (tmp_path / "tsne.png").read_bytes() == (trained / "evaluation" / "tsne.png").read_bytes()


def test_the_page_of_examples_shows_queries_and_what_was_found(results: dict[str, Any], trained: Path) -> None:
    assert results
    page = (trained / "evaluation" / "examples.html").read_text()
    assert page.count('<div class="row">') == 8
    found = page.count('<figure class="right">') + page.count('<figure class="wrong">')
    assert found == 8 * 6
    assert 8 <= page.count('<figure class="">') <= 16  # the query, and its attention map if it has an image
    assert "generated:query-c-000000" in page


def test_a_modality_that_is_not_looked_at_might_as_well_be_absent(export: Path, trained: Path) -> None:
    evaluator = Evaluator(load_model(trained / PRETRAINED, CPU), ShardFolder(export), CPU, None)
    objective = evaluator.model.recipe.objective
    encoded = next(evaluator.batches("query-c").in_order())
    present = np.zeros_like(encoded.arrays["present"])
    present[:, MODALITIES.index("text")] = True
    zeroed = {
        name: np.zeros_like(array) if name.split("_")[0] in {"image", "table", "video", "audio"} else array
        for name, array in encoded.arrays.items()
    }
    absent = type(encoded)({**zeroed, "present": present}, encoded.product_ids, encoded.labels)
    with torch.no_grad():
        shown = evaluator.model.feature(restrict_to(make_batch(encoded, objective, CPU), MODALITIES, MODALITIES[:1]))
        wanted = evaluator.model.feature(make_batch(absent, objective, CPU))
    assert torch.allclose(shown, wanted, atol=1e-5)


def features_of(labels: list[str | None], values: list[list[float]]) -> Features:
    return Features([str(at) for at in range(len(labels))], np.array(labels, object), np.array(values, np.float32), 0)


def test_a_query_without_a_right_answer_is_counted_not_judged() -> None:
    gallery = features_of(["a", None, "b"], [[1, 0], [2, 0], [0, 1]])
    queries = replace(features_of(["a", "z"], [[1, 0], [0, 1]]), product_ids=["q", "r"])
    found = search(queries, gallery, ks=(1, 2))
    assert found.rows.tolist() == [[1, 0], [2, 0]]
    assert (found.queries, found.unanswerable) == (1, 1)
    assert found.values["paper mAP@2"] == pytest.approx(0.5)
    assert found.values["released mAP@2"] == 0.0  # one positive: only the first rank counts
    with pytest.raises(DataError, match="right answer"):
        search(features_of(["z"], [[1, 0]]), gallery)


def test_a_query_does_not_find_itself() -> None:
    listing = features_of(["a", "b", "a"], [[1, 0], [0.5, 0], [0.4, 0]])
    found = search(listing, listing, ks=(1,))
    assert found.rows.tolist() == [[1], [0], [0]]
    assert (found.queries, found.unanswerable) == (2, 1)


def test_a_test_sample_of_an_unknown_class_is_counted_not_judged() -> None:
    labels = np.array(["a", "new", "b"], dtype=object)
    found = score(np.array([[2.0, 1.0], [2.0, 1.0], [2.0, 1.0]]), labels, ["a", "b"])
    assert (found["top-1"], found["unknown class"]) == (0.5, 1.0)
    with pytest.raises(DataError, match="the 2 classes trained on"):
        score(np.array([[2.0, 1.0]]), np.array(["new"], dtype=object), ["a", "b"])


def test_a_feature_that_is_not_finite_names_the_product(export: Path, trained: Path) -> None:
    model = load_model(trained / PRETRAINED, CPU)
    with torch.no_grad():
        for parameter in model.trunk.parameters():
            parameter.fill_(float("nan"))
    with pytest.raises(DataError, match=r"generated:query-c-000000 and \d+ more have features that are not finite"):
        Evaluator(model, ShardFolder(export), CPU, None).features("query-c")


def test_shards_of_another_version_and_a_missing_training_are_refused(
    export: Path, trained: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "export"
    shutil.copytree(export, copy)
    text = (copy / "parquet/manifest.json").read_text()
    (copy / "parquet/manifest.json").write_text(text.replace('"splits": 7', '"splits": 8'))
    with pytest.raises(DataError, match="trained on dataset version"):
        evaluate(ShardFolder(copy), trained, tmp_path / "out", device="cpu")
    with pytest.raises(MissingInputError, match="Run: m5data train"):
        evaluate(ShardFolder(export), tmp_path / "nothing", tmp_path / "out", device="cpu")


@pytest.mark.parametrize(("network", "modalities"), [("bi-lstm", ("text",)), ("tfn", ("text", "image"))])
def test_a_network_of_classes_alone_has_no_pretrained_phase(
    export: Path, tmp_path: Path, network: str, modalities: tuple[str, ...]
) -> None:
    chosen = recipe(
        model={"network": network},
        objective={"modalities": modalities, "contrastive": False, "masked": False},
        optimiser={"epochs": 0, "schedule": "halving"},
    )
    pretrain, finetune = train(ShardFolder(export), chosen, tmp_path, device="cpu")
    assert (pretrain.steps, finetune.steps) == (0, 4)
    found = evaluate(ShardFolder(export), tmp_path, tmp_path / "out", device="cpu")
    assert list(found["phases"]) == ["finetuned"]
    assert next(iter(found["phases"]["finetuned"]["classification"])) == "fine-tuned"
    assert "random initialisation" in found["baselines"]
    assert found["parameters"] > 0


@pytest.fixture
def arguments(export: Path, tmp_path: Path) -> list[str]:
    """Return options of both verbs: a workspace, the export, and a user's own recipe."""
    Workspace.create(tmp_path / "shop")
    chosen = recipe(optimiser={"epochs": 1, "finetune_epochs": 1})
    lines = [f'name = "{chosen.name}"']
    for section in ("input", "model", "optimiser"):
        lines += [f"[{section}]", *(f"{k} = {json.dumps(v)}" for k, v in chosen.model_dump()[section].items())]
    file = tmp_path / "own.toml"
    file.write_text("\n".join(lines))
    return ["-w", str(tmp_path / "shop"), "--recipe", str(file), "--shards", str(export), "--device", "cpu"]


def test_the_verbs_print_what_they_did_and_by_which_choices(arguments: list[str], tmp_path: Path) -> None:
    runner = CliRunner(env={"COLUMNS": ""})  # as in a file: no line is broken
    trained = runner.invoke(app, ["train", *arguments], catch_exceptions=False)
    assert trained.exit_code == 0
    assert "pretrain" in trained.output
    judged = runner.invoke(app, ["evaluate", *arguments], catch_exceptions=False)
    assert judged.exit_code == 0
    for words in ("definition released", "definition standard", "form detached", "bag of words", "image → text", "AMI"):
        assert words in judged.output
    assert "not judged: the export has no split query-fg" in judged.output
    assert (tmp_path / "shop" / "training" / "small-test" / "evaluation" / "examples.html").is_file()
    plain = runner.invoke(app, ["evaluate", *arguments, "--json"], catch_exceptions=False)
    assert json.loads(plain.stdout)["recipe"] == "small-test"
