"""Checkpoints: written atomically, and refused if they belong to another training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.errors import DataError, MissingInputError, SettingsError
from core.files import replacing
from scale.training_recipe import TrainingRecipe

__all__ = ["Identity", "best_weights", "load_checkpoint", "save_checkpoint"]

FORMAT = 2


@dataclass(frozen=True)
class Identity:
    """Recipe, seed and data of a training; a checkpoint resumes only if all of them are the same."""

    recipe: TrainingRecipe
    seed: int
    version: str
    """Dataset version: ``ShardFolder.version``."""

    def state(self) -> dict[str, Any]:
        """Return plain values."""
        return {"recipe": self.recipe.model_dump_json(), "seed": self.seed, "version": self.version}


def save_checkpoint(path: Path, identity: Identity, state: dict[str, Any]) -> None:
    """Write a checkpoint under a temporary name, then rename it, so that it is whole whenever the process dies.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        try:
            torch.save({"format": FORMAT, "identity": identity.state(), **state}, file)
        except RuntimeError as error:  # from torch's writer, when it closes a file on a full disk
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def load_checkpoint(path: Path, identity: Identity | None = None) -> dict[str, Any]:
    """Read a checkpoint onto the CPU; no code in it is run.

    Args:
        path: Path of the checkpoint.
        identity: Training that it must belong to; None: any.

    Raises:
        MissingInputError: There is none.
        DataError: The file is not a checkpoint of this version, or it was trained on other data.
        SettingsError: It is of another recipe or seed; the message names the keys that differ.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        found = state["identity"]
        recipe = TrainingRecipe.model_validate_json(found["recipe"])
    except FileNotFoundError:
        raise MissingInputError(f"{path}: There is no checkpoint. Run: m5data train") from None
    except Exception as error:  # torch's readers may raise anything on broken bytes
        raise DataError(
            f"{path}: This is not a checkpoint of this version of m5data: {repr(error).splitlines()[0][:200]}. "
            "Train again with --restart."
        ) from error
    if identity is not None:
        _check(path, identity, recipe, found)
    return state


def best_weights(state: dict[str, Any]) -> dict[str, Any]:
    """Return the weights of a checkpoint that did best in validation, or the last ones if there was none."""
    weights: dict[str, Any] = (state["best"] or state)["model"]
    return weights


def _check(path: Path, identity: Identity, recipe: TrainingRecipe, found: dict[str, Any]) -> None:
    changed = _differences(recipe.model_dump(), identity.recipe.model_dump())
    if found["seed"] != identity.seed:
        changed.append(f"seed: {found['seed']}, now {identity.seed}")
    if changed:
        raise SettingsError(
            f"{path}: trained with other settings ({'; '.join(changed)}); "
            "train again with --restart, or under another name"
        )
    if found["version"] != identity.version:
        raise DataError(
            f"{path}: trained on dataset version {found['version']}, the shards are of {identity.version}; "
            "train again with --restart"
        )


def _differences(old: dict[str, Any], new: dict[str, Any], where: str = "") -> list[str]:
    changed: list[str] = []
    for key, value in new.items():
        if isinstance(value, dict):
            changed += _differences(old[key], value, f"{where}{key}.")
        elif old[key] != value:
            changed.append(f"{where}{key}: {old[key]!r}, now {value!r}")
    return changed
