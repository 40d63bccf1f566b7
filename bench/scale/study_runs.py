"""The runs of the study: which recipes are trained on which generated worlds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.scale.generated import World
from scale.training_recipe import MODALITIES, Modality, TrainingRecipe

__all__ = ["ROWS", "RUNS", "SIZES", "Run", "recipe_of", "world_of"]

SIZES: Mapping[str, int] = {
    "train": 1024,
    "classification-train": 1024,
    "classification-test": 640,
    "query-c": 320,
    "gallery-c": 640,
}

INPUT: dict[str, Any] = {
    "text_tokens": 14,
    "table_tokens": 32,
    "grid": 3,
    "patch": 6,
    "frames": 5,
    "frame_side": 6,
    "audio_tokens": 3,
    "mfcc": 13,
}
MODEL: dict[str, Any] = {
    "width": 48,
    "heads": 4,
    "feed_forward": 96,
    "encoder_layers": 1,
    "joint_layers": 1,
    "feature_width": 64,
    "dropout": 0.1,
}
OPTIMISER: dict[str, Any] = {
    "batch": 64,
    "epochs": 8,
    "finetune_epochs": 8,
    "rate": 2e-3,
    "finetune_rate": 2e-3,
    "checkpoint_steps": 100_000,
}


@dataclass(frozen=True)
class Run:
    """One row of a table, for one seed."""

    name: str
    modalities: tuple[Modality, ...] = MODALITIES
    objective: tuple[tuple[str, Any], ...] = ()
    pretrained: bool = True
    control: str = ""
    """``uninformative`` or ``noise``: what the audio of the world is."""


ROWS = ("Text", "+ Image", "+ Table", "+ Video", "+ Audio")
RUNS = (
    *(Run(name, MODALITIES[: count + 1]) for count, name in enumerate(ROWS)),
    Run("neither loss", pretrained=False),
    Run("contrastive only", objective=(("masked", False),)),
    Run("masked only", objective=(("contrastive", False),)),
    Run("alignment off", objective=(("alignment", "off"),)),
    Run("audio of coin flips", control="uninformative"),
    Run("audio of noise", control="noise"),
)


def world_of(run: Run, seed: int) -> World:
    """Return the world that a run is trained on; worlds of one seed differ in their audio alone."""
    audio = frozenset({"audio"})
    if run.control == "noise":
        return World(seed, noise=audio)
    return World(seed, uninformative=audio if run.control else frozenset())


def recipe_of(run: Run) -> TrainingRecipe:
    """Return what a run trains."""
    return TrainingRecipe.model_validate(
        {
            "name": "study",
            "input": INPUT,
            "model": MODEL,
            "objective": {"modalities": run.modalities, **dict(run.objective)},
            "optimiser": {**OPTIMISER, "epochs": OPTIMISER["epochs"] if run.pretrained else 0},
        }
    )
