"""The training loop, its loss curve, and the processes that share it."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.tensorboard import SummaryWriter

from core.errors import DataError
from core.stage import Progress
from scale.data.batches import Batches
from scale.data.sample_encoder import Encoded
from scale.data.tensors import Batch
from scale.training_recipe import OptimiserSettings

__all__ = ["LossLog", "Phase", "Processes", "halving", "process_group", "run_phase", "seeded", "total_steps"]


class LossLog:
    """Losses by step. ``curve`` has one row per step and term: step, name, value."""

    def __init__(self, folder: Path | None) -> None:
        self.curve: list[tuple[int, str, float]] = []
        self._folder = folder
        self._writer: SummaryWriter | None = None

    def resume(self, curve: Sequence[Sequence[int | str | float]], step: int) -> None:
        """Continue the curve of a checkpoint; later steps are purged from TensorBoard."""
        self.curve = [(int(row[0]), str(row[1]), float(row[2])) for row in curve]
        if self._folder is not None:
            self._writer = SummaryWriter(str(self._folder), purge_step=step)

    def add(self, step: int, terms: Mapping[str, float], rate: float) -> None:
        """Record the terms of a step."""
        self.curve += [(step, name, value) for name, value in terms.items()]
        if self._folder is None:
            return
        if self._writer is None:
            self._writer = SummaryWriter(str(self._folder))
        self.show(step, {**terms, "rate": rate})

    def show(self, step: int, values: Mapping[str, float]) -> None:
        """Send values to TensorBoard only."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush and close the TensorBoard log."""
        if self._writer is not None:
            self._writer.close()


@dataclass(frozen=True)
class Processes:
    """This process and its place among the processes that train together."""

    device: torch.device
    rank: int = 0
    world: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this one writes checkpoints and logs."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until every process is here, so that all may read what the first has written."""
        if self.world > 1:
            distributed.barrier()

    def share(self, module: nn.Module) -> nn.Module:
        """Return the module with its gradients averaged over the processes."""
        if self.world == 1:
            return module
        devices = [self.device] if self.device.type == "cuda" else None
        # a batch may lack a modality, so that its weights take no part in the loss
        return DistributedDataParallel(module, device_ids=devices, find_unused_parameters=True)


@contextmanager
def process_group(device: str | None = None) -> Iterator[Processes]:
    """Yield this process's place, from the variables that torchrun sets.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:N``; None: a GPU if there is one.
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
    """Make torch's random draws depend on ``parts`` alone, and restore its generators at the end.

    So the draws of a step depend on seed and step, not on what ran before, and a checkpoint needs no other random
    state.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        mixed = 0
        for part in parts:  # a plain hash of integers: generators with neighbouring seeds are unrelated
            mixed = (mixed * 1_000_003 + part) % (1 << 63)
        torch.manual_seed(mixed)
        yield


@dataclass
class Phase:
    """One phase of a training: a module whose ``forward`` returns loss terms, and its data and settings."""

    name: str
    module: nn.Module
    batches: Batches
    to_batch: Callable[[Encoded], Batch]
    settings: OptimiserSettings
    epochs: int
    rate: float
    seed: int
    save: Callable[[dict[str, Any]], None]
    """Saves the state after a step, which is all that ``run_phase`` needs to resume."""
    score: Callable[[Batch], float] | None = None
    """Batch of held-out samples -> score of the module, higher is better; None: no validation."""
    show: Callable[[Batch], Mapping[str, float]] = lambda _: {}
    """Batch -> statistics for TensorBoard."""


