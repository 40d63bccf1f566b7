"""The processes of a training: one, or those that torchrun started."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

__all__ = ["Processes", "joined", "seeded"]


@dataclass(frozen=True)
class Processes:
    """This process among its like."""

    device: torch.device
    rank: int = 0
    world: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this one writes checkpoints and logs."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until every process is here: what the first has written, all may read."""
        if self.world > 1:
            distributed.barrier()

    def share(self, module: nn.Module) -> nn.Module:
        """Return the module with its gradients averaged over the processes."""
        if self.world == 1:
            return module
        devices = [self.device] if self.device.type == "cuda" else None
        # a batch may leave a modality, and so its weights, without a part in the loss
        return DistributedDataParallel(module, device_ids=devices, find_unused_parameters=True)


@contextmanager
def joined(device: str | None = None) -> Iterator[Processes]:
    """Give this process's place, by the variables that torchrun sets; the device is a GPU where there is one.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:N``; None: a GPU where there is one.
    """
    rank, world, local = (
        int(os.environ.get(name, at)) for name, at in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))
    )
    chosen = torch.device(device or (f"cuda:{local}" if torch.cuda.is_available() else "cpu"))
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    if world == 1:
        yield Processes(chosen)
        return
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Processes(chosen, rank, world)
    finally:
        distributed.destroy_process_group()


@contextmanager
def seeded(device: torch.device, *parts: int) -> Iterator[None]:
    """Let torch's draws follow from ``parts`` alone, and leave its generators as they were.

    So the draws of a step depend on seed and step, not on what ran before it: that is the random state
    a checkpoint needs, and all of it.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        mixed = 0
        for part in parts:  # a plain hash of whole numbers: generators seeded with neighbours are unrelated
            mixed = (mixed * 1_000_003 + part) % (1 << 63)
        torch.manual_seed(mixed)
        yield
