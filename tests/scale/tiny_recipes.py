"""Training recipes that take seconds."""

from typing import Any

from scale.training_recipe import TrainingRecipe

__all__ = ["recipe"]

INPUT: dict[str, Any] = {
    "text_tokens": 16,
    "table_tokens": 32,
    "grid": 3,
    "patch": 4,
    "frames": 5,
    "frame_side": 6,
    "audio_tokens": 4,
    "mfcc": 13,
}
MODEL: dict[str, Any] = {
    "width": 16,
    "heads": 2,
    "feed_forward": 32,
    "encoder_layers": 1,
    "joint_layers": 1,
    "feature_width": 24,
}
OPTIMISER: dict[str, Any] = {
    "batch": 32,
    "epochs": 2,
    "finetune_epochs": 2,
    "rate": 1e-3,
    "finetune_rate": 1e-3,
    "checkpoint_steps": 3,
    "validation": 0.2,
}


def recipe(**sections: dict[str, Any]) -> TrainingRecipe:
    """Return a small recipe; each section (input, model, objective, optimiser) may override single settings."""
    base = {"input": INPUT, "model": MODEL, "objective": {}, "optimiser": OPTIMISER}
    merged = {name: {**values, **sections.get(name, {})} for name, values in base.items()}
    return TrainingRecipe.model_validate({"name": "small-test", **merged})
