"""Pre-training on the shards of ``train``, then fine-tuning on classification."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from core.errors import MissingInputError
from core.files import sweep_temporaries
from core.stage import Progress, SilentProgress
from scale.data.batches import Batches
from scale.data.block_loader import BlockLoader
from scale.data.blocks import split_into_blocks
from scale.data.completion import Imputer, complete_by_group, complete_by_search, load_completion
from scale.data.fit_vocabulary import Fitted, fit, load_fitted
from scale.data.images import Regions
from scale.data.sample_encoder import SampleEncoder
from scale.data.shard_folder import ShardFile, ShardFolder
from scale.data.tensors import make_batch
from scale.encoders.frozen import FrozenEncoders
from scale.model.encoders import TokenEncoder, adopt_bert
from scale.model.tasks import Classifier, Pretraining
from scale.threads import sensible_threads
from scale.training.checkpoint import Identity, best_weights, load_checkpoint, save_checkpoint
from scale.training.loop import LossLog, Phase, Processes, process_group, run_phase, seeded, total_steps
from scale.training.requirements import check_requirements
from scale.training_recipe import Modality, TrainingRecipe

__all__ = [
    "FINETUNED",
    "PRETRAINED",
    "PhaseReport",
    "effective_rank",
    "make_loader",
    "mean_cosine",
    "train",
    "vector_statistics",
]

PRETRAINED, FINETUNED = "pretrain.pt", "finetune.pt"


@dataclass(frozen=True)
class PhaseReport:
    """Outcome of one phase of a training."""

    phase: str
    steps: int
    """Steps made now: fewer than ``total`` if training resumed from a checkpoint."""
    total: int
    samples: int
    """Samples of the split."""
    products: int
    """Those that an epoch has: readable, not held out, and complete where that is asked for."""
    seconds: float
    loss: float
    """Sum of the terms of the last step; 0 if there was no step."""
    skipped: dict[str, int]


@dataclass(frozen=True)
class _Run:
    """Everything that both phases need."""

    folder: Path
    shards: ShardFolder
    identity: Identity
    processes: Processes
    progress: Progress
    cache: Path | None

    @property
    def recipe(self) -> TrainingRecipe:
        return self.identity.recipe


def train(
    shards: ShardFolder,
    recipe: TrainingRecipe,
    folder: Path,
    *,
    seed: int = 0,
    restart: bool = False,
    cache: Path | None = None,
    device: str | None = None,
    progress: Progress = SilentProgress(),
) -> tuple[PhaseReport, ...]:
    """Train a recipe, or resume an interrupted training of it.

    Fine-tuning is skipped if the export lacks its split.

    Args:
        shards: The export.
        recipe: Recipe to train.
        folder: Folder of checkpoints and logs.
        seed: Seed of all random draws.
        restart: Discard an earlier training in ``folder``.
        cache: Folder of decoded blocks; None: decode every epoch.
        device: Device to train on; None: a GPU if there is one.
        progress: Shows every step.

    Raises:
        SettingsError: ``folder`` holds a training with other settings or another seed; or a package, file or network
            that the recipe names is missing.
        DataError: That training used another dataset version; a loss is not finite; shards are damaged, or too few.
    """
    check_requirements(recipe)
    sweep_temporaries(folder)
    if restart:
        for name in (PRETRAINED, FINETUNED):
            (folder / name).unlink(missing_ok=True)
    with process_group(device) as processes, sensible_threads(recipe.model.width):
        run = _Run(folder, shards, Identity(recipe, seed, shards.version), processes, progress, cache)
        fitted, first = _pretrain(run)
        if recipe.finetune_split not in shards.splits or not recipe.optimiser.finetune_epochs:
            return (first,)
        return first, _finetune(run, fitted)


def make_loader(
    recipe: TrainingRecipe,
    fitted: Fitted,
    cache: Path | None,
    imputer: Imputer | None = None,
    device: torch.device | None = None,
) -> BlockLoader:
    """Return the loader of a recipe's inputs; ``imputer`` fills gaps, frozen encoders run on ``device``."""
    inputs, cache = recipe.input, cache if recipe.optimiser.cache else None
    stored = inputs.image == "regions"
    regions = Regions(Path(inputs.regions_file), inputs.region_width) if stored else None
    # worker processes do not share this process's GPU
    place = str(device) if device is not None and not recipe.optimiser.workers else "cpu"
    frozen = FrozenEncoders(inputs, cache and cache / "features", place).features if inputs.frozen else None
    encoder = SampleEncoder(inputs, fitted, regions, frozen)
    # region files and networks may change while the shards do not, so blocks made with them are not kept
    kept = None if stored or frozen else cache
    return BlockLoader(encoder, kept, recipe.optimiser.workers, imputer)