def run_phase(
    phase: Phase, processes: Processes, log: LossLog, progress: Progress, state: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Train, from the start or from the state of a checkpoint, and return the state at the end.

    Raises:
        DataError: The loss is not finite; the message names step and terms.
        ThresholdError: Too many samples cannot be read.
    """
    settings, total = phase.settings, total_steps(phase)
    module = processes.share(torch.compile(phase.module) if settings.compile else phase.module)  # type: ignore[arg-type]
    optimiser = torch.optim.AdamW(_groups(module, settings.weight_decay), lr=phase.rate)
    start, spent, began = 0, 0.0, time.monotonic()
    if state is not None:
        phase.module.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        start, spent = state["step"], state["seconds"]
        log.resume(state["curve"], start)
    progress.start(phase.name, total - start)
    best = state["best"] if state is not None else None
    held_out = [phase.to_batch(part) for part in phase.batches.validation()] if phase.score is not None else []
    every = max(total // max(phase.epochs, 1), 1)
    batches = _from(phase.batches, start * settings.accumulate)
    phase.module.train()
    for step in range(start, total):
        for group in optimiser.param_groups:
            group["lr"] = phase.rate * _factor(phase, step, total)
        terms, norm = _step(phase, module, optimiser, batches, step, processes)
        if processes.is_first:
            log.add(step, terms, optimiser.param_groups[0]["lr"])
            log.show(step, {"gradient norm": norm})
        if held_out and ((step + 1) % every == 0 or step + 1 == total):
            best = _validate(phase, held_out, step + 1, best, log)
        if processes.is_first and (step + 1) % settings.checkpoint_steps == 0:
            phase.save(_state(phase, optimiser, step + 1, log, spent + time.monotonic() - began, best))
        progress.advance()
    progress.finish()
    final = _state(phase, optimiser, total, log, spent + time.monotonic() - began, best)
    if processes.is_first and (start < total or state is None):
        phase.save(final)
    processes.wait()
    return final


@torch.no_grad()
def _validate(
    phase: Phase, held_out: Sequence[Batch], step: int, best: dict[str, Any] | None, log: LossLog
) -> dict[str, Any]:
    """Return the best weights so far, with their step and score; the current weights if these are better."""
    score = phase.score
    if score is None:
        raise ValueError("a phase without a score has nothing to validate")
    phase.module.eval()
    with seeded(next(phase.module.parameters()).device, phase.seed, 0, 0):  # the same masks each time
        scores = [score(batch) for batch in held_out]
    shown = phase.show(held_out[0])
    phase.module.train()
    mean = sum(scores) / len(scores)
    log.show(step, {"validation": mean, **shown})
    if best is not None and best["score"] >= mean:
        return best
    weights = {name: value.detach().cpu().clone() for name, value in phase.module.state_dict().items()}
    return {"score": mean, "step": step, "model": weights}


def _groups(module: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Return the weights that decay and those that do not: biases, norms and scalars."""
    trained = [weight for weight in module.parameters() if weight.requires_grad]
    return [
        {"params": [weight for weight in trained if weight.ndim > 1], "weight_decay": decay},
        {"params": [weight for weight in trained if weight.ndim <= 1], "weight_decay": 0.0},
    ]


def total_steps(phase: Phase) -> int:
    """Return the number of steps in all epochs."""
    return sum(map(phase.batches.steps, range(phase.epochs))) // phase.settings.accumulate


def _factor(phase: Phase, step: int, total: int) -> float:
    if phase.settings.schedule == "linear":
        return schedule(step, total, phase.settings.warm_up)
    return halving(step, total, phase.epochs)


def halving(step: int, total: int, epochs: int) -> float:
    """Return the factor of a learning rate that is halved every two epochs (MEP-3M)."""
    return float(0.5 ** (step * epochs // total // 2))


def schedule(step: int, total: int, warm_up: float) -> float:
    """Return the factor of the learning rate: up to 1 over the first steps, then linearly down to 0."""
    rising = max(int(total * warm_up), 1)
    return min((step + 1) / rising, (total - step) / max(total - rising, 1))


def _step(
    phase: Phase,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    batches: Iterator[Encoded],
    step: int,
    processes: Processes,
) -> tuple[dict[str, float], float]:
    """Make one step and return the mean of each loss term, and the norm of the gradient before it was clipped."""
    settings, device = phase.settings, processes.device
    terms: dict[str, float] = {}
    optimiser.zero_grad(set_to_none=True)
    with seeded(device, phase.seed, step, processes.rank):
        for _ in range(settings.accumulate):
            batch = phase.to_batch(next(batches))
            with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
                losses: dict[str, Tensor] = module(batch)
            if losses:
                (torch.stack(list(losses.values())).sum() / settings.accumulate).backward()  # type: ignore[no-untyped-call]
            for name, loss in losses.items():
                terms[name] = terms.get(name, 0.0) + float(loss.detach()) / settings.accumulate
    norm = nn.utils.clip_grad_norm_(module.parameters(), settings.clip)
    _check(phase, step, terms, float(norm))
    optimiser.step()
    return terms, float(norm)


def _check(phase: Phase, step: int, terms: dict[str, float], norm: float) -> None:
    values = torch.tensor([*terms.values(), norm])
    if not bool(torch.isfinite(values).all()):
        shown = ", ".join(f"{name} {value:.4g}" for name, value in terms.items())
        raise DataError(
            f"{phase.name}: step {step}: The loss is not finite: {shown}, gradient {norm:.4g}. "
            "Lower the learning rate, or look for broken values among the inputs."
        )


def _from(batches: Batches, skip: int) -> Iterator[Encoded]:
    """Yield the batches of one epoch after another, except the first ``skip``."""
    epoch = 0
    while skip >= batches.steps(epoch):
        skip -= batches.steps(epoch)
        epoch += 1
    while True:
        yield from batches.epoch(epoch, skip)
        epoch, skip = epoch + 1, 0


def _state(
    phase: Phase, optimiser: torch.optim.Optimizer, step: int, log: LossLog, seconds: float, best: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "model": phase.module.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
        "seconds": seconds,
        "best": best,
        "curve": [list(row) for row in log.curve],
        "skipped": phase.batches.skipped,
    }
