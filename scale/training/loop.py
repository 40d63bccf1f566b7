"""The loop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from m5data.errors import DataError
from m5data.stage import Progress
from scale.data.batches import Batches
from scale.data.encoded import Encoded
from scale.data.tensors import Batch
from scale.settings import OptimiserSettings
from scale.training.log import Log
from scale.training.processes import Processes, seeded

__all__ = ["Phase", "run_phase", "total_steps"]


@dataclass
class Phase:
    """One training: a module whose ``forward`` returns loss terms, and what it is trained on."""

    name: str
    module: nn.Module
    batches: Batches
    to_batch: Callable[[Encoded], Batch]
    settings: OptimiserSettings
    epochs: int
    rate: float
    seed: int
    save: Callable[[dict[str, Any]], None]
    """Keeps the state of a step, all that ``run_phase`` needs to go on."""


def run_phase(
    phase: Phase, processes: Processes, log: Log, progress: Progress, state: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Train, from the start or from the state of a checkpoint, and return the state at the end.

    Raises:
        DataError: The loss is not finite; the message names step and terms.
        ThresholdError: Too many samples cannot be read.
    """
    settings, total = phase.settings, total_steps(phase)
    module = processes.share(torch.compile(phase.module) if settings.compile else phase.module)  # type: ignore[arg-type]
    optimiser = torch.optim.AdamW(module.parameters(), lr=phase.rate, weight_decay=settings.weight_decay)
    start = 0
    if state is not None:
        phase.module.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        start = state["step"]
        log.resume(state["curve"], start)
    progress.start(phase.name, total - start)
    batches = _from(phase.batches, start * settings.accumulate)
    phase.module.train()
    for step in range(start, total):
        for group in optimiser.param_groups:
            group["lr"] = phase.rate * schedule(step, total, settings.warm_up)
        terms = _step(phase, module, optimiser, batches, step, processes)
        if processes.is_first:
            log.add(step, terms, optimiser.param_groups[0]["lr"])
            if (step + 1) % settings.checkpoint_steps == 0:
                phase.save(_state(phase, optimiser, step + 1, log))
        progress.advance()
    progress.finish()
    final = _state(phase, optimiser, total, log)
    if processes.is_first and (start < total or state is None):
        phase.save(final)
    processes.wait()
    return final


def total_steps(phase: Phase) -> int:
    """Return the steps of all epochs."""
    return sum(map(phase.batches.steps, range(phase.epochs))) // phase.settings.accumulate


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
) -> dict[str, float]:
    """Make one step and return the mean of each loss term."""
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
    return terms


def _check(phase: Phase, step: int, terms: dict[str, float], norm: float) -> None:
    values = torch.tensor([*terms.values(), norm])
    if not bool(torch.isfinite(values).all()):
        shown = ", ".join(f"{name} {value:.4g}" for name, value in terms.items())
        raise DataError(
            f"{phase.name}: step {step}: wanted a finite loss, got {shown}, gradient {norm:.4g}; "
            "lower the learning rate, or look for broken values among the inputs"
        )


def _from(batches: Batches, skip: int) -> Iterator[Encoded]:
    """Yield batches of one epoch after another, without the first ``skip``."""
    epoch = 0
    while skip >= batches.steps(epoch):
        skip -= batches.steps(epoch)
        epoch += 1
    while True:
        yield from batches.epoch(epoch, skip)
        epoch, skip = epoch + 1, 0


def _state(phase: Phase, optimiser: torch.optim.Optimizer, step: int, log: Log) -> dict[str, Any]:
    return {
        "model": phase.module.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
        "curve": [list(row) for row in log.curve],
        "skipped": phase.batches.skipped,
    }