def _pretrain(run: _Run) -> tuple[Fitted, PhaseReport]:
    recipe, path = run.recipe, run.folder / PRETRAINED
    state = load_checkpoint(path, run.identity) if path.exists() else None
    shards = run.shards.shards(recipe.train_split)
    fitted = (
        load_fitted(state["fitted"], recipe.input) if state else fit(shards, recipe.input, recipe.optimiser.fit_samples)
    )
    batches = _batches(run, recipe.train_split, fitted)
    with seeded(torch.device("cpu"), run.identity.seed, 1):
        module = Pretraining(recipe, fitted.vocabulary.size, batches.samples)
    if recipe.model.bert and state is None:
        for encoder in module.trunk.encoders.values():
            if isinstance(encoder, TokenEncoder):
                adopt_bert(encoder, recipe.model.bert)
    to_batch = partial(make_batch, objective=recipe.objective, device=run.processes.device)
    settings = recipe.optimiser
    save = _saver(path, run.identity, {"fitted": fitted.state()})
    phase = Phase(
        "pretrain",
        _on(module, run),
        batches,
        to_batch,
        settings,
        settings.epochs,
        settings.rate,
        run.identity.seed,
        save,
        module.score,
        lambda batch: vector_statistics(module.trunk.vectors(batch), batch["present"], module.trunk.streams),
    )
    return fitted, _trained(phase, run, state)


def _finetune(run: _Run, fitted: Fitted) -> PhaseReport:
    recipe, path = run.recipe, run.folder / FINETUNED
    state = load_checkpoint(path, run.identity) if path.exists() else None
    batches = _batches(run, recipe.finetune_split, fitted)
    classes: Sequence[str] = state["classes"] if state else _classes(batches)
    with seeded(torch.device("cpu"), run.identity.seed, 2):
        module = Classifier(recipe, fitted.vocabulary.size, len(classes))
    if state is None:
        _adopt(module, best_weights(load_checkpoint(run.folder / PRETRAINED, run.identity)))
    numbers = {name: number for number, name in enumerate(classes)}
    to_batch = partial(make_batch, objective=recipe.objective, device=run.processes.device, classes=numbers)
    settings = recipe.optimiser
    save = _saver(path, run.identity, {"fitted": fitted.state(), "classes": list(classes)})
    seed = run.identity.seed + 1_000_003  # draws differ from those of pre-training
    phase = Phase(
        "finetune",
        _on(module, run),
        batches,
        to_batch,
        settings,
        settings.finetune_epochs,
        settings.finetune_rate,
        seed,
        save,
        module.score,
    )
    return _trained(phase, run, state)


