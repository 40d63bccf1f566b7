"""A contrastive loss over two processes has the loss and gradient of one process with the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402 - needs torch

from scale.model.losses import contrastive_loss, no_alignment  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
CHILD = """
import sys
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel
from scale.model.tasks import gathered
from scale.model.losses import contrastive_loss, no_alignment
from tests.scale.model.test_gather import present, values

distributed.init_process_group("gloo")
rank = distributed.get_rank()
torch.manual_seed(0)
layer = DistributedDataParallel(torch.nn.Linear(6, 4))
own = slice(4 * rank, 4 * rank + 4)
pooled = gathered(layer(values()[own]))
there = gathered(present()[own])
loss = contrastive_loss(pooled, there, no_alignment(there), 0.1, "detached")
loss.backward()
if rank == 0:
    torch.save({"loss": loss.detach(), "gradient": layer.module.weight.grad}, sys.argv[1])
distributed.barrier()
del layer, loss, pooled
distributed.destroy_process_group()
"""


def values() -> Tensor:
    drawn: Tensor = torch.randn(8, 3, 6, generator=torch.Generator().manual_seed(1))
    return drawn


def present() -> Tensor:
    drawn: Tensor = torch.rand(8, 3, generator=torch.Generator().manual_seed(2)) < 0.8
    return drawn


def test_two_processes_contrast_with_each_others_negatives(tmp_path: Path) -> None:
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    out = tmp_path / "out.pt"
    done = subprocess.run([*command, str(out)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    got = torch.load(out, weights_only=True)
    torch.manual_seed(0)
    layer = torch.nn.Linear(6, 4)
    loss = contrastive_loss(layer(values()), present(), no_alignment(present()), 0.1, "detached")
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(got["loss"]) == pytest.approx(float(loss.detach()), rel=1e-5)
    assert torch.allclose(got["gradient"], layer.weight.grad, atol=1e-6)
