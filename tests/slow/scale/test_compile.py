"""A compiled network trains to the same losses as a plain one."""

import shutil
from pathlib import Path

import pytest

from scale.data.shard_folder import ShardFolder
from tests.scale.conftest import export
from tests.scale.tiny_recipes import recipe

pytest.importorskip("torch")

from scale.training.checkpoint import load_checkpoint
from scale.training.train import PRETRAINED, train

__all__ = ["export"]


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile on a CPU needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")  # torch's warnings about itself
def test_a_compiled_network_trains_to_the_same_losses(
    export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))  # another run's cache may be incomplete
    curves = []
    for compiled in (False, True):
        chosen = recipe(
            objective={"modalities": ("text",), "contrastive": False},
            optimiser={"epochs": 1, "finetune_epochs": 0, "compile": compiled},
        )
        train(ShardFolder(export), chosen, tmp_path / str(compiled), device="cpu")
        curves.append(load_checkpoint(tmp_path / str(compiled) / PRETRAINED)["curve"])
    plain, fast = curves
    assert len(plain) == len(fast) > 0
    for (step, name, value), (_, _, other) in zip(plain, fast, strict=True):
        assert other == pytest.approx(value, rel=0.05), (step, name)
