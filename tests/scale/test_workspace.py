"""Training in a workspace: its optional extra, its files, and several processes."""

import os
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from core.errors import SettingsError, UsageError
from core.stage import SilentProgress
from m5data.cli.main import app
from takedown.forget import delete_reports
from workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]


def test_without_the_extra_the_verbs_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Workspace.create(tmp_path / "shop")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in {"torch", "sklearn"} else object())
    done = CliRunner().invoke(app, ["train", "-w", str(tmp_path / "shop")])
    assert isinstance(done.exception, UsageError)
    assert "training needs torch, sklearn, not installed here; run: pip install 'm5data[train]'" in str(done.exception)


def test_a_take_down_drops_what_training_shows_and_keeps_the_rest(tmp_path: Path) -> None:
    shown = [
        tmp_path / "reports" / "report.html",
        tmp_path / "training" / "cache" / "abc" / "block.npz",
        tmp_path / "training" / "tiny" / "evaluation" / "examples.html",
    ]
    kept = tmp_path / "training" / "tiny" / "pretrain.pt"
    for path in (*shown, kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert delete_reports(tmp_path) == tuple(str(path.relative_to(tmp_path)) for path in shown)
    assert [path.exists() for path in (*shown, kept)] == [False, False, False, True]


def test_curves_go_to_weights_and_biases_where_asked(
    export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = pytest.importorskip("scale.command", exc_type=ImportError)
    recipe = tmp_path / "short.toml"
    recipe.write_text('base = "tiny"\nname = "short"\n[optimiser]\nepochs = 0\nfinetune_epochs = 0\n')
    options = {"seed": 3, "restart": False, "device": "cpu", "progress": SilentProgress(), "wandb": "shops"}
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(SettingsError, match=r"--wandb: .* Run pip install wandb"):
        command.train_run(tmp_path, export, str(recipe), **options)
    asked: list[dict[str, Any]] = []

    def init(**settings: Any) -> AbstractContextManager[None]:  # noqa: ANN401 - as in the package
        asked.append(settings)
        return nullcontext()

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init))  # a stand-in for the service
    command.train_run(tmp_path, export, str(recipe), **options)
    assert [(one["project"], one["name"], one["config"]["seed"]) for one in asked] == [("shops", "short-seed3", 3)]
    assert asked[0]["sync_tensorboard"] is True


CHILD = """
import sys
from pathlib import Path
from scale.data.shard_folder import ShardFolder
from scale.training.train import train
from tests.scale.tiny_recipes import recipe

for done in train(ShardFolder(Path(sys.argv[1])), recipe(), Path(sys.argv[2]), device="cpu"):
    print(done.phase, done.steps, done.loss)
"""


def test_two_processes_train_one_model(export: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(export), str(tmp_path / "run")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    state = torch.load(tmp_path / "run" / "pretrain.pt", weights_only=True)
    assert state["step"] == 2  # two epochs of one batch: the smaller share has two shards, less what is held out
    assert {row[1] for row in state["curve"]} == {"IMCL", "MLM", "MRP", "MEM", "MFP", "MAM"}
    assert (tmp_path / "run" / "finetune.pt").is_file()
