"""Entry points of ``m5data train`` and ``m5data evaluate``: folders by convention, results as plain values."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from core.errors import SettingsError
from core.stage import Progress
from scale.data.shard_folder import ShardFolder
from scale.evaluation.evaluate import evaluate
from scale.training.train import PhaseReport, train
from scale.training_recipe import TrainingRecipe, load_training_recipe
from storage.lock import held_alone

__all__ = ["CACHE", "evaluate_run", "run_folder", "train_run"]

CACHE = Path("training", "cache")
"""Folder of decoded shard blocks in the workspace; may be removed at any time."""


def run_folder(workspace: Path, recipe: str, seed: int = 0) -> Path:
    """Return the folder of checkpoints, logs and evaluation for a recipe trained with a seed."""
    return workspace / "training" / (f"{recipe}-seed{seed}" if seed else recipe)


def train_run(
    workspace: Path,
    shards: Path,
    recipe: str,
    *,
    seed: int,
    restart: bool,
    device: str | None,
    progress: Progress,
    wandb: str = "",
) -> tuple[PhaseReport, ...]:
    """Train a recipe on an export, or resume its training; see ``scale.training.train.train``.

    ``wandb`` is a Weights & Biases project that receives the TensorBoard logs; empty: none.

    Raises:
        WorkspaceError: Another process is training it.
        SettingsError: ``wandb`` is set, but its package is not installed.
        NotAuthorisedError: The export was made for another purpose than training.
    """
    chosen = load_training_recipe(recipe)
    exported = ShardFolder(shards)
    exported.check_purpose("train")
    folder = run_folder(workspace, chosen.name, seed)
    cache = workspace / CACHE
    with held_alone(folder, f"train: recipe {chosen.name}"), _mirrored(wandb, chosen, seed, folder):
        return train(
            exported,
            chosen,
            folder,
            seed=seed,
            restart=restart,
            cache=cache,
            device=device,
            progress=progress,
        )


@contextmanager
def _mirrored(project: str, recipe: TrainingRecipe, seed: int, folder: Path) -> Iterator[None]:
    """Copy the TensorBoard logs to a Weights & Biases project, from the first process only."""
    if not project or os.environ.get("RANK", "0") != "0":
        yield
        return
    try:
        library = import_module("wandb")
    except ImportError as error:
        raise SettingsError(f"--wandb: {error}. Run pip install wandb, or leave --wandb out.") from None
    config = {**recipe.model_dump(mode="json"), "seed": seed}
    with library.init(project=project, name=folder.name, dir=folder, config=config, sync_tensorboard=True):
        yield


def evaluate_run(
    workspace: Path, shards: Path, recipe: str, *, seed: int, device: str | None, progress: Progress
) -> dict[str, Any]:
    """Evaluate the training of a recipe with a seed; see ``scale.evaluation.evaluate.evaluate``."""
    folder = run_folder(workspace, load_training_recipe(recipe).name, seed)
    out = folder / "evaluation"
    exported = ShardFolder(shards)
    exported.check_purpose("evaluate", "train")
    return evaluate(exported, folder, out, cache=workspace / CACHE, device=device, progress=progress)
