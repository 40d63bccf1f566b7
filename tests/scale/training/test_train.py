"""Training is reproducible, resumes after a kill, and refuses to continue with another recipe, seed or data."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.errors import DataError, MissingInputError, SettingsError
from scale.data.shard_folder import ShardFolder
from scale.training_recipe import TrainingRecipe
from tests.scale.tiny_recipes import recipe

torch = pytest.importorskip("torch")

from scale.evaluation.features import load_model  # noqa: E402
from scale.training.checkpoint import load_checkpoint  # noqa: E402 - needs torch
from scale.training.loop import halving, schedule  # noqa: E402
from scale.training.train import FINETUNED, PRETRAINED, PhaseReport, train  # noqa: E402


def curve(folder: Path, name: str = PRETRAINED) -> list[tuple[int, str, float]]:
    return [tuple(row) for row in load_checkpoint(folder / name)["curve"]]


def run(
    export: Path, folder: Path, chosen: TrainingRecipe | None = None, *, seed: int = 0, restart: bool = False
) -> tuple[PhaseReport, ...]:
    return train(ShardFolder(export), chosen or recipe(), folder, seed=seed, restart=restart, device="cpu")


@pytest.fixture(scope="module")
def trained(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    pretrain, finetune = run(export, folder)
    assert (pretrain.steps, pretrain.total, pretrain.samples, pretrain.products) == (8, 8, 190, 152)
    assert (finetune.steps, finetune.total, finetune.samples, finetune.products) == (4, 4, 64, 64)
    return folder


def test_all_six_terms_are_there_and_fall(trained: Path) -> None:
    rows = curve(trained)
    assert {name for _, name, _ in rows} == {"IMCL", "MLM", "MRP", "MEM", "MFP", "MAM"}
    sums = [sum(value for step, _, value in rows if step == at) for at in (0, 7)]
    assert sums[1] < sums[0]


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(export: Path, trained: Path, tmp_path: Path) -> None:
    run(export, tmp_path / "same")
    run(export, tmp_path / "other", seed=1)
    assert curve(tmp_path / "same") == curve(trained)
    assert curve(tmp_path / "same", FINETUNED) == curve(trained, FINETUNED)
    assert curve(tmp_path / "other") != curve(trained)


CHILD = """
import os, signal, sys
from pathlib import Path
import torch
from scale.data.shard_folder import ShardFolder
from scale.training.train import train
from tests.scale.tiny_recipes import recipe

class Killing:
    left = int(sys.argv[3])
    def start(self, stage, total): pass
    def advance(self, items=1):
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
    def finish(self): pass