def _batches(run: _Run, split: str, fitted: Fitted) -> Batches:
    recipe = run.recipe
    shards = run.shards.shards(split)
    blocks = split_into_blocks(shards)
    imputer = _imputer(recipe, shards)
    complete = recipe.objective.modalities if recipe.objective.missing == "drop" else ()
    batches = Batches(
        blocks,
        make_loader(recipe, fitted, run.cache, imputer, run.processes.device),
        recipe.optimiser.batch,
        run.identity.seed,
        recipe.optimiser.max_skipped,
        complete,
        run.processes.rank,
        run.processes.world,
        recipe.optimiser.validation,
    )
    batches.batch = min(recipe.optimiser.batch, batches.products // run.processes.world)
    if batches.batch < 2:
        raise MissingInputError(
            f"{run.shards.root}: Of split {split!r} only {batches.products} of {batches.samples} samples can be "
            "trained on, fewer than two for each process. Export more."
        )
    return batches


def _imputer(recipe: TrainingRecipe, shards: Sequence[ShardFile]) -> Imputer | None:
    objective = recipe.objective
    if objective.missing == "search":
        return load_completion(objective.completion, shards) if objective.completion else complete_by_search(shards)
    return complete_by_group(shards) if objective.missing == "fill" else None


def _classes(batches: Batches) -> list[str]:
    return sorted({label for part in batches.in_order() for label in part.labels if label is not None})


def _on(module: nn.Module, run: _Run) -> nn.Module:
    return module.to(run.processes.device)


def _adopt(module: Classifier, state: dict[str, Any]) -> None:
    """Copy the trunk's weights from a pre-training."""
    own = {name: value for name, value in state.items() if name.startswith("trunk.")}
    module.trunk.load_state_dict({name.removeprefix("trunk."): value for name, value in own.items()})


def _saver(path: Path, identity: Identity, more: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    def save(state: dict[str, Any]) -> None:
        save_checkpoint(path, identity, {**more, **state})

    return save


def _trained(phase: Phase, run: _Run, state: dict[str, Any] | None) -> PhaseReport:
    began = time.monotonic()
    log = LossLog(run.folder / "logs" / phase.name if run.processes.is_first else None)
    final = run_phase(phase, run.processes, log, run.progress, state)
    log.close()
    last = max((row[0] for row in final["curve"]), default=0)
    return PhaseReport(
        phase=phase.name,
        steps=final["step"] - (state["step"] if state else 0),
        total=total_steps(phase),
        samples=phase.batches.samples,
        products=phase.batches.products,
        seconds=time.monotonic() - began,
        loss=sum(value for step, _, value in final["curve"] if step == last),
        skipped=final["skipped"],
    )


def mean_cosine(vectors: Tensor) -> float:
    """Return the mean cosine of different rows of [n, width]: near 1, all products have the same vector."""
    unit = F.normalize(vectors.float(), dim=-1)
    count = len(unit)
    return float((unit.sum(dim=0).square().sum() - count) / (count * (count - 1)))


def effective_rank(vectors: Tensor) -> float:
    """Return the effective rank of [n, width] (Roy and Vetterli 2007): near 1, vectors differ in one direction only.

    The exponential of the entropy of the singular values of the centred vectors.
    """
    values = torch.linalg.svdvals(vectors.float() - vectors.float().mean(dim=0))
    shares = values / values.sum().clamp_min(1e-12)
    return float(torch.exp(-torch.special.xlogy(shares, shares).sum()))


def vector_statistics(vectors: Tensor, present: Tensor, streams: tuple[Modality, ...]) -> dict[str, float]:
    """Return mean cosine and effective rank of each modality, and the cosine of each pair in the same product.

    Args:
        vectors: [B, streams, width].
        present: [B, streams] bool.
        streams: Names of the modalities.
    """
    found: dict[str, float] = {}
    for at, name in enumerate(streams):
        own = vectors[present[:, at], at]
        if len(own) > 1:
            found[f"cosine of different products/{name}"] = mean_cosine(own)
            found[f"effective rank/{name}"] = effective_rank(own)
        for other in range(at + 1, len(streams)):
            both = present[:, at] & present[:, other]
            if bool(both.any()):
                same = F.cosine_similarity(vectors[both, at].float(), vectors[both, other].float(), dim=-1)
                found[f"cosine of the same product/{name}-{streams[other]}"] = float(same.mean())
    return found