torch.set_num_threads(int(sys.argv[4]))
train(ShardFolder(Path(sys.argv[1])), recipe(), Path(sys.argv[2]), device="cpu", progress=Killing())
"""


@pytest.mark.parametrize("after", [5, 11])
def test_killed_and_run_again_it_has_the_same_loss_curve(
    export: Path, trained: Path, tmp_path: Path, after: int
) -> None:
    command = [sys.executable, "-c", CHILD, str(export), str(tmp_path), str(after), str(torch.get_num_threads())]
    root = Path(__file__).resolve().parents[3]
    child = subprocess.run(command, check=False, cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
    assert child.returncode == -signal.SIGKILL
    pretrain, finetune = run(export, tmp_path)
    assert (pretrain.steps, finetune.steps) == ((5, 4) if after == 5 else (0, 1))
    assert curve(tmp_path) == curve(trained)
    assert curve(tmp_path, FINETUNED) == curve(trained, FINETUNED)
    best, whole = (load_checkpoint(folder / PRETRAINED)["best"] for folder in (tmp_path, trained))
    assert (best["step"], best["score"]) == (whole["step"], whole["score"])


def test_what_is_done_is_not_done_again(export: Path, trained: Path) -> None:
    before = (trained / FINETUNED).stat().st_mtime_ns
    assert [done.steps for done in run(export, trained)] == [0, 0]
    assert (trained / FINETUNED).stat().st_mtime_ns == before


def test_half_a_checkpoint_of_a_killed_training_is_removed(export: Path, trained: Path) -> None:
    half = trained / f".{PRETRAINED}.tmp"
    half.write_bytes(b"half")
    run(export, trained)
    assert not half.exists()


def test_another_recipe_or_seed_is_refused_and_names_the_keys(export: Path, trained: Path) -> None:
    wider = recipe(model={"width": 32}, objective={"contrastive": False})
    with pytest.raises(
        SettingsError, match=r"model.width: 16, now 32; objective.contrastive: True, now False.*--restart"
    ):
        run(export, trained, wider)
    with pytest.raises(SettingsError, match="seed: 0, now 4"):
        run(export, trained, seed=4)


def test_other_data_are_refused(export: Path, trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "export"
    shutil.copytree(export, copy)
    text = (copy / "parquet/manifest.json").read_text()
    (copy / "parquet/manifest.json").write_text(text.replace('"splits": 7', '"splits": 8'))
    with pytest.raises(DataError, match=r"dataset version .*--restart"):
        run(copy, trained)


def test_restart_forgets(export: Path, trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    done = run(export, folder, recipe(objective={"contrastive": False}), restart=True)
    assert [one.steps for one in done] == [8, 4]
    assert "IMCL" not in {name for _, name, _ in curve(folder)}


@pytest.mark.parametrize("content", [b"", b"PK no checkpoint", None])
def test_a_file_that_is_no_checkpoint_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / PRETRAINED
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(
        DataError if content is not None else MissingInputError,
        match=r"This is not a checkpoint|There is no checkpoint",
    ):
        load_checkpoint(path)


def test_a_torn_checkpoint_is_an_error(trained: Path, tmp_path: Path) -> None:
    whole = (trained / PRETRAINED).read_bytes()
    (tmp_path / PRETRAINED).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="This is not a checkpoint"):
        load_checkpoint(tmp_path / PRETRAINED)


def test_a_loss_that_is_not_finite_ends_the_training(export: Path, tmp_path: Path) -> None:
    # the first step, at a huge learning rate, blows up the weights; the second notices
    wild = recipe(optimiser={"rate": 1e30, "warm_up": 0.0, "clip": 1e30})
    with pytest.raises(DataError, match=r"pretrain: step \d: The loss is not finite: .*Lower the learning rate"):
        run(export, tmp_path, wild)
    assert not (tmp_path / PRETRAINED).exists()


def test_the_rate_rises_then_falls_to_zero() -> None:
    assert [round(schedule(step, 10, 0.2), 3) for step in range(10)] == [
        0.5,
        1,
        1,
        0.875,
        0.75,
        0.625,
        0.5,
        0.375,
        0.25,
        0.125,
    ]


def test_the_rate_of_mep_3m_is_halved_every_two_epochs() -> None:
    assert [halving(step, 12, 6) for step in range(12)] == [1] * 4 + [0.5] * 4 + [0.25] * 4


def test_tensorboard_reads_the_curve(trained: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(trained / "logs" / "pretrain")).Reload()
    logged = {(event.step, "MLM"): event.value for event in events.Scalars("MLM")}
    assert logged == {
        (step, name): pytest.approx(value, rel=1e-6) for step, name, value in curve(trained) if name == "MLM"
    }


@pytest.mark.parametrize(
    "objective",
    [
        {"modalities": ("text",)},
        {"modalities": ("image",), "contrastive": False},
        {"modalities": ("text", "image"), "fusion": "none", "masked": False, "form": "clip"},
        {"fusion": "text-cross"},
        {"form": "paper"},
        {"form": "released"},
        {"alignment": False},
        {"table_task": "mlm", "missing": "released"},
        {"stack_table": True},
        {"missing": "fill"},
        {"missing": "search"},
    ],
)
def test_every_switch_trains(export: Path, tmp_path: Path, objective: dict[str, Any]) -> None:
    chosen = recipe(objective=objective, optimiser={"epochs": 1, "finetune_epochs": 1})
    pretrain, finetune = run(export, tmp_path, chosen)
    assert pretrain.steps == 4
    assert finetune.steps == 2
    assert all(torch.isfinite(value).all() for value in load_checkpoint(tmp_path / PRETRAINED)["model"].values())


def test_only_complete_products_are_counted_by_an_epoch(export: Path, tmp_path: Path) -> None:
    chosen = recipe(objective={"missing": "drop"}, optimiser={"epochs": 2, "finetune_epochs": 0, "batch": 16})
    (pretrain,) = run(export, tmp_path, chosen)
    assert pretrain.products < 190 * 0.8
    assert pretrain.steps == 2 * (pretrain.products // 16)


def test_the_best_epoch_on_held_out_products_is_what_is_evaluated(export: Path, tmp_path: Path) -> None:
    # a rate that later spoils the weights: the best step is not the last one
    chosen = recipe(optimiser={"validation": 0.2, "epochs": 4, "finetune_epochs": 0, "rate": 0.05})
    run(export, tmp_path, chosen)
    state = load_checkpoint(tmp_path / PRETRAINED)
    assert state["best"]["step"] % 4 == 0
    kept = load_model(tmp_path / PRETRAINED, torch.device("cpu")).trunk.state_dict()
    assert all(torch.equal(value, state["best"]["model"][f"trunk.{name}"]) for name, value in kept.items())
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(tmp_path / "logs" / "pretrain")).Reload()
    scores = {event.step: event.value for event in events.Scalars("validation")}
    assert list(scores) == [4, 8, 12, 16]
    assert max(scores, key=lambda step: scores[step]) == state["best"]["step"]
    shown = events.Tags()["scalars"]
    assert {"gradient norm", "effective rank/text", "cosine of different products/audio"} <= set(shown)
    assert "cosine of the same product/text-image" in shown


def test_accumulation_and_bfloat16(export: Path, tmp_path: Path) -> None:
    chosen = recipe(optimiser={"accumulate": 2, "precision": "bfloat16", "finetune_epochs": 0})
    (pretrain,) = run(export, tmp_path, chosen)
    assert (pretrain.steps, pretrain.total) == (4, 4)
